import contextlib
import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nymconnect.client.pacer.machine import FrameKind, SlotGaps, Unused
from nymconnect.client.pacer.protocol import (
    MAXIMUM_BODY,
    MAXIMUM_WORDS,
    Begin,
    Control,
    Departed,
    Ended,
    Expire,
    Inbox,
    Incoming,
    Offer,
    Setup,
    Slots,
)
from nymconnect.errors import UsageError, WireError
from nymconnect.reasons import LinkBroke, LinkFault
from tests.helpers.decoding import check_stream_decoder

MESSAGES = [
    Setup(30.0, ""),
    Setup(0.5, "gw.exämple"),
    Begin(SlotGaps(0.02, 0.2)),
    Begin(SlotGaps(None, 0.2)),
    Begin(SlotGaps(None, None)),
    Begin(SlotGaps(0.02, 0.2, adaptive=True)),
    Control(b"GET / HTTP/1.1\r\n\r\n"),
    Offer(FrameKind.DATA, 7, b"frame"),
    Offer(FrameKind.COVER, 2**64 - 1, bytes(2500)),
    Expire(),
    Incoming(b"\x81\x00"),
    Departed(FrameKind.COVER, 9, 1234.5678),
    Slots(Unused(1, 2, 3)),
    *(Ended(LinkBroke(fault, words)) for fault in LinkFault for words in ("", "ö")),
]
STREAM = b"".join(message.encode() for message in MESSAGES)


@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: type(message).__name__)
def test_a_message_comes_back_as_it_was(message):
    assert Inbox().feed(message.encode()) == [message]


def test_an_offer_has_the_bytes_of_the_table():
    assert Offer(FrameKind.COVER, 258, b"ab").encode() == bytes.fromhex("0000000c 03 02 0000000000000102 6162")


def test_a_stream_is_cut_at_its_messages_however_it_arrives():
    check_stream_decoder(lambda: Inbox().feed, STREAM, MESSAGES)


@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: type(message).__name__)
def test_a_body_of_another_length_is_refused_or_another_message(message):
    encoded = message.encode()
    for body in (*(encoded[5:cut] for cut in range(5, min(40, len(encoded)))), encoded[5:] + b"\0"):
        framed = struct.pack(">IB", len(body) + 1, encoded[4]) + body
        with contextlib.suppress(WireError):
            assert Inbox().feed(framed) != [message]


@pytest.mark.parametrize(
    "framed",
    [
        bytes(4) + b"\x02",
        struct.pack(">IB", MAXIMUM_BODY + 1, 2),
        bytes.fromhex("00000001 05"),
        bytes.fromhex("0000000a 03 00 0000000000000000"),
        bytes.fromhex("0000000a 03 04 0000000000000000"),
        struct.pack(">IBddB", 18, 1, -1.0, 0.0, 0),
        struct.pack(">IBddB", 18, 1, float("nan"), 0.0, 0),
        struct.pack(">IBddB", 18, 1, 1.0, 0.0, 2),
        bytes.fromhex("00000001 13"),
        bytes.fromhex("00000002 13 ff"),
        bytes.fromhex("00000003 13 00 ff"),
    ],
)
def test_what_is_no_message_is_refused(framed):
    with pytest.raises(WireError):
        Inbox().feed(framed)


@given(st.binary(max_size=200))
@settings(max_examples=60)
def test_random_bytes_raise_nothing_else(data):
    with contextlib.suppress(WireError):
        Inbox().feed(data)


def test_a_frame_that_is_too_long_is_not_written():
    with pytest.raises(UsageError):
        Control(bytes(MAXIMUM_BODY)).encode()


def test_a_long_reason_is_cut():
    assert Inbox().feed(Ended(LinkBroke(LinkFault.BROKEN, "x" * 1000)).encode()) == [
        Ended(LinkBroke(LinkFault.BROKEN, "x" * MAXIMUM_WORDS))
    ]
