"""No stranger's bytes end a task: each door of a running network is fed with noise, and every service task lives on."""

import asyncio
import contextlib
import json
import logging
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from dataclasses import replace

import aiohttp
import pytest

from nymconnect.client.client import MixnetClient
from nymconnect.client.gateway import link, topology_refresh
from nymconnect.client.gateway.keys import ClientKeys
from nymconnect.client.loopix import Received
from nymconnect.client.parameters import TrafficParameters
from nymconnect.crypto import X25519Secret
from nymconnect.directory import documents
from nymconnect.directory.client import DirectoryClient
from nymconnect.directory.documents import can_enter, is_active_mixnode
from nymconnect.directory.models import encode
from nymconnect.directory.network_state import NetworkState
from nymconnect.link.noise import NoiseInitiator
from nymconnect.packet.addressing import SENDER_TAG_LENGTH
from nymconnect.packet.framing import Frame
from nymconnect.packet.params import PacketSize
from nymconnect.runtime.http import http_client
from nymconnect.runtime.repeats import Repeats
from nymconnect_proxy.protocol.credit import Credit
from nymconnect_proxy.protocol.queries import Query
from nymconnect_proxy.protocol.requests import Connect, ControlRequest, Pace, Send, encode_request
from nymconnect_proxy.protocol.responses import ConnectionFailure, Healthy, NetworkData, encode_response
from nymconnect_proxy.session.states import State
from tests.helpers.directories import START, small_state
from tests.helpers.hostile_bytes import HTTP_ANSWERS, UPGRADE, mangled, mutants
from tests.helpers.loopback_gateway import LoopbackGateway
from tests.helpers.networks import known_network
from tests.helpers.stage import PATIENCE, Stage, eventually, stage
from tests.helpers.targets import file_server

SEEDS = (1, 2)
COUNT = 40
SERVICES = (
    "node ",
    "gateway ",
    "mixnet client: gateway",
    "mixnet client: topology",
    "requester: receive",
    "exchange: receive",
    "session: connection",
    "session upkeep: ",
    "embedded network: ",
    "pace: watch",
)


@pytest.fixture
def no_errors(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """What strangers send is dropped, and no error: nothing that it leads to is one of ours."""
    yield
    assert errors(caplog) == []


def errors(caplog: pytest.LogCaptureFixture) -> list[str]:
    """What the log calls an error."""
    records = [record for record in caplog.get_records("call") if record.levelno >= logging.ERROR]
    return [f"{record.name}: {record.getMessage()}" for record in records]


def services() -> list[str]:
    """Names of the tasks that a service cannot do without, each as often as it runs."""
    names = (task.get_name() for task in asyncio.all_tasks() if not task.done())
    return sorted(
        name for name in names if name.startswith(SERVICES) and "links" not in name and "listener" not in name
    )


def crashes(on: Stage) -> list[int]:
    listener = on.session._listener
    assert listener is not None
    assert listener._exchange is not None
    tasks = [on.requester._service, on.requester._streams, listener._connections, listener._exchange._tasks]
    return [node.counters["crashes"] for node in on.network._nodes] + [owned.crashes for owned in tasks]


async def throw(port: int, data: bytes) -> None:
    """Bytes for a port, and then the end; what comes back is read."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    with contextlib.suppress(OSError):
        writer.write(data)
        writer.write_eof()
        await asyncio.wait_for(reader.read(-1), PATIENCE)
    writer.transport.abort()


async def abuse_mix_ports(on: Stage, rng: random.Random) -> None:
    node = on.network.mixnodes[0]
    frames = [Frame.of(rng.randbytes(size.packet)).encode() for size in PacketSize]
    keys = node._relay.keys
    assert keys.noise is not None
    for data in mutants(frames, COUNT, rng):
        await throw(node.mix_port, data)
    for data in mutants(frames, COUNT // 3, rng):
        noise = NoiseInitiator(X25519Secret.generate(rng), keys.noise.public, rng)
        reader, writer = await asyncio.open_connection("127.0.0.1", node.mix_port)
        writer.write(noise.start())
        while not noise.established and (answer := await reader.read(4096)):
            writer.write(noise.feed(answer)[1])
        writer.write(noise.seal(data) if noise.established and data else b"")
        writer.close()


async def abuse_gateway(on: Stage, rng: random.Random) -> None:
    port = on.network.gateways[0].ws_port
    request = b"GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
    request += b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    for data in mutants([request + b"\x81\x85abcdefghi", request + b"\x82\xfe", b"\xff" * 50], COUNT, rng):
        await throw(port, data)
    texts = [
        b'{"type":"supportedProtocol"}',
        b'{"type":"authenticateV2","payload":{}}',
        b'{"type":"register"}',
        b"[" * 900,
    ]
    async with aiohttp.ClientSession() as http:
        for data in mutants(texts, COUNT // 2, rng):
            async with http.ws_connect(f"ws://127.0.0.1:{port}/") as socket:
                with contextlib.suppress(aiohttp.ClientError):
                    await (socket.send_str(data.decode("latin1")) if rng.random() < 0.5 else socket.send_bytes(data))
                    await socket.receive(0.05 if rng.random() < 0.1 else PATIENCE)


async def abuse_directory(on: Stage, rng: random.Random) -> None:
    bodies = [
        b"GET /v1/epoch/current HTTP/1.1\r\nHost: \xff\r\n\r\n",
        b"POST /v1/nym-nodes/refresh-described HTTP/1.1\r\n\r\n{",
        b"POST /v1/nym-nodes/refresh-described HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{}",
        b"POST /v1/unstable/nym-nodes/by-addresses HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{}",
    ]
    for data in mutants(bodies, COUNT, rng):
        await throw(on.network._directory.port, data)


async def abuse_socks(on: Stage, rng: random.Random) -> None:
    heads = [
        b"\x05\x01\x00\x05\x01\x00\x03\x05a.b.c\x00\x50",
        b"\x05\x01\x02\x01\x01a\x01b\x05\x01\x00\x01\x7f\0\0\1\0\1",
        b"\x04\x01\x00\x50\0\0\0\1user\0host\0",
        b"CONNECT [::1]:1 HTTP/1.1\r\nProxy-Authorization: Basic \xff\r\n\r\n",
        b"GET http://\xff/ HTTP/1.1\r\n\r\n",
    ]
    for data in mutants(heads, COUNT, rng):
        _, writer = await asyncio.open_connection(on.socks.host, on.socks.port)
        writer.write(data)
        writer.close()


async def abuse_requester(on: Stage, rng: random.Random) -> None:
    client = on.requester._mixnet
    assert isinstance(client, MixnetClient)
    requests = [
        encode_request(Connect(7, "127.0.0.1:1")),
        encode_request(Send(7, 0, b"data", False)),
        encode_request(Send(7, 1, b"", True, True)),
        encode_request(Credit(7, 5, 1 << 20)),
        encode_request(ControlRequest.HEALTH),
        encode_request(Pace(10.0, 60)),
        *(encode_request(query) for query in Query),
    ]
    for data in mutants(requests, COUNT * 4, rng):
        tag = rng.choice([None, bytes(SENDER_TAG_LENGTH), rng.randbytes(SENDER_TAG_LENGTH)])
        client._inbox.put_nowait(Received(data, tag))
    await eventually(client._inbox.empty)


async def abuse_exchange(on: Stage, rng: random.Random) -> None:
    client = on.session._client
    assert client is not None
    answers = [
        encode_response(NetworkData(7, 0, b"x", False)),
        encode_response(NetworkData(7, 1, b"", True, True)),
        encode_response(Credit(7, 5, 1 << 20)),
        encode_response(ConnectionFailure(7, "\0" * 99)),
        encode_response(Healthy()),
    ]
    for data in mutants(answers, COUNT * 4, rng):
        client._inbox.put_nowait(Received(data, None, on.requester.address))
    await eventually(client._inbox.empty)


async def abuse_client(on: Stage, rng: random.Random) -> None:
    """What a gateway may push."""
    client = on.session._client
    assert client is not None
    for _ in range(COUNT * 4):
        client._push(rng.randbytes(rng.choice([0, 1, 39, 2413, 40_000])))
    assert client.counters().get("crashed", 0) == 0


DOORS = (abuse_mix_ports, abuse_gateway, abuse_directory, abuse_socks, abuse_requester, abuse_exchange, abuse_client)


@pytest.mark.usefixtures("no_errors")  # of a task that begins anew, nothing else shows that it crashed
async def test_every_service_task_of_a_network_lives_whatever_comes_in() -> None:
    async with (
        file_server({"/file": b"x" * 5000}) as port,
        stage(mixes_per_layer=1) as on,
        asyncio.timeout(3 * PATIENCE),
    ):
        before = services()
        assert len(before) >= len(SERVICES) - 2, before
        for seed in SEEDS:
            for abuse in DOORS:
                await abuse(on, random.Random(seed))
                assert services() == before, abuse.__name__
                assert crashes(on) == [0] * len(crashes(on)), abuse.__name__
                assert on.session.status.state is State.CONNECTED, abuse.__name__
        assert await on.fetch(port, "/file") == b"x" * 5000


# Which decoders what a stranger sends to a door passes, by the names under which they are called.
DECODERS = {
    abuse_mix_ports: (
        "nymconnect.link.noise.NoiseResponder._advance",
        "nymconnect.packet.framing.FrameDecoder.feed",
        "nymconnect.node.mixer.open_packet",
    ),
    abuse_gateway: ("nymconnect.link.gateway.messages.decode_request",),
    abuse_directory: (
        "nymconnect.directory.server.decode_refresh_request",
        "nymconnect.directory.server.decode_address_query",
    ),
    abuse_socks: (
        "nymconnect_proxy.socks.socks5.Socks5.read",
        "nymconnect_proxy.socks.socks4.Socks4.read",
        "nymconnect_proxy.socks.http_connect.HttpConnect.read",
        "nymconnect_proxy.protocol.targets.Target.parse",
    ),
    abuse_requester: (
        "nymconnect_proxy.exit.requester.decode_request",
        "nymconnect_proxy.protocol.versions.Envelope.decode",
        "nymconnect_proxy.protocol.requests.Connect.decode",
        "nymconnect_proxy.protocol.requests.Send.decode",
        "nymconnect_proxy.protocol.requests.ControlRequest.decode",
        "nymconnect_proxy.protocol.requests.Pace.decode",
        "nymconnect_proxy.protocol.queries.Query.decode",
        "nymconnect_proxy.protocol.credit.Credit.decode",
        "nymconnect_proxy.protocol.targets.Target.parse",
    ),
    abuse_exchange: (
        "nymconnect_proxy.ingress.multiplexer.decode_response",
        "nymconnect_proxy.protocol.versions.Envelope.decode",
        "nymconnect_proxy.protocol.responses.NetworkData.decode",
        "nymconnect_proxy.protocol.responses.ConnectionFailure.decode",
        "nymconnect_proxy.protocol.responses._decode_control",
        "nymconnect_proxy.protocol.credit.Credit.decode",
    ),
    abuse_client: ("nymconnect.client.loopix.open_content",),
}


def crash(*_: object, **__: object) -> None:
    raise RuntimeError("a decoder crashes")


@pytest.mark.parametrize("abuse", DOORS)
async def test_a_crash_in_any_decoder_is_seen(
    abuse: Callable[[Stage, random.Random], Awaitable[None]],
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Or the test above could not fail."""
    monkeypatch.setattr(Repeats, "count", lambda *_: 1)  # each decoder is to write its own line
    unseen = []
    async with stage(mixes_per_layer=1) as on, asyncio.timeout(3 * PATIENCE):
        for seed, decoder in enumerate(DECODERS[abuse]):  # of streams that have ended an exit takes no Connect again
            caplog.clear()
            with monkeypatch.context() as patch:
                patch.setattr(decoder, crash)
                with contextlib.suppress(AssertionError):
                    await abuse(on, random.Random(seed))
                try:
                    await eventually(lambda: any("a decoder crashes" in line for line in errors(caplog)), 5.0)
                except TimeoutError:
                    unseen.append(decoder)
    assert unseen == []


# --- the client's own connections -----------------------------------------------------------------------------------


@contextlib.asynccontextmanager
async def scribbler(answers: Iterator[bytes]) -> AsyncIterator[tuple[int, list[int]]]:
    """A server that gives one answer to each connection, and then closes it: its port, and how many it has given."""
    given = [0]

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            await reader.readuntil(b"\r\n\r\n")
            given[0] += 1
            writer.write(next(answers, b""))
            await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1], given


@pytest.mark.usefixtures("no_errors")
@pytest.mark.parametrize("seed", SEEDS)
async def test_a_client_goes_on_trying_whatever_its_gateway_answers(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(link, "RECONNECT_FIRST", 0.001)
    monkeypatch.setattr(link, "RECONNECT_MOST", 0.001)
    rng = random.Random(seed)
    frames = [UPGRADE + bytes([0x81, 2]) + b"{}", UPGRADE + b"\xff\xff\xff", UPGRADE + bytes([0x82, 0])]
    answers = mutants([*HTTP_ANSWERS, *frames], COUNT, rng)
    traffic = TrafficParameters(paced=False, loop_cover=False)
    async with (
        LoopbackGateway(network=known_network()) as gateway,
        http_client() as http,
        scribbler(answers) as (port, given),
        asyncio.timeout(PATIENCE),
    ):
        node = replace(gateway.node, identity=gateway.identity.public)
        assert node.entry is not None
        bad = replace(node, entry=replace(node.entry, ws_port=port))
        directory = DirectoryClient(["http://127.0.0.1:1/"], http)
        client = MixnetClient(directory, bad, known_network().topology, ClientKeys.generate(rng), traffic)
        starting = asyncio.create_task(client.start(PATIENCE))
        try:
            await eventually(lambda: given[0] >= COUNT)
            assert {"mixnet client: gateway", "mixnet client: topology"} <= set(services())
            assert client._link._record._failures >= COUNT - 1
            client._link.gateway = node
            await starting
            assert client.is_connected
        finally:
            starting.cancel()
            await client.stop()


@pytest.mark.usefixtures("no_errors")
@pytest.mark.parametrize("seed", SEEDS)
async def test_a_directory_is_asked_again_whatever_it_answers(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(topology_refresh, "REFRESH", 0.001)
    monkeypatch.setattr(topology_refresh, "RETRY", 0.001)
    rng = random.Random(seed)
    async with lying_directory(small_state(), rng) as (port, given), http_client() as http:
        directory = DirectoryClient([f"http://127.0.0.1:{port}/"], http)
        keeper = topology_refresh.TopologyRefresh(directory, lambda topology: topology.is_routable(), rng)
        task = asyncio.create_task(keeper.run())
        try:
            await eventually(lambda: given[0] >= 3 * COUNT or task.done())
            assert not task.done(), task.exception()
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


@contextlib.asynccontextmanager
async def lying_directory(state: NetworkState, rng: random.Random) -> AsyncIterator[tuple[int, list[int]]]:
    """A directory whose answers are mangled, sometimes as documents, sometimes as HTTP."""
    given = [0]
    true_answers: Sequence[tuple[bytes, object]] = (
        (b"key-rotation-info", state.calendar.info(START)),
        (b"rewarded-set", state.rewarded_set(START)),
        (b"mixnodes/active", documents.node_list(state, START, is_active_mixnode)),
        (b"entry-gateways", documents.node_list(state, START, can_enter)),
    )

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            while request := await reader.readuntil(b"\r\n\r\n"):
                given[0] += 1
                document = next((encode(found) for word, found in true_answers if word in request), b"{}")
                is_http = rng.random() < 0.9
                writer.write(as_http(document) if is_http else rng.choice(HTTP_ANSWERS))
                await writer.drain()
                if not is_http:
                    break
        writer.close()

    def as_http(document: bytes) -> bytes:
        body = mangled(json.loads(document), rng) if rng.random() < 0.6 else document
        head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body)
        return head + body

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1], given
