"""Whatever strangers throw at the ports of a running network, a download beside it arrives and every node lives on."""

import asyncio
import contextlib
import io
import random
from collections.abc import Callable

import aiohttp
import pytest

from nymconnect.crypto import X25519Secret
from nymconnect.link.gateway import messages
from nymconnect.link.noise import NoiseInitiator
from nymconnect.node.gateway.gateway import Gateway
from nymconnect.node.mixnode import MixNode
from nymconnect.packet.framing import Frame, MixPacket
from nymconnect.packet.params import PacketSize
from tests.helpers.stage import PATIENCE, Stage, eventually, stage
from tests.helpers.targets import file_server

RNG = random.Random(11)
BODY = RNG.randbytes(60_000)
HTTP_GARBAGE = [
    b"\r\n\r\n",
    b"\x16\x03\x01" + bytes(300),
    b"GET " + b"/" * 20_000,
    b"POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
]
Node = MixNode | Gateway


async def throw(port: int, data: bytes) -> bytes:
    """Send bytes to a port, end our side and read what comes, if the other side does not reset."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    answer = b""
    with contextlib.suppress(OSError):
        writer.write(data)
        await writer.drain()
        writer.write_eof()
        answer = await asyncio.wait_for(reader.read(-1), PATIENCE)
    writer.transport.abort()
    return answer


class NoiseLink:
    """A link to a node as any stranger can open one: with a Noise key that nobody knows."""

    def __init__(self, node: Node) -> None:
        self._node = node

    async def __aenter__(self) -> "NoiseLink":
        keys = self._node._relay.keys
        assert keys.noise is not None
        self._noise = NoiseInitiator(X25519Secret.generate(RNG), keys.noise.public, RNG)
        self._reader, self._writer = await asyncio.open_connection("127.0.0.1", self._node.mix_port)
        self._writer.write(self._noise.start())
        while not self._noise.established:
            self._writer.write(self._noise.feed(await self._reader.read(4096))[1])
        return self

    async def __aexit__(self, *_: object) -> None:
        self._writer.close()
        with contextlib.suppress(OSError):
            await self._writer.wait_closed()

    async def send(self, data: bytes) -> None:
        self._writer.write(self._noise.seal(data))
        await self._writer.drain()

    async def send_raw(self, data: bytes) -> None:
        self._writer.write(data)
        await self._writer.drain()


def recorded(gateway: Gateway) -> list[MixPacket]:
    """The packets that this gateway sends from now on."""
    packets: list[MixPacket] = []
    send: Callable[[MixPacket], None] = gateway._relay.links.send

    def record(packet: MixPacket) -> None:
        packets.append(packet)
        send(packet)

    gateway._relay.links.send = record  # type: ignore[method-assign]
    return packets


async def counted(node: Node, count: str, at_least: int = 1) -> None:
    await eventually(lambda: node.counters[count] >= at_least)


@pytest.mark.parametrize("abuse", ["mix_ports", "frames", "websockets", "directory", "socks"])
async def test_a_download_arrives_beside(abuse: str) -> None:
    async with file_server({"/file": BODY}) as port, stage() as on, asyncio.timeout(PATIENCE):
        packets = recorded(on.network.gateways[0])
        download = asyncio.create_task(on.fetch(port, "/file"))
        await eventually(lambda: on.session.status.counters.get("data_received", 0) > 10)
        if abuse == "frames":
            await abuse_frames(on, packets)
        else:
            await {
                "mix_ports": abuse_mix_ports,
                "websockets": abuse_websockets,
                "directory": abuse_directory,
                "socks": abuse_socks,
            }[abuse](on)
        assert await download == BODY
        assert await on.fetch(port, "/file") == BODY


async def abuse_mix_ports(on: Stage) -> None:
    """Bytes that are no Noise, in all lengths, and handshakes that stop half-way."""
    for node in on.network._nodes:
        for data in (b"\x00", RNG.randbytes(8), RNG.randbytes(100), RNG.randbytes(100_000)):
            assert await throw(node.mix_port, data) == b""
        keys = node._relay.keys
        assert keys.noise is not None
        hello = NoiseInitiator(X25519Secret.generate(RNG), keys.noise.public, RNG).start()
        for cut in (1, 8, len(hello) - 1):
            assert await throw(node.mix_port, hello[:cut]) == b""
        assert await throw(node.mix_port, hello)  # answered, and then nothing follows
        await counted(node, "listener_closed_bad_noise", 8)


async def abuse_frames(on: Stage, packets: list[MixPacket]) -> None:
    """Frames inside Noise: random, replayed, tampered with, cut short, of unknown kinds."""
    packet = next(packet for packet in packets if len(packet.packet) == PacketSize.REGULAR.packet)
    node = next(node for node in on.network.mixnodes if node.mix_port == packet.next_hop.port)
    frame = Frame.of(packet.packet, packet.rotation).encode()
    async with NoiseLink(node) as link:
        await link.send(frame * 3)
        await counted(node, "dropped_replay", 3)
        for position in (3, 40, 80, 200):  # the MAC, the shared secret, the routing part
            tampered = bytearray(frame)
            tampered[position] ^= 1
            await link.send(bytes(tampered))
        for size in PacketSize:
            await link.send(Frame.of(RNG.randbytes(size.packet)).encode())
        await counted(node, "dropped_bad_header", 4 + len(PacketSize))
        assert node.counters["listener_closed_bad_bytes"] == 0
        await link.send(b"\x09" + frame[1:])
        await counted(node, "listener_closed_bad_bytes")
    for last in (frame[: len(frame) // 2], b"\x07\xff\x00" + bytes(5000)):
        async with NoiseLink(node) as link:
            await link.send(last)
    async with NoiseLink(node) as link:
        await link.send_raw(RNG.randbytes(5000))  # may arrive together with the end of the handshake
        await counted(node, "listener_closed_bad_bytes", 2)
        bad = ("listener_closed_bad_bytes", "listener_closed_bad_noise")
        await eventually(lambda: sum(node.counters[count] for count in bad) == 3)


async def abuse_websockets(on: Stage) -> None:
    """Text, JSON and binary that no client sends; before registration each costs the stranger its connection."""
    gateway = on.network.gateways[0]
    for data in HTTP_GARBAGE:
        await throw(gateway.ws_port, data)
    nasty: list[str | bytes] = [
        "",
        "{",
        "[" * 5000,
        '{"type": "register", "x": ' + "9" * 4000 + "}",
        '{"type": "authenticateV2"}',
        '{"type": "handshakePayload", "protocolVersion": 6, "data": [1, 2, 3]}',
        "x" * (messages.MAX_TEXT + 1),
        b"",
        RNG.randbytes(30),
        RNG.randbytes(3000),
        bytes(2 * 1024 * 1024),
    ]
    async with aiohttp.ClientSession() as http:
        for message in nasty:
            async with http.ws_connect(f"ws://127.0.0.1:{gateway.ws_port}/") as socket:
                with contextlib.suppress(aiohttp.ClientError):
                    await (socket.send_str(message) if isinstance(message, str) else socket.send_bytes(message))
                answers = [answer async for answer in socket]  # until the gateway closes
                assert len(answers) <= 1
    assert gateway.counters["gateway_sessions"] == 1


async def abuse_directory(on: Stage) -> None:
    """Requests that are none, and bodies that do not decode; each is refused and no more."""
    api = on.network.api_url
    for data in HTTP_GARBAGE:
        await throw(on.network._directory.port, data)
    async with aiohttp.ClientSession() as http:
        for path in ("v1/../../etc/passwd", "v1/nothing", "v2/unstable/nym-nodes/skimmed?role=king"):
            async with http.get(api + path) as response:
                assert response.status in (400, 404)
        for path in ("v1/unstable/nym-nodes/by-addresses", "v1/nym-nodes/refresh-described"):
            for body in (b"", b"{", b"[" * 100_000, b'{"addresses": 7}', RNG.randbytes(1000), bytes(2 * 1024 * 1024)):
                async with http.post(api + path, data=io.BytesIO(body)) as response:
                    assert response.status in (400, 413)


async def abuse_socks(on: Stage) -> None:
    """Other protocols, broken greetings and requests: an answer where there is one, and the end."""
    port = on.socks.port
    hello, granted = b"\x05\x01\x00", b"\x05\x00"
    answers = {
        b"": b"",
        b"\x00" * 100: b"",
        b"\x04\x02\x00\x50\x7f\x00\x00\x01\x00": b"\x00\x5b" + bytes(6),
        b"\x04\x01\x00\x00\x7f\x00\x00\x01\x00": b"\x00\x5b" + bytes(6),
        b"\x04\x01\x00\x50\x00\x00\x00\x01\x00" + b"a" * 300: b"\x00\x5b" + bytes(6),
        b"\x04\x01\x00\x50": b"",
        b"\x05\x00": b"\x05\xff",
        b"\x05\x02\x01\x03": b"\x05\xff",
        b"\x05\x02\x00\x02" + b"\x07\x01a\x01b": b"\x05\x02",
        b"\x05\xff": b"",
        hello: granted,
        hello + b"\x05\x01\x00": granted,
        hello + b"\x05\x01\x00\x03\xff" + b"a" * 254: granted,
        hello + b"\x05\x02\x00\x01" + bytes(6): granted + b"\x05\x07\x00\x01" + bytes(6),
        hello + b"\x05\x01\x00\x07" + bytes(6): granted + b"\x05\x08\x00\x01" + bytes(6),
        hello + b"\x05\x01\x00\x03\x00\x00\x50": granted + b"\x05\x01\x00\x01" + bytes(6),
        hello + b"\x05\x01\x00\x03\x04\xff\xfe\xfd\xfc\x00\x50": granted + b"\x05\x01\x00\x01" + bytes(6),
        hello + b"\x05\x01\x00\x01\x7f\x00\x00\x01\x00\x00": granted + b"\x05\x01\x00\x01" + bytes(6),
    }
    for data, answer in answers.items():
        assert await throw(port, data) == answer, data
    http = {
        b"GET http://localhost/ HTTP/1.1\r\n\r\n": b"HTTP/1.1 405 ",
        b"CONNECT localhost HTTP/1.1\r\n\r\n": b"HTTP/1.1 400 ",
        b"CONNECT localhost:80 HTTP/1.1\r\n" + b"a: b\r\n" * 100 + b"\r\n": b"HTTP/1.1 431 ",
        b"CONNECT localhost:80 HTTP/1.1\r\n" + b"a" * 20_000: b"HTTP/1.1 431 ",
        b"CONNECT localhost:80": b"",
    }
    for data, status in http.items():
        assert (await throw(port, data)).startswith(status), data
    assert on.session._listener is not None
    listener = on.session._listener
    await eventually(lambda: listener.snapshot().refused == len(answers) + len(http))
    await eventually(lambda: listener.snapshot().connections <= 1)  # the download, unless that is over
