"""Headers: layout, filler, padding, and what a node refuses."""

import random

import pytest

from nymconnect.crypto import hmac_sha256_16
from nymconnect.errors import UsageError, WireError
from nymconnect.packet.sphinx import header
from nymconnect.packet.sphinx.keys import MAC_KEY, KeyMaterial, derive_key_material
from tests.helpers.sphinx_case import DESTINATION, make_route


def build(hops: int, version: int = 259) -> tuple[bytes, KeyMaterial, bytes]:
    """A header, the keys it was built with, and its random padding."""
    rng = random.Random(hops)
    route, _ = make_route(hops)
    keys = derive_key_material(rng.randbytes(32), [hop.sphinx_key for hop in route.hops])
    padding = rng.randbytes(header.padding_length(hops))
    return header.build_header(keys, route, DESTINATION, padding, version), keys, padding


@pytest.mark.parametrize(("hops", "length"), [(1, 248), (2, 188), (3, 128), (4, 68), (5, 8)])
def test_the_random_padding_fills_what_the_hops_leave(hops: int, length: int) -> None:
    assert header.padding_length(hops) == length


@pytest.mark.parametrize("hops", [1, 2, 3, 4, 5])
def test_every_hop_finds_its_routing_block(hops: int) -> None:
    data, keys, padding = build(hops)
    route, _ = make_route(hops)
    assert len(data) == 348
    for i in range(hops - 1):
        routing = header.open_header(data, keys.expanded[i])
        assert routing[header.FLAG] == header.FORWARD_FLAG
        assert routing[1:4] == b"\x00\x01\x03"
        assert routing[header.ADDRESS] == route.hops[i + 1].address.encode_padded()
        assert int.from_bytes(routing[header.DELAY], "big") == route.delays_ns[i]
        data = bytes(32) + routing[header.INNER]
        assert len(data) == 348
    routing = header.open_header(data, keys.expanded[-1])
    assert routing[:52] == b"\x02\x00\x01\x03" + DESTINATION + bytes(16)
    assert routing[52 : 52 + len(padding)] == padding


def test_gamma_covers_beta_alone_and_stands_before_it() -> None:
    data, keys, _ = build(4)
    assert data[32:48] == hmac_sha256_16(keys.expanded[0][MAC_KEY], data[48:])


@pytest.mark.parametrize("position", [32, 47, 48, 200, 347])
def test_a_changed_mac_or_routing_byte_is_refused(position: int) -> None:
    data, keys, _ = build(4)
    damaged = bytearray(data)
    damaged[position] ^= 1
    with pytest.raises(WireError, match="authenticate"):
        header.open_header(bytes(damaged), keys.expanded[0])


def test_the_key_of_another_hop_opens_nothing() -> None:
    data, keys, _ = build(4)
    with pytest.raises(WireError):
        header.open_header(data, keys.expanded[1])


def test_the_length_of_a_path_does_not_show_in_the_last_block() -> None:
    """Behind the 52 bytes that mean something, the last hop sees no run of zeros, whatever the path's length."""
    for hops in range(1, 6):
        data, keys, _ = build(hops)
        for i in range(hops):
            routing = header.open_header(data, keys.expanded[i])
            data = bytes(32) + routing[header.INNER]
        assert bytes(8) not in routing[52:300]


@pytest.mark.parametrize(("destination", "padding"), [(b"\xd0" * 31, 68), (b"\xd0" * 33, 68), (DESTINATION, 67)])
def test_wrong_lengths_are_the_callers_fault(destination: bytes, padding: int) -> None:
    route, _ = make_route(4)
    keys = derive_key_material(bytes(range(32)), [hop.sphinx_key for hop in route.hops])
    with pytest.raises(UsageError):
        header.build_header(keys, route, destination, bytes(padding), 259)
