"""One HTTP request through a SOCKS5 proxy, timed: what `selftest` and `bench` measure with.

A bare client on purpose: it shows the SOCKS reply code and the time of each stage, which HTTP libraries hide.
"""

import asyncio
from dataclasses import dataclass

from nymconnect.endpoints import Endpoint
from nymconnect.errors import UserError
from nymconnect.runtime.clock import clock
from nymconnect.runtime.outbound import dial
from nymconnect.runtime.sockets import hang_up

_CONNECT_TIMEOUT = 5.0
_REPLIES = {
    1: "general failure",
    2: "refused by the exit policy",
    3: "network unreachable",
    4: "host unreachable",
    5: "connection refused",
    6: "timed out",
}


@dataclass(frozen=True, slots=True)
class Fetched:
    """A response body, and the seconds after the start at which each stage was reached."""

    body: bytes
    connected: float
    first_byte: float
    complete: float


async def fetch_through(proxy: Endpoint, host: str, port: int, path: str, patience: float) -> Fetched:
    """GET ``http://host:port/path``; `host` is sent to the proxy as a name. UserError if anything fails."""
    start = clock()
    reader, writer = await dial(proxy.host, proxy.port, _CONNECT_TIMEOUT)
    try:
        async with asyncio.timeout(patience):
            await _open(reader, writer, host, port)
            connected = clock() - start
            writer.write(f"GET {path} HTTP/1.0\r\nHost: {host}\r\n\r\n".encode())
            head = await reader.readuntil(b"\r\n\r\n")
            first_byte = clock() - start
            body = await reader.read(-1)
    except asyncio.IncompleteReadError as error:
        raise UserError("the connection ended early") from error
    except TimeoutError as error:
        raise UserError(f"no answer within {patience:.0f} seconds") from error
    finally:
        await hang_up(writer)
    if b" 200 " not in head.partition(b"\r\n")[0]:
        raise UserError("the target answered with an error")
    return Fetched(body, connected, first_byte, clock() - start)


async def _open(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, host: str, port: int) -> None:
    await greet(reader, writer)
    if code := await request(reader, writer, host, port):
        raise UserError(f"the proxy could not connect: {_REPLIES.get(code, f'code {code}')}")


async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, password: str = "") -> None:
    """The first half of a SOCKS5 handshake, with a name of no meaning if there is a password (RFC 1929).

    UserError if the proxy wants a password, or another one; EOFError if it hangs up.
    """
    secret = password.encode()
    writer.write(b"\x05\x01\x02" if secret else b"\x05\x01\x00")
    if await reader.readexactly(2) != (b"\x05\x02" if secret else b"\x05\x00"):
        raise UserError("the proxy wants a password")
    if not secret:
        return
    writer.write(b"\x01\x01-" + bytes([len(secret)]) + secret)
    if await reader.readexactly(2) != b"\x01\x00":
        raise UserError("the proxy wants another password")


async def request(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, host: str, port: int) -> int:
    """The second half: ask for a connection to the name `host`, and return the reply code, 0 for success."""
    name = host.encode("idna")
    writer.write(b"\x05\x01\x00\x03" + bytes([len(name)]) + name + port.to_bytes(2, "big"))
    return (await reader.readexactly(10))[1]
