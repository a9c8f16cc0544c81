"""How many X25519 operations the sender and a node spend: counted, as a clock would tell of the machine instead."""

import random
from collections import Counter

import pytest

from nymconnect import crypto
from nymconnect.crypto import X25519Secret
from nymconnect.packet.addressing import NodeAddress
from nymconnect.packet.params import PacketSize
from nymconnect.packet.route import Hop, Route
from nymconnect.packet.sphinx import Final, Forward, Surb, build_packet, keys, open_packet, packet

DESTINATION = bytes(32)


@pytest.fixture
def operations(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """Counts every X25519 operation from now on, by kind."""
    counts: Counter[str] = Counter()

    def exchange(secret: bytes, public: bytes) -> bytes:
        counts["raw"] += 1
        return crypto.x25519_exchange(secret, public)

    def public_of(secret: bytes) -> bytes:
        counts["base"] += 1
        return crypto.x25519_public(secret)

    kept = X25519Secret.exchange

    def kept_exchange(self: X25519Secret, public: bytes) -> bytes:
        counts["kept"] += 1
        return kept(self, public)

    monkeypatch.setattr(keys, "x25519_exchange", exchange)
    monkeypatch.setattr(keys, "x25519_public", public_of)
    monkeypatch.setattr(packet, "x25519_exchange", exchange)
    monkeypatch.setattr(X25519Secret, "exchange", kept_exchange)
    return counts


def a_route(hops: int) -> tuple[Route, list[X25519Secret]]:
    rng = random.Random(hops)
    nodes = [X25519Secret.generate(rng) for _ in range(hops)]
    path = tuple(Hop(NodeAddress(f"10.0.0.{i}", 1789), node.public) for i, node in enumerate(nodes, 1))
    return Route(path, (0,) * hops), nodes


@pytest.mark.parametrize("hops", [1, 2, 3, 4, 5])
def test_building_takes_one_operation_per_hop_and_one_for_alpha(hops: int, operations: Counter[str]) -> None:
    route, _ = a_route(hops)
    build_packet(route, DESTINATION, b"", PacketSize.REGULAR, random.Random(1))
    assert operations == {"raw": hops, "base": 1}


def test_a_surb_takes_as_many_and_its_use_none(operations: Counter[str]) -> None:
    route, _ = a_route(4)
    surb = Surb.create(route, DESTINATION, random.Random(1))
    assert operations == {"raw": 4, "base": 1}
    surb.use(b"", PacketSize.REGULAR)
    assert operations.total() == 5


def test_a_mix_takes_two_operations_and_one_before_the_replay_check(operations: Counter[str]) -> None:
    route, nodes = a_route(2)
    data = build_packet(route, DESTINATION, b"", PacketSize.REGULAR, random.Random(1))
    operations.clear()
    opened = open_packet(data, nodes[0])
    assert operations == {"kept": 1}
    assert isinstance(opened.unwrap(), Forward)
    assert operations == {"kept": 1, "raw": 1}


def test_the_last_hop_takes_one_operation(operations: Counter[str]) -> None:
    route, nodes = a_route(1)
    data = build_packet(route, DESTINATION, b"", PacketSize.REGULAR, random.Random(1))
    operations.clear()
    assert isinstance(open_packet(data, nodes[0]).unwrap(), Final)
    assert operations == {"kept": 1}
