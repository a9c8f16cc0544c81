"""Messages between clients, and their padding."""

import hashlib
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nymconnect.errors import UsageError, WireError
from nymconnect.packet.chunking import fragments_needed
from nymconnect.packet.messages import (
    AdditionalSurbs,
    DataWithSurbs,
    Heartbeat,
    NymMessage,
    Plain,
    Repliable,
    Reply,
    ReplyData,
    SurbRequest,
    decode_message,
    encode_message,
    pad,
    prepare,
    recover,
    unpad,
)
from nymconnect.packet.params import KeyRotation, PacketSize
from nymconnect.packet.reassembly import Reassembler
from nymconnect.packet.replies import ReplySurb
from tests.helpers.routes import make_client, make_way, prototype_surb
from tests.helpers.rust_vectors import load_file

VECTORS = load_file("nym-prototype.json")
REGULAR = PacketSize.REGULAR.fragment
CLIENT = make_client(1).address
TAG = bytes(range(16))
V1, V2 = 258, 259


def make_surbs(version: int, count: int) -> tuple[ReplySurb, ...]:
    rotation = KeyRotation.UNKNOWN if version == V1 else KeyRotation.EVEN
    route = make_way(1, 4, rotation).route
    return tuple(ReplySurb.create(CLIENT, route, random.Random(seed), version) for seed in range(count))


ALL_KINDS: list[tuple[NymMessage, bytes]] = [
    (Plain(b""), b"\0"),
    (Plain(b"hello\x01"), b"\0hello"),
    (Repliable(TAG, DataWithSurbs(make_surbs(V1, 2), b"data")), b"\1" + TAG + b"\0" + bytes([0, 0, 0, 2])),
    (Repliable(TAG, AdditionalSurbs(make_surbs(V1, 2))), b"\1" + TAG + b"\1" + bytes([0, 0, 0, 2])),
    (Repliable(TAG, Heartbeat(make_surbs(V1, 1))), b"\1" + TAG + b"\2" + bytes([0, 0, 0, 1])),
    (Repliable(TAG, DataWithSurbs(make_surbs(V2, 2), b"data")), b"\1" + TAG + b"\3" + bytes([0, 2, 4, 2])),
    (Repliable(TAG, DataWithSurbs((), b"data")), b"\1" + TAG + b"\3" + bytes(4) + b"data"),
    (Repliable(TAG, AdditionalSurbs(make_surbs(V2, 3))), b"\1" + TAG + b"\4" + bytes([0, 3, 4, 2])),
    (Repliable(TAG, Heartbeat(make_surbs(V2, 1))), b"\1" + TAG + b"\5" + bytes([0, 1, 4, 2])),
    (Repliable(TAG, Heartbeat(())), b"\1" + TAG + b"\5" + bytes(4)),
    (Reply(ReplyData(b"data")), b"\2\0data"),
    (Reply(SurbRequest(CLIENT, 10)), b"\2\1" + CLIENT.encode() + bytes([0, 0, 0, 10])),
]


@pytest.mark.parametrize(
    ("message", "start"), ALL_KINDS, ids=lambda value: value[:19].hex() if isinstance(value, bytes) else ""
)
def test_message_survives_the_wire(message: NymMessage, start: bytes) -> None:
    data = encode_message(message)
    assert data.startswith(start)
    assert decode_message(data) == message


@pytest.mark.parametrize("element", VECTORS["surb"]["elements"], ids=lambda element: str(element["version"]))
def test_repliable_message_matches_the_prototype_vector(element: dict[str, int | str]) -> None:
    vector = VECTORS["surb"]
    surb = prototype_surb(vector, int(element["version"]))
    tag = bytes.fromhex(vector["sender_tag_byte"]) * 16
    data = encode_message(Repliable(tag, DataWithSurbs((surb,), vector["data"].encode())))
    assert len(data) == element["message_length"]
    assert hashlib.sha256(data).hexdigest() == element["message_sha256"]


@pytest.mark.parametrize(("version", "size"), [(V1, 1164), (V2, 460)])
@pytest.mark.parametrize("count", [1, 3])
def test_repliable_overhead_is_22_bytes_and_the_surbs(version: int, size: int, count: int) -> None:
    message = Repliable(TAG, DataWithSurbs(make_surbs(version, count), b"data"))
    assert len(encode_message(message)) == 22 + count * size + 4


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\3",
        b"\xff data",
        b"\1",
        b"\1" + TAG,
        b"\1" + TAG + b"\3",
        b"\1" + TAG + b"\6" + bytes(4),
        b"\1" + TAG + b"\xff" + bytes(4),
        b"\2",
        b"\2\0",
        b"\2\1",
        b"\2\2data",
        b"\2\1" + CLIENT.encode() + bytes(3),
        b"\2\1" + CLIENT.encode() + bytes(5),
        b"\2\1" + b"\2" + bytes(95) + bytes(4),  # y = 2 is no curve point
    ],
    ids=lambda data: data[:20].hex() or "empty",
)
def test_decode_refuses_the_impossible(data: bytes) -> None:
    with pytest.raises(WireError):
        decode_message(data)


@pytest.mark.parametrize("content", [AdditionalSurbs, Heartbeat])
@pytest.mark.parametrize("version", [V1, V2])
def test_decode_refuses_bytes_behind_the_surbs(version: int, content: type[AdditionalSurbs | Heartbeat]) -> None:
    data = encode_message(Repliable(TAG, content(make_surbs(version, 1))))
    with pytest.raises(WireError):
        decode_message(data + b"\0")


@pytest.mark.parametrize("version", [V1, V2])
def test_decode_refuses_every_truncation_of_surbs(version: int) -> None:
    data = encode_message(Repliable(TAG, AdditionalSurbs(make_surbs(version, 1))))
    for length in range(len(data)):
        with pytest.raises(WireError):
            decode_message(data[:length])


def test_surbs_of_two_kinds_cannot_travel_together() -> None:
    for first, second in ((V1, V2), (V2, V1)):
        surbs = make_surbs(first, 1) + make_surbs(second, 1)
        with pytest.raises(UsageError):
            encode_message(Repliable(TAG, AdditionalSurbs(surbs)))


def test_values_that_the_wire_cannot_carry_are_refused() -> None:
    with pytest.raises(UsageError):
        Reply(ReplyData(b""))
    with pytest.raises(UsageError):
        Repliable(TAG[:-1], Heartbeat(()))
    for amount in (-1, 2**32):
        with pytest.raises(UsageError):
            SurbRequest(CLIENT, amount)


def test_repr_hides_what_people_say() -> None:
    for message in (Plain(b"secret"), Reply(ReplyData(b"secret")), Repliable(TAG, DataWithSurbs((), b"secret"))):
        assert "secret" not in repr(message)


@settings(max_examples=60)
@given(st.binary(max_size=600), st.sampled_from([b"", b"\0", b"\1" + TAG + b"\0", b"\1" + TAG + b"\3", b"\2\1"]))
def test_random_bytes_raise_wire_errors_only(data: bytes, start: bytes) -> None:
    for decode in (decode_message, recover):
        try:
            decode(start + data)
        except WireError:
            continue


# --- padding ----------------------------------------------------------------------------------------------------


@settings(max_examples=60)
@given(st.binary(max_size=3000), st.sampled_from([11, 17, REGULAR]))
def test_pad_and_unpad_are_inverse(data: bytes, fragment_length: int) -> None:
    padded = pad(data, fragment_length)
    assert padded.startswith(data + b"\1")
    assert unpad(padded) == data


def test_unpad_cuts_at_the_last_terminator() -> None:
    assert unpad(b"\1\1\0\1\0\0") == b"\1\1\0"


@pytest.mark.parametrize("padded", [b"", b"\0\0", b"data", b"data\0", b"data\1\2", b"data\1\0\2\0"])
def test_unpad_refuses_what_pad_never_made(padded: bytes) -> None:
    with pytest.raises(WireError):
        unpad(padded)


@pytest.mark.parametrize("length", [0, 1602, 1603, 10_000, 409_018, 409_019])
def test_prepare_fills_packets_and_recover_undoes_it(length: int) -> None:
    message = Plain(random.Random(length).randbytes(length))
    fragments = prepare(message, REGULAR, random.Random(1))
    assert len(fragments) == fragments_needed(length + 2, REGULAR)
    assert {len(fragment.encode()) for fragment in fragments} == {REGULAR}
    reassembler = Reassembler()
    results = [reassembler.add(fragment, 0.0) for fragment in fragments]
    assert results[-1] is not None
    assert recover(results[-1]) == message


def test_plain_fragment_matches_the_prototype_vector() -> None:
    vector = VECTORS["plain_fragment"]

    class OneSetId(random.Random):
        def randrange(self, start: int, stop: int | None = None, step: int = 1) -> int:
            return int(vector["set_id"])

    (fragment,) = prepare(Plain(vector["message"].encode()), REGULAR, OneSetId())
    data = fragment.encode()
    assert data.startswith(bytes.fromhex(vector["fragment_start"]))
    assert hashlib.sha256(data).hexdigest() == vector["fragment_sha256"]
