"""Small networks for packet tests: nodes with known keys, routes through them, and packets carried along."""

import random
from dataclasses import dataclass
from typing import Any

from nymconnect.crypto import Ed25519Secret, X25519Secret
from nymconnect.packet.addressing import NodeAddress, Recipient
from nymconnect.packet.framing import MixPacket
from nymconnect.packet.params import KeyRotation
from nymconnect.packet.replies import ReplySurb
from nymconnect.packet.route import Hop, Route
from nymconnect.packet.sphinx import Final, Forward, open_packet


class ScriptedRng(random.Random):
    """Random bytes by the number that is asked for: whatever a vector fixes has a length of its own."""

    def __init__(self, script: dict[int, bytes]) -> None:
        super().__init__(0)
        self._script = script

    def randbytes(self, n: int) -> bytes:
        return self._script[n]


@dataclass(frozen=True)
class Way:
    """A route and the secrets of its nodes."""

    route: Route
    secrets: dict[NodeAddress, X25519Secret]


@dataclass(frozen=True)
class Client:
    """A client with known keys."""

    address: Recipient
    secret: X25519Secret
    ack_key: bytes


def make_way(seed: int, hops: int = 4, rotation: KeyRotation = KeyRotation.EVEN) -> Way:
    rng = random.Random(seed)
    nodes = {NodeAddress(f"10.{seed}.0.{i}", 1789): X25519Secret.generate(rng) for i in range(1, hops + 1)}
    route_hops = tuple(Hop(address, secret.public) for address, secret in nodes.items())
    return Way(Route(route_hops, tuple(range(1_000_000, 1_000_000 + hops)), rotation), nodes)


def make_client(seed: int) -> Client:
    rng = random.Random(seed)
    secret = X25519Secret.generate(rng)
    identity, gateway = Ed25519Secret.generate(rng).public, Ed25519Secret.generate(rng).public
    return Client(Recipient(identity, secret.public, gateway), secret, rng.randbytes(16))


def prototype_surb(vector: dict[str, Any], version: int) -> ReplySurb:
    """The reply SURB that the section `surb` of `nym-prototype.json` describes."""
    hops = tuple(
        Hop(NodeAddress.parse(hop["address"]), X25519Secret(bytes.fromhex(hop["secret_byte"]) * 32).public)
        for hop in vector["hops"]
    )
    script = {
        16: bytes.fromhex(vector["key"]),
        32: bytes.fromhex(vector["initial_secret_byte"]) * 32,
        68: bytes.fromhex(vector["padding_byte"]) * 68,
    }
    owner = Recipient(bytes.fromhex(vector["destination"]), bytes(32), bytes(32))
    route = Route(hops, tuple(vector["delays_ns"]), KeyRotation(vector["rotation"]))
    return ReplySurb.create(owner, route, ScriptedRng(script), version)


@dataclass(frozen=True)
class Seen:
    """All that a node on the way can tell about a packet."""

    kind: str
    version: int
    length: int


def carry(packet: MixPacket, way: Way) -> tuple[Final, list[Seen]]:
    """What the last hop holds, and what each hop saw."""
    seen: list[Seen] = []
    here, data = packet.next_hop, packet.packet
    while True:
        unwrapped = open_packet(data, way.secrets[here]).unwrap()
        seen.append(Seen(type(unwrapped).__name__, unwrapped.version, len(data)))
        if not isinstance(unwrapped, Forward):
            return unwrapped, seen
        here, data = unwrapped.next_hop, unwrapped.packet
