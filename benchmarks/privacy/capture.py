"""The tap: sizes and kernel timestamps of the websocket frames on one TCP port of the loopback interface.

A process of its own, so that no load on the program under test delays or thins the record. It needs Linux and root
(AF_PACKET). The kernel stamps each segment when it crosses the interface (SO_TIMESTAMPNS); a socket filter passes
only the port, so the rest of the embedded network costs nothing here.

``capture.py --port P --output FILE`` prints a line when it listens and ends when its standard input closes. The
file holds records of 16 bytes: time in ns (int64), client port (uint16), direction (int8, 1 towards the gateway),
one zero byte, frame payload length (uint32).
"""

import argparse
import ctypes
import json
import select
import socket
import struct
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

RECORD = struct.Struct("<qHbxI")
UP, DOWN = 1, -1
_SO_TIMESTAMPNS, _SO_ATTACH_FILTER, _SO_RCVBUFFORCE = 35, 26, 33
_SOL_PACKET, _PACKET_STATISTICS = 263, 6
_ETH_P_IP, _PACKET_OUTGOING = 0x0800, 4
_BUFFER = 64 << 20
_MAX_HANDSHAKE = 16 * 1024


class FrameRecord(NamedTuple):
    """One websocket frame: seconds since the epoch of the capture in ns, whose, which way, how long."""

    time_ns: int
    client_port: int
    direction: int
    size: int


def read_records(path: Path) -> list[FrameRecord]:
    """The frames of a capture file, in their order."""
    return [FrameRecord(*fields) for fields in RECORD.iter_unpack(path.read_bytes())]


class FrameSizes:
    """Cuts one direction of a websocket connection into frames and tells their payload lengths."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._in_handshake: bool | None = None
        self._skip = 0

    def feed(self, data: bytes) -> list[int]:
        """Payload lengths of the frames whose head is now complete."""
        self._buffer += data
        if self._in_handshake is None and len(self._buffer) >= 3:
            self._in_handshake = self._buffer[:3] in (b"GET", b"HTT")
        if self._in_handshake is None:
            return []
        if self._in_handshake:
            end = self._buffer.find(b"\r\n\r\n")
            if end < 0 and len(self._buffer) < _MAX_HANDSHAKE:
                return []
            del self._buffer[: end + 4]
            self._in_handshake = False
        sizes = []
        while (size := self._next()) is not None:
            sizes.append(size)
        return sizes

    def _next(self) -> int | None:
        skipped = min(self._skip, len(self._buffer))
        del self._buffer[:skipped]
        self._skip -= skipped
        if self._skip or len(self._buffer) < 2:
            return None
        masked, length = self._buffer[1] & 0x80, self._buffer[1] & 0x7F
        extra = {126: 2, 127: 8}.get(length, 0)
        if len(self._buffer) < 2 + extra:
            return None
        if extra:
            length = int.from_bytes(self._buffer[2 : 2 + extra], "big")
        self._skip = 2 + extra + (4 if masked else 0) + length
        return length


@dataclass(slots=True)
class _Flow:
    """One direction of one connection: what comes next, and the frames so far."""

    expected: int | None = None
    frames: FrameSizes = field(default_factory=FrameSizes)


class Tap:
    """Takes IP packets, gives records. `holes` counts segments that were not seen."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._flows: dict[tuple[int, int], _Flow] = {}
        self.holes = 0

    def take(self, packet: bytes, time_ns: int) -> list[FrameRecord]:
        """The frames that begin in this packet, whose headers are IPv4 and TCP."""
        tcp = (packet[0] & 0x0F) * 4
        source, destination, sequence = struct.unpack_from("!HHI", packet, tcp)
        payload = packet[tcp + (packet[tcp + 12] >> 4) * 4 : int.from_bytes(packet[2:4], "big")]
        flags = packet[tcp + 13]
        direction, client = (UP, source) if destination == self._port else (DOWN, destination)
        if flags & 0x02:  # SYN: a new connection
            self._flows[client, direction] = _Flow(sequence + 1 & 0xFFFFFFFF)
        if not payload:
            return []
        flow = self._flows.setdefault((client, direction), _Flow())
        fresh = self._fresh(flow, sequence, payload)
        return [FrameRecord(time_ns, client, direction, size) for size in flow.frames.feed(fresh)]

    def _fresh(self, flow: _Flow, sequence: int, payload: bytes) -> bytes:
        """What is new in a segment: repeats are cut off, a hole starts the frames afresh."""
        expected = sequence if flow.expected is None else flow.expected
        ahead = (sequence - expected + (1 << 31)) % (1 << 32) - (1 << 31)
        if ahead > 0:
            self.holes += 1
            flow.frames = FrameSizes()
        seen = max(-ahead, 0)
        if seen >= len(payload):
            return b""
        flow.expected = (sequence + len(payload)) & 0xFFFFFFFF
        return payload[seen:]


def open_tap(port: int) -> socket.socket:
    """A packet socket on the loopback interface that passes TCP over IPv4 with this port only."""
    try:
        tap = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, 0)  # closed until the filter stands
    except (AttributeError, PermissionError):
        raise SystemExit("capturing needs Linux and root: run this benchmark as root") from None
    tap.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
    tap.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, _BUFFER)
    _attach_filter(tap, port)
    tap.bind(("lo", _ETH_P_IP))
    return tap


def _attach_filter(tap: socket.socket, port: int) -> None:
    """Classic BPF: TCP, and source or destination port."""
    program = (
        (0x30, 0, 0, 9),  # ldb [9]: protocol
        (0x15, 0, 6, 6),  # not TCP: drop
        (0xB1, 0, 0, 0),  # ldxb 4*([0]&0xf): length of the IP header
        (0x48, 0, 0, 0),  # ldh [x+0]: source port
        (0x15, 2, 0, port),
        (0x48, 0, 0, 2),  # ldh [x+2]: destination port
        (0x15, 0, 1, port),
        (0x06, 0, 0, 0x40000),
        (0x06, 0, 0, 0),
    )
    code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *line) for line in program))
    head = struct.pack("HL", len(program), ctypes.addressof(code))
    tap.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, head)


def record(tap: socket.socket, port: int) -> tuple[list[FrameRecord], dict[str, int]]:
    """Everything until standard input closes, and how much was missed."""
    reader, records = Tap(port), []
    while True:
        ready, _, _ = select.select([tap, sys.stdin], [], [])
        if sys.stdin in ready and not sys.stdin.buffer.read1():
            break
        if tap in ready:
            packet, ancillary, _, address = tap.recvmsg(1 << 17, 128)
            if address[2] != _PACKET_OUTGOING:  # loopback shows each packet twice
                seconds, nanoseconds = struct.unpack("ll", ancillary[0][2][:16])
                records += reader.take(packet, seconds * 1_000_000_000 + nanoseconds)
    _, dropped = struct.unpack("II", tap.getsockopt(_SOL_PACKET, _PACKET_STATISTICS, 8))
    return records, {"frames": len(records), "holes": reader.holes, "dropped": dropped}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--output", type=Path, required=True)
    flags = parser.parse_args()
    with open_tap(flags.port) as tap:
        print(json.dumps({"listening": flags.port}), flush=True)
        records, summary = record(tap, flags.port)
    flags.output.write_bytes(b"".join(RECORD.pack(*each) for each in records))
    print(json.dumps(summary), flush=True)


if __name__ == "__main__":
    main()
