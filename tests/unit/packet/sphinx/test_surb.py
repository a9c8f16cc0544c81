"""SURBs: made, carried as bytes, used once, and the replies that come home."""

import hashlib
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nymconnect.errors import UsageError, WireError
from nymconnect.packet.params import PacketSize
from nymconnect.packet.sphinx import DEFAULT_VERSION, Final, Forward, Surb, open_packet, surb_length
from tests.helpers.decoding import check_decoder, refuses_or_decodes
from tests.helpers.sphinx_case import DESTINATION, load, make_route, prototype_route

PROTOTYPE = load("sphinx-prototype")


def make_surb(hops: int = 4, version: int = DEFAULT_VERSION) -> Surb:
    return Surb.create(make_route(hops)[0], DESTINATION, random.Random(3), version)


@pytest.mark.parametrize(
    ("hops", "version", "length"),
    [(1, 259, 396), (4, 259, 444), (5, 259, 460), (1, 258, 572), (4, 258, 1148)],
)
def test_a_surb_has_the_length_of_its_version(hops: int, version: int, length: int) -> None:
    assert surb_length(hops, version) == length
    assert len(make_surb(hops, version).encode()) == length


@pytest.mark.parametrize("version", [258, 259])
@pytest.mark.parametrize("hops", [1, 2, 4, 5])
def test_a_reply_comes_home(hops: int, version: int) -> None:
    route, secrets = make_route(hops)
    surb = Surb.decode(make_surb(hops, version).encode())
    assert surb.first_hop == route.first_hop
    packet = surb.use(b"a reply", PacketSize.REGULAR)
    for i, secret in enumerate(secrets):
        assert len(packet) == PacketSize.REGULAR.packet
        step = open_packet(packet, secret).unwrap()
        if isinstance(step, Forward):
            assert step.next_hop == route.hops[i + 1].address
            packet = step.packet
    assert step == Final(DESTINATION, b"a reply", version)


@pytest.mark.parametrize("version", [258, 259])
def test_a_surb_decodes_whole_or_not_at_all(version: int) -> None:
    surb = make_surb(5, version)
    data = surb.encode()
    assert Surb.decode(data) == surb
    # Cut to one to five seeds or to whole keys it is a SURB of fewer hops; only the message around it tells its length.
    whole = {380 + 16 * seeds for seeds in range(1, 6)} | {380 + 192 * keys for keys in range(1, 6)}
    for length in range(len(data)):
        if length in whole:
            assert Surb.decode(data[:length]).encode() == data[:length]
        else:
            with pytest.raises(WireError):
                Surb.decode(data[:length])
    for tail in (b"\0", bytes(len(surb.key_material[0]))):
        with pytest.raises(WireError):
            Surb.decode(data + tail)


def test_a_one_hop_surb_is_the_shortest() -> None:
    surb = make_surb(1)
    check_decoder(Surb.decode, surb.encode(), surb)


@pytest.mark.parametrize("material", [0, 15, 17, 81, 96, 176, 191, 193, 200, 6 * 192, 100 * 192])
def test_other_lengths_of_key_material_are_refused(material: int) -> None:
    start = make_surb().encode()[:380]
    with pytest.raises(WireError):
        Surb.decode(start + bytes(material))


def test_twelve_seeds_are_one_full_key() -> None:
    """As in the reference: 192 bytes of material are a full key; five seeds, the most there are, have 80."""
    surb = Surb.decode(make_surb().encode()[:380] + bytes(192))
    assert surb.key_material == (bytes(192),)


def test_an_unreadable_first_hop_is_refused() -> None:
    data = bytearray(make_surb().encode())
    data[348] = 5
    with pytest.raises(WireError):
        Surb.decode(bytes(data))


def test_a_reply_that_does_not_fit_is_the_callers_fault() -> None:
    surb = make_surb()
    assert len(surb.use(bytes(2048), PacketSize.REGULAR)) == 2413
    with pytest.raises(UsageError):
        surb.use(bytes(2049), PacketSize.REGULAR)


@pytest.mark.parametrize("version", [1, 257])
def test_legacy_surbs_are_not_made(version: int) -> None:
    with pytest.raises(UsageError):
        make_surb(version=version)


def test_a_surb_does_not_show_its_keys() -> None:
    surb = make_surb()
    shown = repr(surb)
    assert shown == f"Surb(first_hop={surb.first_hop}, materials=4)"


@given(st.binary(max_size=500))
@settings(max_examples=60)
def test_random_bytes_decode_or_are_refused(data: bytes) -> None:
    refuses_or_decodes(Surb.decode, data)


@pytest.mark.parametrize("version", [258, 259])
def test_the_surb_equals_the_prototypes(version: int) -> None:
    case = PROTOTYPE["surb"]
    expected = case["by_version"][str(version)]
    secret, padding, key = (bytes.fromhex(case[name]) for name in ("initial_secret", "header_padding", "surb_key"))
    route, _ = prototype_route(PROTOTYPE["packet"])
    data = Surb.assemble(route, bytes.fromhex(case["destination"]), secret, padding, version).encode()
    assert len(data) == expected["length"]
    assert hashlib.sha256(key + data).hexdigest() == expected["keyed_sha256"]
