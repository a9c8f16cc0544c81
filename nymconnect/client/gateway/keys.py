"""Who a client is, and by which gateway it enters. Mirrors the keys of nym-client-core 1.21 (`client/key_manager/`)."""

from collections.abc import Collection
from dataclasses import dataclass, field

from nymconnect.client.sending.preparer import ACK_KEY_LENGTH
from nymconnect.crypto import Ed25519Secret, Rng, X25519Secret
from nymconnect.directory.topology import Node, Topology
from nymconnect.errors import UserError
from nymconnect.reasons import NoGateway, Wanted
from nymconnect.runtime.clock import SYSTEM_RNG


@dataclass(slots=True)
class ClientKeys:
    """Who a client is. `shared_key` is what its registration at one gateway gave it, None before that; `last_timestamp`
    the Unix second of its last authentication there, for gateways want a later one each time."""

    identity: Ed25519Secret
    encryption: X25519Secret
    ack: bytes = field(repr=False)
    shared_key: bytes | None = field(default=None, repr=False)
    last_timestamp: int = 0

    @classmethod
    def generate(cls, rng: Rng = SYSTEM_RNG) -> "ClientKeys":
        return cls(Ed25519Secret.generate(rng), X25519Secret.generate(rng), rng.randbytes(ACK_KEY_LENGTH))


def choose_gateway(topology: Topology, rng: Rng, identity: bytes | None = None, avoid: Collection[bytes] = ()) -> Node:
    """The gateway with this identity, or one at random that is none of `avoid`; UserError if there is none."""
    entries = [node for node in topology.gateways.values() if node.entry is not None]
    if identity is not None:
        entries = [node for node in entries if node.identity == identity]
    else:
        entries = [node for node in entries if node.identity not in avoid]
    if not entries:
        raise UserError(NoGateway(Wanted.NAMED if identity else Wanted.ANOTHER if avoid else Wanted.ANY))
    return rng.choice(entries)
