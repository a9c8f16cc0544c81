"""nym's Noise links: known answers, an independent implementation, and every way to cut or break the stream."""

import random
from collections.abc import Callable
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from noise.connection import Keypair, NoiseConnection

from nymconnect.crypto import X25519Secret
from nymconnect.errors import UsageError, WireError
from nymconnect.link.noise import (
    HEADER_LENGTH,
    MAX_PLAINTEXT_LENGTH,
    NoiseInitiator,
    NoiseResponder,
    encode_frame,
)
from nymconnect.link.noise_state import CipherState, InitiatorHandshake, ResponderHandshake, derive_psk
from tests.helpers.rust_vectors import load_file

VECTOR = load_file("link-prototype.json")["noise"]
MESSAGES = [bytes.fromhex(message) for message in VECTOR["messages"]]
LOCAL = X25519Secret(bytes([13]) * 32)
REMOTE = X25519Secret(bytes([12]) * 32)
HANDSHAKE, DATA = 0, 1
LOW_ORDER_POINTS = [bytes(32), bytes([1]) + bytes(31)]


def seed(name: str) -> X25519Secret:
    return X25519Secret(bytes.fromhex(VECTOR["seeds"][name]))


def established_pair() -> tuple[NoiseInitiator, NoiseResponder]:
    initiator = NoiseInitiator(LOCAL, REMOTE.public, random.Random(1))
    responder = NoiseResponder(REMOTE, random.Random(2))
    _, second = responder.feed(initiator.start())
    _, third = initiator.feed(second)
    assert responder.feed(third) == (b"", b"")
    return initiator, responder


def body(frame: bytes) -> bytes:
    return frame[HEADER_LENGTH:]


# --- known answers ----------------------------------------------------------------------------------------------


def test_psk_matches_the_vector() -> None:
    assert seed("responder_static").public.hex() == VECTOR["responder_public"]
    assert derive_psk(seed("responder_static").public).hex() == VECTOR["psk"]


def test_handshake_messages_match_the_vector() -> None:
    responder_static = seed("responder_static")
    initiator = InitiatorHandshake(seed("initiator_static"), responder_static.public, seed("initiator_ephemeral"))
    responder = ResponderHandshake(responder_static, seed("responder_ephemeral"))
    assert initiator.write_first() == MESSAGES[0]
    responder.read_first(MESSAGES[0])
    assert responder.write_second() == MESSAGES[1]
    initiator.read_second(MESSAGES[1])
    assert initiator.write_third() == MESSAGES[2]
    responder.read_third(MESSAGES[2])
    assert responder.remote_public == seed("initiator_static").public
    sending, _ = initiator.split()
    _, receiving = responder.split()
    message = sending.seal(VECTOR["first_data"]["plaintext"].encode())
    assert message.hex() == VECTOR["first_data"]["message"]
    assert receiving.open(message) == b"hello"


def test_outer_frame_matches_the_vector() -> None:
    assert encode_frame(HANDSHAKE, MESSAGES[0]) == bytes.fromhex(VECTOR["frame_1_header"]) + MESSAGES[0]


# --- against an independent implementation ----------------------------------------------------------------------


def oracle(*, initiator: bool) -> NoiseConnection:
    connection = NoiseConnection.from_name(b"Noise_XKpsk3_25519_AESGCM_SHA256")
    connection.set_psks(derive_psk(REMOTE.public))
    if initiator:
        connection.set_as_initiator()
        connection.set_keypair_from_private_bytes(Keypair.STATIC, LOCAL.to_bytes())
        connection.set_keypair_from_public_bytes(Keypair.REMOTE_STATIC, REMOTE.public)
    else:
        connection.set_as_responder()
        connection.set_keypair_from_private_bytes(Keypair.STATIC, REMOTE.to_bytes())
    connection.start_handshake()
    return connection


def test_initiator_talks_to_an_independent_responder() -> None:
    ours, theirs = NoiseInitiator(LOCAL, REMOTE.public, random.Random(3)), oracle(initiator=False)
    theirs.read_message(body(ours.start()))
    _, third = ours.feed(encode_frame(HANDSHAKE, bytes(theirs.write_message())))
    theirs.read_message(body(third))
    assert theirs.handshake_finished
    assert ours.established
    for text in (b"one", b"two"):
        assert theirs.decrypt(body(ours.seal(text))) == text
        assert ours.feed(encode_frame(DATA, theirs.encrypt(text))) == (text, b"")


def test_responder_talks_to_an_independent_initiator() -> None:
    ours, theirs = NoiseResponder(REMOTE, random.Random(4)), oracle(initiator=True)
    _, second = ours.feed(encode_frame(HANDSHAKE, bytes(theirs.write_message())))
    theirs.read_message(body(second))
    ours.feed(encode_frame(HANDSHAKE, bytes(theirs.write_message())))
    assert theirs.handshake_finished
    assert ours.established
    assert ours.remote_public == LOCAL.public
    for text in (b"one", b"two"):
        assert theirs.decrypt(body(ours.seal(text))) == text
        assert ours.feed(encode_frame(DATA, theirs.encrypt(text))) == (text, b"")


# --- the stream -------------------------------------------------------------------------------------------------


def test_both_directions_carry_bytes() -> None:
    initiator, responder = established_pair()
    assert responder.feed(initiator.seal(b"there")) == (b"there", b"")
    assert initiator.feed(responder.seal(b"back")) == (b"back", b"")


def test_handshake_and_data_arrive_byte_by_byte() -> None:
    initiator = NoiseInitiator(LOCAL, REMOTE.public, random.Random(1))
    responder = NoiseResponder(REMOTE, random.Random(2))
    to_responder, received = initiator.start(), b""
    sealed = False
    while to_responder:
        byte, to_responder = to_responder[:1], to_responder[1:]
        plaintext, reply = responder.feed(byte)
        received += plaintext
        for i in range(len(reply)):
            to_responder += initiator.feed(reply[i : i + 1])[1]
        if initiator.established and not sealed:
            to_responder += initiator.seal(b"first") + initiator.seal(b"second")
            sealed = True
    assert received == b"firstsecond"


def test_data_may_arrive_together_with_the_last_handshake_message() -> None:
    initiator = NoiseInitiator(LOCAL, REMOTE.public, random.Random(1))
    responder = NoiseResponder(REMOTE, random.Random(2))
    _, second = responder.feed(initiator.start())
    _, third = initiator.feed(second)
    assert responder.feed(third + initiator.seal(b"early")) == (b"early", b"")


@settings(max_examples=20)
@given(cuts=st.lists(st.integers(0, 400), max_size=6))
def test_data_frames_may_be_cut_anywhere(cuts: list[int]) -> None:
    initiator, responder = established_pair()
    stream = initiator.seal(b"a" * 100) + initiator.seal(b"b" * 100) + initiator.seal(b"c" * 100)
    edges = [0, *sorted(min(cut, len(stream)) for cut in cuts), len(stream)]
    received = b"".join(responder.feed(stream[start:end])[0] for start, end in pairwise(edges))
    assert received == b"a" * 100 + b"b" * 100 + b"c" * 100


@pytest.mark.parametrize(
    ("length", "frames"), [(1, 1), (MAX_PLAINTEXT_LENGTH, 1), (MAX_PLAINTEXT_LENGTH + 1, 2), (200_000, 4)]
)
def test_seal_splits_what_does_not_fit_one_frame(length: int, frames: int) -> None:
    initiator, responder = established_pair()
    data = random.Random(length).randbytes(length)
    sealed = initiator.seal(data)
    assert len(sealed) == length + frames * (HEADER_LENGTH + 16)
    assert responder.feed(sealed) == (data, b"")


def test_seal_writes_nothing_for_nothing() -> None:
    initiator, responder = established_pair()
    assert initiator.seal(b"") == b""
    assert responder.feed(initiator.seal(b"next")) == (b"next", b"")


# --- bad input --------------------------------------------------------------------------------------------------


def with_byte(frame: bytes, offset: int, value: int) -> bytes:
    return frame[:offset] + bytes([value]) + frame[offset + 1 :]


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda frame: with_byte(frame, 0, 2), id="version"),
        pytest.param(lambda frame: with_byte(frame, 1, 2), id="pattern"),
        pytest.param(lambda frame: with_byte(frame, 2, DATA), id="data before the handshake"),
        pytest.param(lambda frame: with_byte(frame, 2, 2), id="kind"),
        pytest.param(lambda frame: with_byte(frame, 4, 47), id="too short"),
        pytest.param(lambda frame: with_byte(frame, 3, 1), id="too long"),
        pytest.param(lambda frame: with_byte(frame, HEADER_LENGTH, frame[HEADER_LENGTH] ^ 1), id="ephemeral"),
        pytest.param(lambda frame: with_byte(frame, 55, frame[55] ^ 1), id="tag"),
    ],
)
def test_responder_refuses_a_bad_first_frame_for_good(change: Callable[[bytes], bytes]) -> None:
    frame = NoiseInitiator(LOCAL, REMOTE.public, random.Random(1)).start()
    responder = NoiseResponder(REMOTE, random.Random(2))
    with pytest.raises(WireError):
        responder.feed(change(frame))
    with pytest.raises(WireError):
        responder.feed(frame)
    with pytest.raises(WireError):
        responder.seal(b"x")
    assert not responder.established


def test_wrong_length_is_refused_as_soon_as_the_header_is_there() -> None:
    responder = NoiseResponder(REMOTE, random.Random(2))
    assert responder.feed(bytes([1, 1, 0, 255, 255, 0, 0])) == (b"", b"")
    with pytest.raises(WireError):
        responder.feed(b"\0")


def test_reserved_header_bytes_are_ignored() -> None:
    frame = with_byte(NoiseInitiator(LOCAL, REMOTE.public, random.Random(1)).start(), 7, 9)
    assert NoiseResponder(REMOTE, random.Random(2)).feed(frame)[1]


@pytest.mark.parametrize("offset", range(8, 56, 5))
def test_initiator_refuses_a_tampered_second_message(offset: int) -> None:
    initiator = NoiseInitiator(LOCAL, REMOTE.public, random.Random(1))
    _, second = NoiseResponder(REMOTE, random.Random(2)).feed(initiator.start())
    with pytest.raises(WireError):
        initiator.feed(with_byte(second, offset, second[offset] ^ 0x40))


@pytest.mark.parametrize("offset", range(8, 72, 9))
def test_responder_refuses_a_tampered_third_message(offset: int) -> None:
    initiator = NoiseInitiator(LOCAL, REMOTE.public, random.Random(1))
    responder = NoiseResponder(REMOTE, random.Random(2))
    _, second = responder.feed(initiator.start())
    _, third = initiator.feed(second)
    with pytest.raises(WireError):
        responder.feed(with_byte(third, offset, third[offset] ^ 1))
    assert not responder.established


def test_responder_with_another_key_refuses() -> None:
    first = NoiseInitiator(LOCAL, REMOTE.public, random.Random(1)).start()
    with pytest.raises(WireError):
        NoiseResponder(LOCAL, random.Random(2)).feed(first)


@pytest.mark.parametrize("point", LOW_ORDER_POINTS)
def test_initiator_refuses_a_low_order_key_of_the_directory(point: bytes) -> None:
    with pytest.raises(WireError):
        NoiseInitiator(LOCAL, point, random.Random(1)).start()


@pytest.mark.parametrize("point", LOW_ORDER_POINTS)
def test_responder_refuses_a_low_order_ephemeral(point: bytes) -> None:
    with pytest.raises(WireError):
        NoiseResponder(REMOTE, random.Random(2)).feed(encode_frame(HANDSHAKE, point + bytes(16)))


@pytest.mark.parametrize("length", [0, 1, 15])
def test_short_data_frames_are_refused(length: int) -> None:
    initiator, _ = established_pair()
    with pytest.raises(WireError):
        initiator.feed(encode_frame(DATA, bytes(length)))


def test_empty_data_frame_is_refused_though_it_authenticates() -> None:
    ours, theirs = NoiseInitiator(LOCAL, REMOTE.public, random.Random(3)), oracle(initiator=False)
    theirs.read_message(body(ours.start()))
    theirs.read_message(body(ours.feed(encode_frame(HANDSHAKE, bytes(theirs.write_message())))[1]))
    with pytest.raises(WireError, match="empty"):
        ours.feed(encode_frame(DATA, theirs.encrypt(b"")))


def test_repeated_reordered_and_tampered_data_frames_are_refused() -> None:
    for order in ((0, 0), (1,)):
        initiator, responder = established_pair()
        frames = [initiator.seal(b"first"), initiator.seal(b"second")]
        with pytest.raises(WireError):
            responder.feed(b"".join(frames[i] for i in order))
    initiator, responder = established_pair()
    frame = initiator.seal(b"first")
    with pytest.raises(WireError):
        responder.feed(with_byte(frame, len(frame) - 1, frame[-1] ^ 1))


def test_handshake_frame_after_the_handshake_is_refused() -> None:
    initiator, responder = established_pair()
    with pytest.raises(WireError):
        responder.feed(encode_frame(HANDSHAKE, bytes(64)))
    assert initiator.established


@settings(max_examples=60)
@given(data=st.binary(max_size=200))
def test_random_bytes_raise_nothing_but_wire_errors(data: bytes) -> None:
    initiator, responder = established_pair()
    for link in (NoiseResponder(REMOTE, random.Random(2)), responder, initiator):
        try:
            plaintext, _ = link.feed(data)
        except WireError:
            continue
        assert plaintext == b""


# --- misuse and secrets -----------------------------------------------------------------------------------------


def test_misuse_is_a_usage_error() -> None:
    initiator = NoiseInitiator(LOCAL, REMOTE.public, random.Random(1))
    with pytest.raises(UsageError):
        initiator.feed(b"x")
    with pytest.raises(UsageError):
        initiator.seal(b"x")
    initiator.start()
    with pytest.raises(UsageError):
        initiator.start()


def test_repr_shows_no_key() -> None:
    key = bytes(range(32))
    assert key.hex() not in repr(CipherState(key))
    assert repr(key) not in repr(CipherState(key))
