"""Bytes that strangers may send where a program of ours reads: host names, HTTP answers, documents, and plain noise."""

import json
import random
from collections.abc import Iterator, Sequence

HOSTILE_HOSTS = (
    "a" * 64 + ".example",
    "a..example",
    ".example",
    "[",
    "]",
    "[::1",
    "a\0b",
    "a\r\nX: y",
    "bücher.example",
    "a b",
    "a/b",
    "user@host",
    "host:99999999",
    "%",
    "-" * 300,
    "\N{FULLWIDTH FULL STOP}",
    "\ud800",
    "fe80::1%eth0",
)

UPGRADE = (
    b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"
)
HTTP_ANSWERS = (
    UPGRADE,
    UPGRADE.replace(b"Connection: Upgrade", b"Connection: \xff"),
    UPGRADE.replace(b"Upgrade: websocket", b"Upgrade: \xff\xfe"),
    UPGRADE.replace(b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo=", b"\x80" * 28),
    UPGRADE.replace(b"\r\n\r\n", b"\r\nSec-WebSocket-Extensions: \xff; a=\xff\r\n\r\n"),
    UPGRADE.replace(b"\r\n\r\n", b"\r\nSec-WebSocket-Protocol: \xff\r\n\r\n"),
    UPGRADE.replace(b"\r\n\r\n", b"\r\nContent-Length: -1\r\n\r\n"),
    UPGRADE.replace(b"101 Switching Protocols", b"101 \xff"),
    b"HTTP/1.1 100 Continue\r\n\r\n" * 50,
    b"HTTP/9.9 101\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n",
    b"HTTP/1.1 301 Moved\r\nLocation: http://[\r\n\r\n",
    b"HTTP/1.1 400 \xff\r\n\xff: \xff\r\n\r\n",
    b"\xff" * 200,
    b"",
)


def mutants(seeds: Sequence[bytes], count: int, rng: random.Random) -> Iterator[bytes]:
    """The seeds, and then what changed, cut, doubled and joined ones look like; `count` in all."""
    yield from seeds[:count]
    for _ in range(count - len(seeds)):
        data = bytearray(rng.choice(seeds))
        for _ in range(rng.randrange(1, 5)):
            place = rng.randrange(len(data) + 1)
            match rng.randrange(4):
                case 0 if place < len(data):
                    data[place] = rng.randrange(256)
                case 1:
                    del data[place:]
                case 2:
                    data[place:place] = rng.randbytes(rng.randrange(1, 9))
                case _:
                    data += rng.choice(seeds)[: rng.randrange(200)]
        yield bytes(data)


def mangled(document: object, rng: random.Random) -> bytes:
    """A JSON document in which some values, at any depth, are others."""
    return json.dumps(_mangle(document, rng)).encode("utf-8", "surrogatepass")


def _mangle(value: object, rng: random.Random) -> object:
    if rng.random() < 0.04:
        return rng.choice(_ODD_VALUES)
    if isinstance(value, dict):
        return {key: _mangle(member, rng) for key, member in value.items() if rng.random() > 0.02}
    if isinstance(value, list):
        return [_mangle(member, rng) for member in value]
    return value


_ODD_VALUES: tuple[object, ...] = (
    None,
    True,
    -1,
    0,
    2**32,
    2**64,
    10**400,
    0.5,
    1e308,
    "",
    "\0",
    "1" * 44,
    "-inf",
    "9999-12-31T23:59:59Z",
    "0001-01-01T00:00:00Z",
    [],
    [[]],
    {},
    *HOSTILE_HOSTS[:16],
)
