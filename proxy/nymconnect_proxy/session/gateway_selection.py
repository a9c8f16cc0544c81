"""By which gateway, and as which client, a session enters the mixnet: chosen once at random, then kept.

A gateway that stays is safer than one that changes: each new one is another party that learns this computer's address.
So it is left only when it is gone for good, or when the requester sits behind it: who runs it would see both ends. A
gateway that the user has named is never left at all.
"""

import asyncio
import logging
from collections.abc import Collection
from dataclasses import dataclass, field

from nymconnect.client.client import MixnetClient
from nymconnect.client.gateway.keys import ClientKeys, choose_gateway
from nymconnect.client.gateway.profile import Profile, ProfileStore
from nymconnect.client.surbs.issued import IssuedKey
from nymconnect.crypto import Rng
from nymconnect.directory.topology import Node, Topology
from nymconnect.errors import UserError
from nymconnect.reasons import Reason
from nymconnect.runtime.clock import clock, unix_offset
from nymconnect_proxy.session.reasons import NoGatewayIn, ProfileInUse

log = logging.getLogger(__name__)

SAVE_INTERVAL = 180.0


@dataclass(frozen=True, slots=True)
class Entrance:
    """A gateway and the client that goes there, with the reply keys that it may still need."""

    gateway: Node
    keys: ClientKeys
    issued: tuple[IssuedKey, ...] = field(default=(), repr=False)


class GatewaySelection:
    """Chooses and remembers. Without a `store` every session is a new client; `pinned` is an identity (32 bytes)."""

    def __init__(self, store: ProfileStore | None, pinned: bytes | None, rng: Rng) -> None:
        self.notices: list[Reason] = []
        self._unsaved: Reason | None = None  # why the last attempt to save failed
        self.pinned = pinned
        self.country = ""
        self._in_country: frozenset[bytes] = frozenset()
        self._store = store
        self._rng = rng
        self._profile: Profile | None = None

    def open(self) -> None:
        """Read what an earlier session has left; `close` in the end. UserError if the files cannot be used."""
        if self._store is None:
            return
        if not self._store.open():
            self._store = None
            self.notices.append(ProfileInUse())
            return
        self._profile = self._store.load(_unix_time())
        if self._store.notice is not None:
            self.notices.append(self._store.notice)

    def close(self) -> None:
        """Let another session use the files."""
        if self._store is not None:
            self._store.close()

    def choose(self, topology: Topology, given_up: Collection[bytes] = (), exits: Collection[bytes] = ()) -> Entrance:
        """The pinned gateway, else the one of before, else a random one that is not `given_up`. UserError if none.

        One of the gateways in `exits`, those of the requesters in use, is taken only if it is pinned or no other is
        left.
        """
        known, given_up = self._profile, self._unwanted(topology, given_up)
        if self.has_other(topology, {*given_up, *exits}):
            given_up = {*given_up, *exits}
        if self.pinned is not None:
            gateway = choose_gateway(topology, self._rng, self.pinned)
        elif known is not None and known.gateway not in given_up and is_entry(topology, known.gateway):
            gateway = topology.gateways[known.gateway]
        elif self.country and not self.has_other(topology, ()):
            raise UserError(NoGatewayIn(self.country))
        else:
            gateway = choose_gateway(topology, self._rng, avoid=given_up)
        if known is not None and known.gateway == gateway.identity:
            return Entrance(gateway, known.keys, known.issued)
        return Entrance(gateway, ClientKeys.generate(self._rng))

    def has_other(self, topology: Topology, given_up: Collection[bytes]) -> bool:
        """Whether `choose` may be asked for one more."""
        if self.pinned is not None:
            return False
        given_up = self._unwanted(topology, given_up)
        return any(identity not in given_up for identity in topology.gateways if is_entry(topology, identity))

    def stay_in(self, country: str, identities: frozenset[bytes]) -> None:
        """Choose among the gateways with these identities only, which stand in `country`."""
        self.country, self._in_country = country, identities

    def _unwanted(self, topology: Topology, given_up: Collection[bytes]) -> Collection[bytes]:
        if not self.country:
            return given_up
        return {*given_up, *(identity for identity in topology.gateways if identity not in self._in_country)}

    async def keep_saving(self, client: MixnetClient) -> None:
        """Save now and every few minutes."""
        while True:
            await self.save(client)
            await asyncio.sleep(SAVE_INTERVAL)

    async def save(self, client: MixnetClient) -> None:
        """Remember this client for the next session. A failure ends nothing; `notices` has it until saving works."""
        self._profile = Profile(client.keys, client.gateway.identity, tuple(client.issued_keys()))
        if self._store is None:
            return
        try:
            await asyncio.to_thread(self._store.save, self._profile, _unix_time())
            unsaved = None
        except UserError as error:
            log.warning("the profile was not saved: %s", error)
            unsaved = error.reason
        self.notices = [notice for notice in self.notices if notice != self._unsaved]
        self._unsaved = unsaved
        if unsaved is not None:
            self.notices.append(unsaved)


def is_entry(topology: Topology, identity: bytes) -> bool:
    """Whether clients can enter there."""
    node = topology.gateways.get(identity)
    return node is not None and node.entry is not None


def _unix_time() -> float:
    return clock() + unix_offset()
