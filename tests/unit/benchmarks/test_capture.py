"""The tap cuts TCP segments into websocket frames."""

import struct
from pathlib import Path

import pytest

from benchmarks.privacy.capture import DOWN, RECORD, UP, FrameRecord, FrameSizes, Tap, read_records

PORT, CLIENT = 9000, 40_000
HANDSHAKE = b"GET / HTTP/1.1\r\nUpgrade: websocket\r\n\r\n"


def frame(length: int, masked: bool = True) -> bytes:
    mask, bit = (b"\1\2\3\4", 0x80) if masked else (b"", 0)
    if length < 126:
        head = bytes([0x82, bit | length])
    elif length < 1 << 16:
        head = bytes([0x82, bit | 126]) + length.to_bytes(2, "big")
    else:
        head = bytes([0x82, bit | 127]) + length.to_bytes(8, "big")
    return head + mask + bytes(length)


def segment(payload: bytes, sequence: int, flags: int = 0x18, up: bool = True) -> bytes:
    source, destination = (CLIENT, PORT) if up else (PORT, CLIENT)
    ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 40 + len(payload), 0, 0, 64, 6, 0, bytes(4), bytes(4))
    return ip + struct.pack("!HHIIBBHHH", source, destination, sequence, 0, 0x50, flags, 0, 0, 0) + payload


SIZES = [0, 5, 125, 126, 2452, 70_000, 21]


@pytest.mark.parametrize("step", [1, 7, 1000, 10**6])
@pytest.mark.parametrize("masked", [True, False])
def test_frame_sizes_however_the_stream_is_cut(step: int, masked: bool) -> None:
    stream = HANDSHAKE + b"".join(frame(size, masked) for size in SIZES)
    reader = FrameSizes()
    pieces = [stream[start : start + step] for start in range(0, len(stream), step)]
    assert [size for piece in pieces for size in reader.feed(piece)] == SIZES


def test_tap_stamps_each_frame_with_the_segment_in_which_its_head_is_complete() -> None:
    tap, data = Tap(PORT), frame(2452) + frame(2452)
    assert tap.take(segment(b"", 99, flags=0x02), 1) == []
    assert tap.take(segment(HANDSHAKE, 100), 2) == []
    start = 100 + len(HANDSHAKE)
    assert tap.take(segment(data[:3000], start), 3) == [FrameRecord(3, CLIENT, UP, 2452)] * 2
    assert tap.take(segment(data[3000:], start + 3000), 4) == []
    assert tap.take(segment(frame(30, masked=False), 7, up=False), 5) == [FrameRecord(5, CLIENT, DOWN, 30)]
    assert tap.holes == 0


def test_tap_ignores_what_is_sent_again() -> None:
    tap, data = Tap(PORT), frame(50)
    assert len(tap.take(segment(data, 100), 1)) == 1
    assert tap.take(segment(data, 100), 2) == []
    assert len(tap.take(segment(data[-4:] + data, 100 + len(data) - 4), 3)) == 1
    assert tap.holes == 0


def test_tap_counts_a_hole_and_goes_on_after_it() -> None:
    tap, data = Tap(PORT), frame(50)
    tap.take(segment(data[:20], 100), 1)
    assert len(tap.take(segment(data, 5000), 2)) == 1
    assert tap.holes == 1


def test_tap_follows_sequence_numbers_round_their_end() -> None:
    tap, data = Tap(PORT), frame(50)
    start = (1 << 32) - len(data)
    assert len(tap.take(segment(data, start), 1)) == 1
    assert len(tap.take(segment(data, 0), 2)) == 1
    assert tap.holes == 0


def test_records_round_trip(tmp_path: Path) -> None:
    records = [FrameRecord(1_790_000_000_123_456_789, CLIENT, UP, 2452), FrameRecord(5, 1, DOWN, 70_000)]
    path = tmp_path / "frames"
    path.write_bytes(b"".join(RECORD.pack(*each) for each in records))
    assert RECORD.size == 16
    assert read_records(path) == records
