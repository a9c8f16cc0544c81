"""nym-sphinx, -chunking and -anonymous-replies 1.21 and 2.0: messages, padding, fragments, reassembly."""

import hashlib
import random
from typing import Any

import pytest

from nymconnect.errors import WireError
from nymconnect.packet.addressing import Recipient
from nymconnect.packet.chunking import Fragment, FragmentHeader, fragments_needed
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
)
from nymconnect.packet.params import KeyRotation, PacketSize
from nymconnect.packet.reassembly import Reassembler
from nymconnect.packet.replies import ReplySurb
from tests.helpers.rust_vectors import cases, pattern, unhex

Vector = dict[str, Any]
SENDER_TAG = b"\xee" * 16


class FixedSetIds(random.Random):
    """Draws the set ids that a vector records."""

    def __init__(self, set_ids: list[int]) -> None:
        super().__init__(0)
        self._set_ids = iter(set_ids)

    def randrange(self, start: int, stop: int | None = None, step: int = 1) -> int:
        return next(self._set_ids)


def reply_surbs(messages: Vector, count: int, rotation: int, name: str) -> tuple[ReplySurb, ...]:
    """The SURBs of a recorded message. The crate pads each printed SURB anew, so they are cut out of the message."""
    data = unhex(messages["bytes"])
    length, start = 1164 if "v1" in name else 460, 22
    pieces = [data[start + i * length : start + (i + 1) * length] for i in range(count)]
    return tuple(ReplySurb.decode(piece, KeyRotation(rotation)) for piece in pieces)


def message_of(vector: Vector) -> NymMessage:
    name, content = vector["name"], vector["content"]
    if name.startswith("plain"):
        return Plain(unhex(content["data"]))
    if name == "reply":
        return Reply(ReplyData(unhex(content["data"])))
    if name == "SURB request":
        return Reply(SurbRequest(Recipient.parse(content["recipient"]), content["amount"]))
    surbs = reply_surbs(vector, content["surbs"], content["rotation"], name)
    if name.startswith("repliable"):
        return Repliable(SENDER_TAG, DataWithSurbs(surbs, unhex(content["data"])))
    return Repliable(SENDER_TAG, (Heartbeat if name.startswith("heartbeat") else AdditionalSurbs)(surbs))


@cases("messages", "messages")
def test_a_message_decodes_to_what_the_crate_encoded(vector: Vector) -> None:
    decoded = decode_message(unhex(vector["bytes"]))
    assert decoded == message_of(vector)
    if isinstance(decoded, Repliable):
        keys = [surb.key for surb in decoded.content.surbs]
        assert keys == [bytes([0x33 + i]) * 16 for i in range(len(keys))]


@cases("messages", "messages")
def test_a_message_encodes_to_the_crates_bytes(vector: Vector) -> None:
    if vector["name"] == "repliable v1, no SURB":
        # Our rule: without a SURB there is nothing to choose V1 by; V2 is sent.
        assert encode_message(message_of(vector))[17] == 3
        return
    assert encode_message(message_of(vector)).hex() == vector["bytes"]


@cases("messages", "not_messages")
def test_bytes_that_are_no_message_are_refused_where_the_crate_refuses_them(vector: Vector) -> None:
    data = unhex(vector["bytes"])
    if vector["name"].endswith("v1, no SURB"):
        assert isinstance(decode_message(data), Repliable)  # our rule: V1 is still read, which 2.0 no longer does
    elif vector["parsed"] is None:
        with pytest.raises(WireError):
            decode_message(data)
    else:
        assert isinstance(decode_message(data), Repliable)


# --- fragments --------------------------------------------------------------------------------------------------


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


@cases("messages", "splits")
def test_a_message_is_cut_into_the_crates_fragments(vector: Vector) -> None:
    message, available = Plain(pattern(vector["length"])), vector["available"]
    fragments = [f.encode() for f in prepare(message, available, FixedSetIds(vector["set_ids"]))]
    assert len(fragments) == vector["count"]
    for header in vector["headers"]:
        assert fragments[header["index"]].hex().startswith(header["header"])
    assert sha256(b"".join(fragments)) == vector["sha256"]
    assert sha256(pad(encode_message(message), available)) == vector["padded_sha256"]


@cases("messages", "splits")
def test_the_crates_fragments_are_put_together_in_any_order(vector: Vector) -> None:
    message, available = Plain(pattern(vector["length"])), vector["available"]
    # Equal bytes to the crate's, as the test above shows.
    pieces = [f.encode() for f in prepare(message, available, FixedSetIds(vector["set_ids"]))]
    assert sha256(b"".join(pieces)) == vector["sha256"]
    random.Random(vector["length"]).shuffle(pieces)
    reassembler = Reassembler()
    results = [reassembler.add(Fragment.decode(piece), 0.0) for piece in pieces]
    assert results[:-1] == [None] * (len(pieces) - 1)
    padded = results[-1]
    assert padded is not None
    assert sha256(padded) == vector["padded_sha256"]
    assert recover(padded) == message


@cases("messages", "fragment_headers")
def test_a_fragment_header_reads_as_the_crate_reads_it(vector: Vector) -> None:
    data, fields = unhex(vector["bytes"]), vector["fields"]
    if fields is None:
        with pytest.raises(WireError):
            FragmentHeader.decode(data)
        return
    header = FragmentHeader.decode(data)
    link = fields["previous"] if header.number == 1 else fields["next"]
    assert header == FragmentHeader(fields["set_id"], fields["total"], fields["number"], link)
    assert data[header.length :].hex() == fields["payload"]
    assert header.encode() == data[: header.length]
    if not fields["payload"]:  # our rule: a fragment carries something
        with pytest.raises(WireError):
            Fragment.decode(data)


@cases("messages", "required_packets")
def test_a_plain_message_needs_as_many_packets_as_the_crate_makes(vector: Vector) -> None:
    size = PacketSize[vector["size"].upper()]
    assert size.fragment == vector["available"]
    type_and_terminator = 2
    assert fragments_needed(vector["length"] + type_and_terminator, size.fragment) == vector["count"]
