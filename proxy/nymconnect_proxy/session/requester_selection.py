"""Which requesters a session may use, and how many of them at once: those that the user has named, the practice
network's, or those that the directory lists in the country that the user wants.

One that sits behind the client's own gateway is left out where there are others: the operator of the gateway would see
both ends of a stream.
"""

from collections.abc import Sequence

from nymconnect.client.client import MixnetClient
from nymconnect.crypto import hkdf_sha256
from nymconnect.directory.locations import requesters_of
from nymconnect.directory.models import DescribedNode
from nymconnect.directory.topology import Topology
from nymconnect.errors import UserError
from nymconnect.packet.addressing import Recipient
from nymconnect.runtime.clock import SYSTEM_RNG
from nymconnect_proxy.ingress.requester_choice import MAX_IN_USE, KnownRequester, RequesterChoice
from nymconnect_proxy.session.reasons import NoRequester, RequestersGone
from nymconnect_proxy.settings.address_book import resolve
from nymconnect_proxy.settings.options import DIRECTORY
from nymconnect_proxy.settings.settings import Settings

CHOICE_KEY = b"nymconnect requester choice"


class RequesterSelection:
    """Empty at first; filled while a session reaches its network."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._known: list[KnownRequester] = []

    @property
    def known(self) -> list[KnownRequester]:
        """All that may be used."""
        return list(self._known)

    def take_named(self) -> None:
        """Those that the user has named, if any; UserError if the address book does not know one."""
        self._known = []
        if self._settings.requester not in (None, DIRECTORY):
            self._known = [
                KnownRequester(*found) for found in resolve(self._settings.requester, self._settings.address_book)
            ]

    def take_practice(self, address: str) -> None:
        """The practice network's, unless the user has named another."""
        if self._settings.requester is None:
            self._known = [self._with_name(Recipient.parse(address))]

    def take_listed(self, described: Sequence[DescribedNode], topology: Topology) -> None:
        """Those that the directory lists, in the country that the user wants; UserError if there is none."""
        country = self._settings.requester_country or ""
        listed = [found for found in requesters_of(described, country) if found.gateway in topology.gateways]
        if not listed:
            raise UserError(NoRequester(str(self._settings.network), country))
        self._known = [self._with_name(address) for address in listed]

    def draw_again(self, described: Sequence[DescribedNode], topology: Topology) -> bool:
        """Whether none of them exists any more, after the network has changed; others are taken then. UserError if the
        user has named them, or if there are no others."""
        named, listed = self._settings.requester not in (None, DIRECTORY), set(requesters_of(described))
        reachable = [known.address for known in self._known if known.address.gateway in topology.gateways]
        if any(named or address in listed for address in reachable):
            return False
        if named:
            raise UserError(RequestersGone(tuple(known.name for known in self._known)))
        self.take_listed(described, topology)
        return True

    def exits(self, *, paced: bool) -> frozenset[bytes]:
        """Gateways of the requesters, if each of them is in use whatever the client's keys are. `paced` means that what
        comes in has a constant rate."""
        if len(self._known) > self._most_in_use(paced):
            return frozenset()
        return frozenset(known.address.gateway for known in self._known)

    def choice(self, client: MixnetClient, *, paced: bool) -> RequesterChoice:
        """Who dials the targets for this client; only its keys tell which of them dials which."""
        key = hkdf_sha256(b"", client.keys.ack, CHOICE_KEY, 32)
        elsewhere = [known for known in self._known if known.address.gateway != client.gateway.identity]
        # Where all are in use, the gateway was chosen after them: see `exits`.
        requesters = self._known if self.exits(paced=paced) or not elsewhere else elsewhere
        return RequesterChoice(requesters, key, SYSTEM_RNG, self._most_in_use(paced))

    def _most_in_use(self, paced: bool) -> int:
        """All that are named; of those in the directory a few, but one where several would share a constant rate."""
        if self._settings.requester not in (None, DIRECTORY):
            return MAX_IN_USE
        return 1 if paced else self._settings.requester_count

    def _with_name(self, address: Recipient) -> KnownRequester:
        ((name, _),) = resolve(str(address), self._settings.address_book)
        return KnownRequester(name, address)
