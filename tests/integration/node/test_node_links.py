"""Links between nodes over real sockets: refused, timed out, broken, full, and what each costs."""

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator, Callable
from dataclasses import replace

import pytest

from nymconnect.crypto import X25519Secret
from nymconnect.directory.topology import Topology
from nymconnect.link.noise import NoiseResponder
from nymconnect.lobby import LobbyLimits
from nymconnect.node import outbound
from nymconnect.node.inbound import InboundListener, ListenerCount
from nymconnect.node.outbound import LinkCount, OutboundLinks
from nymconnect.node.routing_filter import NetworkView
from nymconnect.packet.addressing import NodeAddress
from nymconnect.packet.framing import Frame, FrameDecoder, MixPacket
from nymconnect.packet.params import PacketSize
from nymconnect.runtime.outbound import dial
from tests.helpers.networks import known_network

HOST = "127.0.0.1"
RNG = random.Random(5)
LOCAL = X25519Secret.generate(RNG)
PATIENCE = 5.0
Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def eventually(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not condition():  # noqa: ASYNC110 - a counter has no event to wait for
            await asyncio.sleep(0.005)


def packet_to(port: int, size: PacketSize = PacketSize.REGULAR) -> MixPacket:
    return MixPacket(NodeAddress(HOST, port), RNG.randbytes(size.packet))


def view_with(port: int, noise_key: bytes | None) -> NetworkView:
    """A view of one network whose first node listens at `port` and announces `noise_key`."""
    topology = known_network().topology
    node = replace(topology.layers[0][0], mix_address=NodeAddress(HOST, port), noise_key=noise_key)
    return NetworkView(Topology(((node,), (), ()), {}, 5, 130))


@contextlib.asynccontextmanager
async def outbound_links(view: NetworkView | None = None) -> AsyncIterator[OutboundLinks]:
    pool = OutboundLinks(view or NetworkView(), LOCAL, RNG, "test")
    try:
        yield pool
    finally:
        await pool.close()


class Peer:
    """A plain acceptor that collects frames and can hang up."""

    def __init__(self) -> None:
        self.frames: list[Frame] = []
        self.accepted = 0
        self.closes_at_once = False
        self._writers: list[asyncio.StreamWriter] = []

    async def start(self, port: int = 0) -> int:
        self._server = await asyncio.start_server(self._serve, HOST, port)
        return int(self._server.sockets[0].getsockname()[1])

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.accepted += 1
        self._writers.append(writer)
        decoder = FrameDecoder()
        with contextlib.suppress(OSError):
            while not self.closes_at_once and (data := await reader.read(65536)):
                self.frames += decoder.feed(data)
        writer.close()

    def hang_up(self) -> None:
        for writer in self._writers:
            writer.close()

    async def stop(self) -> None:
        self._server.close()
        self.hang_up()
        await self._server.wait_closed()
        await asyncio.sleep(0.01)


@contextlib.asynccontextmanager
async def listening() -> AsyncIterator[tuple[Peer, int]]:
    peer = Peer()
    port = await peer.start()
    try:
        yield peer, port
    finally:
        await peer.stop()


# --- outbound ---------------------------------------------------------------------------------------------------


async def test_packets_of_all_sizes_arrive_in_order_over_one_connection() -> None:
    async with listening() as (peer, port), outbound_links() as pool:
        packets = [packet_to(port, size) for size in [*PacketSize, PacketSize.REGULAR] * 20]
        for packet in packets:
            pool.send(packet)
        await eventually(lambda: len(peer.frames) == len(packets))
        assert [frame.packet for frame in peer.frames] == [packet.packet for packet in packets]
        assert (peer.accepted, pool.counters[LinkCount.SENT]) == (1, len(packets))


async def test_refused_hop_is_tried_again_with_the_next_packet() -> None:
    async with outbound_links() as pool:
        peer = Peer()
        port = await peer.start()
        await peer.stop()
        for attempt in (1, 2):
            pool.send(packet_to(port))
            await eventually(lambda attempt=attempt: pool.counters[LinkCount.REFUSED] == attempt)
        assert pool.counters[LinkCount.DROPPED_UNREACHABLE] == 2
        await peer.start(port)
        pool.send(packet_to(port))
        await eventually(lambda: len(peer.frames) == 1)
        await peer.stop()


async def test_hop_that_hung_up_is_connected_again_and_no_packet_is_lost() -> None:
    async with listening() as (peer, port), outbound_links() as pool:
        pool.send(packet_to(port))
        await eventually(lambda: len(peer.frames) == 1)
        peer.hang_up()
        await asyncio.sleep(0.05)
        pool.send(packet_to(port))
        await eventually(lambda: len(peer.frames) == 2)
        assert peer.accepted == 2


async def test_hop_that_closes_every_connection_does_not_keep_us_busy() -> None:
    async with listening() as (peer, port), outbound_links() as pool:
        peer.closes_at_once = True
        for _ in range(5):
            pool.send(packet_to(port))
        await eventually(lambda: pool.counters[LinkCount.CONNECTED] == 1)
        await asyncio.sleep(0.1)
        assert peer.accepted == 1  # nothing is left to send, so there is nothing to connect for


async def test_hop_whose_connecting_times_out_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    async def never(host: str, port: int, patience: float) -> Streams:
        assert patience == 1.5
        raise TimeoutError

    monkeypatch.setattr(outbound, "dial", never)
    async with outbound_links() as pool:
        pool.send(packet_to(1))
        await eventually(lambda: pool.counters[LinkCount.TIMED_OUT] == 1)
        for _ in range(3):
            pool.send(packet_to(1))
        assert pool.counters[LinkCount.DROPPED_BACKING_OFF] == 3
        assert pool.counters[LinkCount.TIMED_OUT] == 1


async def test_queue_of_a_hop_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    gate = asyncio.Event()

    async def slow(host: str, port: int, patience: float) -> Streams:
        await gate.wait()
        return await dial(host, port, patience)

    monkeypatch.setattr(outbound, "dial", slow)
    async with listening() as (peer, port), outbound_links() as pool:
        for _ in range(outbound.QUEUE_LENGTH + 7):
            pool.send(packet_to(port, PacketSize.ACK))
        assert pool.counters[LinkCount.DROPPED_QUEUE_FULL] == 7
        gate.set()
        await eventually(lambda: len(peer.frames) == outbound.QUEUE_LENGTH)


async def test_number_of_links_is_bounded_and_idle_ones_give_way(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbound, "MAX_LINKS", 2)

    async def never(host: str, port: int, patience: float) -> Streams:
        await asyncio.Event().wait()
        raise AssertionError

    async with listening() as (peer, port), outbound_links() as pool:
        pool.send(packet_to(port))
        await eventually(lambda: len(peer.frames) == 1)
        monkeypatch.setattr(outbound, "dial", never)
        for other in (1, 2, 3):
            pool.send(packet_to(other))
        assert pool.counters[LinkCount.DROPPED_TOO_MANY_LINKS] == 1


@pytest.mark.parametrize("announced", ["wrong key", "plain peer", "unusable key"])
async def test_failed_noise_handshake_is_never_a_plain_link_and_backs_off(announced: str) -> None:
    async def respond(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        noise = NoiseResponder(X25519Secret.generate(RNG), RNG)
        with contextlib.suppress(Exception):
            while data := await reader.read(1000):
                received.append(data)
                writer.write(noise.feed(data)[1])
        writer.close()

    received: list[bytes] = []
    key = bytes(32) if announced == "unusable key" else X25519Secret.generate(RNG).public
    async with listening() as (peer, plain_port):
        server = await asyncio.start_server(respond, HOST, 0)
        port = plain_port if announced == "plain peer" else int(server.sockets[0].getsockname()[1])
        async with outbound_links(view_with(port, key)) as pool:
            pool.send(packet_to(port))
            await eventually(lambda: pool.counters[LinkCount.NOISE_FAILED] == 1)
            pool.send(packet_to(port))
            assert pool.counters[LinkCount.DROPPED_BACKING_OFF] == 1
            assert pool.counters[LinkCount.SENT] == 0
        assert peer.frames == []
        assert sum(map(len, received)) < 200  # nothing but handshake messages
        server.close()
        await server.wait_closed()
        await asyncio.sleep(0.01)


# --- inbound ----------------------------------------------------------------------------------------------------


@contextlib.asynccontextmanager
async def inbound_listener(
    places: LobbyLimits, view: NetworkView | None = None
) -> AsyncIterator[tuple[InboundListener, int, list[Frame]]]:
    frames: list[Frame] = []
    node = InboundListener(view or NetworkView(), None, RNG, frames.append, "test", places)
    port = await node.start(HOST, 0)
    try:
        yield node, port, frames
    finally:
        await node.stop()


async def is_open(reader: asyncio.StreamReader) -> bool:
    try:
        async with asyncio.timeout(0.1):
            await reader.read(1)
    except TimeoutError:
        return True
    except OSError:
        return False
    return False


async def connect_all(port: int, count: int, source: str = HOST) -> list[Streams]:
    """Connections from another address of this machine, one after the other."""
    return [await asyncio.open_connection(HOST, port, local_addr=(source, 0)) for _ in range(count)]


async def close_all(pairs: list[Streams]) -> None:
    for _, writer in pairs:
        writer.close()
    for _, writer in pairs:
        with contextlib.suppress(OSError):
            await writer.wait_closed()


ACK_FRAME = Frame.of(bytes(PacketSize.ACK.packet)).encode()


async def test_the_oldest_stranger_gives_way() -> None:
    async with inbound_listener(LobbyLimits(strangers=2, known=0, per_address=8)) as (node, port, frames):
        pairs = await connect_all(port, 3)
        assert [await is_open(reader) for reader, _ in pairs] == [False, True, True]
        assert node.counters[ListenerCount.CLOSED_SILENT] == 1
        pairs[1][1].write(ACK_FRAME)
        await eventually(lambda: len(frames) == 1)
        pairs[1][1].close()
        await eventually(lambda: node.connections == 1)
        pairs += await connect_all(port, 1)
        assert await is_open(pairs[3][0])
        await close_all(pairs)


async def test_only_a_whole_frame_counts_as_speaking() -> None:
    async with inbound_listener(LobbyLimits(strangers=2, known=0, per_address=8)) as (node, port, frames):
        pairs = await connect_all(port, 2)
        await eventually(lambda: node.connections == 2)
        pairs[0][1].write(ACK_FRAME)
        await eventually(lambda: len(frames) == 1)
        pairs[1][1].write(ACK_FRAME[:-1])
        await asyncio.sleep(0.05)
        pairs += await connect_all(port, 1)
        assert [await is_open(reader) for reader, _ in pairs] == [True, False, True]
        await close_all(pairs)


async def test_strangers_cannot_fill_a_node_for_those_that_the_directory_names() -> None:
    topology = known_network().topology
    node = replace(topology.layers[0][0], ips=("127.0.0.9",), noise_key=None)
    view = NetworkView(Topology(((node,), (), ()), {}, 5, 130))
    async with inbound_listener(LobbyLimits(strangers=10, known=2, per_address=4), view) as (listener, port, frames):
        strangers = [pair for number in range(2, 8) for pair in await connect_all(port, 10, f"127.0.0.{number}")]
        await eventually(lambda: listener.connections == 10)
        named = await connect_all(port, 2, "127.0.0.9")
        await eventually(lambda: listener.connections == 12)
        strangers += await connect_all(port, 20, "127.0.0.2")
        for _, writer in named:
            writer.write(ACK_FRAME)
        await eventually(lambda: len(frames) == 2)
        # Its own places are bounded, too: nobody who has just spoken gives way.
        refused = await connect_all(port, 1, "127.0.0.9")
        assert not await is_open(refused[0][0])
        assert listener.counters[ListenerCount.REFUSED_FULL] == 1
        await close_all([*strangers, *named, *refused])


async def test_silent_link_of_a_known_node_gives_way_to_a_new_one() -> None:
    places = LobbyLimits(strangers=0, known=2, per_address=1, spared=0.0)
    async with inbound_listener(places, view_with(1, None)) as (node, port, frames):
        pairs = await connect_all(port, 2)
        await eventually(lambda: node.connections == 2)
        pairs[0][1].write(ACK_FRAME)
        await eventually(lambda: len(frames) == 1)
        pairs += await connect_all(port, 1)
        assert [await is_open(reader) for reader, _ in pairs] == [True, False, True]
        await close_all(pairs)


async def test_a_stranger_that_the_directory_names_later_is_none_any_more() -> None:
    view = NetworkView()
    async with inbound_listener(LobbyLimits(strangers=1, known=1, per_address=1), view) as (node, port, frames):
        pairs = await connect_all(port, 1)
        await eventually(lambda: node.connections == 1)
        view.update(view_with(1, None)._generations[0])
        pairs[0][1].write(ACK_FRAME)
        await eventually(lambda: len(frames) == 1)
        pairs += await connect_all(port, 1, "127.0.0.2")
        assert [await is_open(reader) for reader, _ in pairs] == [True, True]
        await close_all(pairs)


async def test_crash_in_one_connection_leaves_the_others_alone(caplog: pytest.LogCaptureFixture) -> None:
    received: list[Frame] = []

    def receive(frame: Frame) -> None:
        if frame.size is PacketSize.ACK:
            raise RuntimeError("a fault of ours")
        received.append(frame)

    node = InboundListener(NetworkView(), None, RNG, receive, "test")
    port = await node.start(HOST, 0)
    _, bad = await asyncio.open_connection(HOST, port)
    _, good = await asyncio.open_connection(HOST, port)
    bad.write(Frame.of(bytes(PacketSize.ACK.packet)).encode())
    await eventually(lambda: node.connections == 1)
    good.write(Frame.of(bytes(PacketSize.REGULAR.packet)).encode())
    await eventually(lambda: len(received) == 1)
    assert "a fault of ours" in caplog.text
    for writer in (bad, good):
        writer.close()
    await node.stop()
