"""SURBs of version 260: made with what recovers their replies, used like any other, read by their maker alone."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nymconnect.errors import UsageError, WireError
from nymconnect.packet.params import PacketSize
from nymconnect.packet.sphinx import (
    SINGLE_SEED_VERSION,
    Forward,
    SealedReply,
    Surb,
    SurbRecovery,
    open_packet,
    surb_length,
)
from tests.helpers.decoding import check_decoder, refuses_or_decodes
from tests.helpers.sphinx_case import DESTINATION, make_route

IDENTIFIER = b"\x0e" * 16
HOPS = st.integers(1, 5)


def make(hops: int = 4, seed: int = 3) -> tuple[Surb, SurbRecovery]:
    return Surb.create_recoverable(make_route(hops)[0], DESTINATION, IDENTIFIER, random.Random(seed))


def arrive(packet: bytes, hops: int) -> SealedReply:
    """What the last hop holds; every hop on the way sees a packet of version 260 and its usual length."""
    *forwards, last = make_route(hops)[1]
    for secret in forwards:
        length = len(packet)
        step = open_packet(packet, secret).unwrap()
        assert isinstance(step, Forward)
        assert (step.version, len(step.packet)) == (SINGLE_SEED_VERSION, length)
        packet = step.packet
    return open_packet(packet, last).unwrap_reply()


@pytest.mark.parametrize("hops", [1, 2, 4, 5])
def test_the_maker_reads_the_reply(hops: int) -> None:
    surb, recovery = make(hops)
    sent = Surb.decode(surb.encode())
    assert sent == surb
    reply = arrive(sent.use(b"a reply", PacketSize.REGULAR), hops)
    assert reply.identifier == recovery.identifier == IDENTIFIER
    assert SurbRecovery.decode(recovery.encode()).unseal(reply.payload) == b"a reply"


@given(HOPS, st.binary(max_size=21), st.integers(0, 2**32))
@settings(max_examples=30)
def test_any_reply_over_any_route_comes_home(hops: int, message: bytes, seed: int) -> None:
    surb, recovery = make(hops, seed)
    assert recovery.unseal(arrive(surb.use(message, PacketSize.ACK), hops).payload) == message


def test_a_last_hop_that_did_not_make_the_surb_reads_nothing() -> None:
    """A gateway that looks for an ack in such a reply drops it as damaged."""
    surb, _ = make()
    packet, last = surb.use(b"a reply", PacketSize.REGULAR), make_route(4)[1][-1]
    for secret in make_route(4)[1][:-1]:
        step = open_packet(packet, secret).unwrap()
        assert isinstance(step, Forward)
        packet = step.packet
    with pytest.raises(WireError, match="damaged"):
        open_packet(packet, last).unwrap()


def test_the_recovery_of_another_surb_reads_nothing() -> None:
    surb, _ = make(seed=3)
    reply = arrive(surb.use(b"a reply", PacketSize.REGULAR), 4)
    with pytest.raises(WireError, match="damaged"):
        make(seed=4)[1].unseal(reply.payload)


@pytest.mark.parametrize("position", [0, 31, 32, -1])
def test_a_damaged_reply_is_refused(position: int) -> None:
    surb, recovery = make()
    packet = bytearray(surb.use(b"a reply", PacketSize.ACK))
    packet[348 + position if position >= 0 else position] ^= 1
    with pytest.raises(WireError, match="damaged"):
        recovery.unseal(arrive(bytes(packet), 4).payload)


@pytest.mark.parametrize("length", [0, 32])
def test_a_reply_without_a_whole_block_is_refused(length: int) -> None:
    with pytest.raises(WireError):
        make()[1].unseal(bytes(length))


def test_a_reply_ends_at_the_last_hop_only() -> None:
    surb, _ = make(2)
    with pytest.raises(WireError, match="another hop"):
        open_packet(surb.use(b"", PacketSize.ACK), make_route(2)[1][0]).unwrap_reply()


# --- the bytes of such a SURB -----------------------------------------------------------------------------------


@pytest.mark.parametrize("hops", [1, 2, 3, 4, 5])
def test_it_carries_one_seed_however_long_its_route(hops: int) -> None:
    surb, recovery = make(hops)
    assert len(surb.encode()) == surb_length(hops, SINGLE_SEED_VERSION) == 396
    assert len(recovery.seeds) == hops
    assert surb.key_material == recovery.seeds[-1:]


@given(HOPS, HOPS)
@settings(max_examples=25)
def test_one_seed_and_the_seeds_of_a_route_are_never_confused(hops: int, others: int) -> None:
    """Each count of seeds has its own length, and what is read has as many seeds as were written."""
    single = Surb.decode(make(hops)[0].encode())
    several = Surb.decode(Surb.create(make_route(others)[0], DESTINATION, random.Random(1)).encode())
    assert (len(single.key_material), len(several.key_material)) == (1, others)


def test_it_decodes_whole_or_not_at_all() -> None:
    surb, _ = make()
    check_decoder(Surb.decode, surb.encode(), surb)


# --- what the maker keeps ---------------------------------------------------------------------------------------


def test_a_recovery_hides_its_seeds() -> None:
    recovery = make()[1]
    assert repr(recovery) == f"SurbRecovery(identifier={IDENTIFIER!r})"


@pytest.mark.parametrize("hops", [1, 5])
def test_a_recovery_survives_its_bytes(hops: int) -> None:
    recovery = make(hops)[1]
    assert len(recovery.encode()) == 16 + 16 * hops
    assert SurbRecovery.decode(recovery.encode()) == recovery


@pytest.mark.parametrize("length", [0, 15, 16, 17, 31, 33, 47, 95, 97, 112, 16 + 16 * 48])
def test_other_lengths_are_no_recovery(length: int) -> None:
    with pytest.raises(WireError):
        SurbRecovery.decode(bytes(length))


@given(st.binary(max_size=120))
@settings(max_examples=60)
def test_random_bytes_are_a_recovery_or_refused(data: bytes) -> None:
    if refuses_or_decodes(SurbRecovery.decode, data):
        assert SurbRecovery.decode(data).encode() == data


@pytest.mark.parametrize(
    ("identifier", "seeds"),
    [(bytes(15), (bytes(16),)), (IDENTIFIER, (bytes(15),)), (IDENTIFIER, ()), (IDENTIFIER, (bytes(16),) * 6)],
    ids=["short identifier", "short seed", "no seed", "six seeds"],
)
def test_a_recovery_has_its_lengths(identifier: bytes, seeds: tuple[bytes, ...]) -> None:
    with pytest.raises(UsageError):
        SurbRecovery(identifier, seeds)


# --- what its maker must give -----------------------------------------------------------------------------------


@pytest.mark.parametrize("identifier", [bytes(16), b"", bytes(15), b"\x0e" * 17])
def test_a_surb_without_a_usable_identifier_is_not_made(identifier: bytes) -> None:
    with pytest.raises(UsageError, match="identifier"):
        Surb.create_recoverable(make_route(4)[0], DESTINATION, identifier, random.Random(1))


def test_a_surb_of_version_260_is_not_made_without_its_recovery() -> None:
    with pytest.raises(UsageError, match="lost"):
        Surb.create(make_route(4)[0], DESTINATION, random.Random(1), SINGLE_SEED_VERSION)
