"""The client as a service: start, reconnect, back-pressure, farewell; a real websocket, the rest of the network is one
function call."""

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field, replace

import pytest

from nymconnect.client.client import ClientStoppedError, MixnetClient
from nymconnect.client.gateway import link, topology_refresh
from nymconnect.client.gateway.keys import ClientKeys, choose_gateway
from nymconnect.client.pacer.machine import DATA_LIMIT
from nymconnect.client.parameters import TrafficParameters
from nymconnect.directory.client import DirectoryClient
from nymconnect.directory.topology import Topology
from nymconnect.errors import UserError
from nymconnect.reasons import Reason, Words
from nymconnect.runtime.clock import clock
from nymconnect.runtime.http import http_client
from tests.helpers.loopback_gateway import LoopbackGateway
from tests.helpers.networks import known_network

PATIENCE = 20.0
NO_DIRECTORY = "http://127.0.0.1:1/"
QUICK = TrafficParameters(average_packet_delay=0.0, average_ack_delay=0.0, paced=False, loop_cover=False)


@dataclass
class Stage:
    """A client and what it has told of its link."""

    client: MixnetClient
    links: list[tuple[bool, str]] = field(default_factory=list)
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    def on_link(self, up: bool, reason: Reason | None) -> None:
        self.links.append((up, "" if reason is None else str(reason)))
        self.changed.set()

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(PATIENCE):
            while not condition():
                self.changed.clear()
                await self.changed.wait()

    async def until_ready(self, fragments: int) -> None:
        """Wait until so many have been packed and wait for their slots."""
        async with asyncio.timeout(PATIENCE):
            while True:
                if self.client._loopix.transmission.prepared.data_count == fragments:
                    return
                await asyncio.sleep(0)


@contextlib.asynccontextmanager
async def staged(gateway: LoopbackGateway, parameters: TrafficParameters = QUICK) -> AsyncIterator[Stage]:
    """A client of `gateway` that is not started; it is stopped in the end."""
    network = known_network()
    async with http_client() as http:
        directory = DirectoryClient([NO_DIRECTORY], http)
        node = replace(gateway.node, identity=gateway.identity.public)
        keys = ClientKeys.generate(random.Random(9))
        stage = Stage(None)  # type: ignore[arg-type]  # each needs the other
        stage.client = MixnetClient(directory, node, network.topology, keys, parameters, stage.on_link)
        try:
            yield stage
        finally:
            await stage.client.stop()


@contextlib.asynccontextmanager
async def running(parameters: TrafficParameters = QUICK) -> AsyncIterator[tuple[Stage, LoopbackGateway]]:
    async with LoopbackGateway(network=known_network()) as gateway, staged(gateway, parameters) as stage:
        await stage.client.start(PATIENCE)
        yield stage, gateway


@pytest.fixture
def quick_reconnect(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(link, "RECONNECT_FIRST", 0.01)


# --- messages -------------------------------------------------------------------------------------------------------


async def test_a_message_to_oneself_arrives() -> None:
    async with running() as (stage, _), asyncio.timeout(PATIENCE):
        assert stage.client.is_connected
        data = random.Random(1).randbytes(20_000)
        await stage.client.send(stage.client.address, data)
        received = await stage.client.receive()
        assert (received.data, received.sender_tag) == (data, None)


async def test_an_anonymous_message_can_be_answered() -> None:
    async with running() as (stage, _), asyncio.timeout(PATIENCE):
        await stage.client.send(stage.client.address, b"question", surbs=20)
        question = await stage.client.receive()
        assert question.data == b"question"
        assert question.sender_tag is not None
        await stage.client.reply(question.sender_tag, b"answer")
        assert (await stage.client.receive()).data == b"answer"


async def test_a_writer_waits_while_its_lane_is_full() -> None:
    async with running(replace(QUICK, lane_limit=4)) as (stage, gateway), asyncio.timeout(PATIENCE):
        client = stage.client
        for number in range(40):
            await client.send(client.address, bytes([number]) * 3000, lane=7)
            assert client.counters()["queued"] <= 4 + 2 + DATA_LIMIT
        received = [await client.receive() for _ in range(40)]
        assert sorted(message.data[0] for message in received) == list(range(40))
        assert len(gateway.packets) == 80


async def test_a_lane_that_is_closed_lets_its_writer_go_on() -> None:
    slow = replace(QUICK, paced=True, message_sending_average_delay=60.0, lane_limit=1)
    async with running(slow) as (stage, _), asyncio.timeout(PATIENCE):
        client = stage.client
        await client.send(client.address, b"ready for the slot", lane=6)
        await stage.until_ready(1)
        await client.send(client.address, b"first", lane=7)
        writer = asyncio.create_task(client.send(client.address, b"second", lane=7))
        other = asyncio.create_task(client.send(client.address, b"third", lane=8))
        await other
        assert not writer.done()
        client.close_lane(7)
        await writer
        assert client.counters()["queued"] == 3


async def test_a_sender_that_was_held_up_keeps_its_connection() -> None:
    paced = replace(QUICK, paced=True, message_sending_average_delay=0.002)
    async with running(paced) as (stage, gateway):
        blocked_until = clock() + 0.25
        while clock() < blocked_until:  # as a busy machine does to an event loop
            pass
        await gateway.until_packets(90)
        assert stage.links == [(True, "")]
        assert gateway.connections == 1


# --- the link -------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("quick_reconnect")
async def test_a_lost_link_is_told_and_renewed_with_the_same_key() -> None:
    async with running() as (stage, gateway), asyncio.timeout(PATIENCE):
        await gateway.drop_clients()
        await stage.until(lambda: len(stage.links) == 3)
        assert stage.links == [(True, ""), (False, "the gateway closed the connection"), (True, "")]
        assert len(gateway.registry.registrations) == 1
        await stage.client.send(stage.client.address, b"after")
        assert (await stage.client.receive()).data == b"after"


@pytest.mark.usefixtures("quick_reconnect")
async def test_what_is_sent_while_the_link_is_down_leaves_when_it_is_back() -> None:
    async with running() as (stage, gateway), asyncio.timeout(PATIENCE):
        await gateway.drop_clients()
        await stage.until(lambda: not stage.client.is_connected)
        await stage.client.send(stage.client.address, b"patience")
        assert (await stage.client.receive()).data == b"patience"


async def test_a_gateway_that_cannot_be_reached_is_the_reason_for_giving_up() -> None:
    async with LoopbackGateway() as gateway:
        pass
    async with staged(gateway) as stage:
        with pytest.raises(UserError, match="cannot reach the gateway at ws://"):
            await stage.client.start(patience=0.2)
        assert not stage.client.is_connected


async def test_a_failure_inside_is_told_and_ends_the_link() -> None:
    async with running() as (stage, _):
        stage.client._loopix.transmission.departed = None  # type: ignore[method-assign, assignment]
        await stage.client.send(stage.client.address, b"x")
        await stage.until(lambda: len(stage.links) == 2)
        assert stage.links[1] == (False, "the connection to the gateway failed: TypeError")
        del stage.client._loopix.transmission.departed
        await stage.until(lambda: len(stage.links) == 3)
        assert stage.client.is_connected


async def test_a_message_that_makes_the_machine_fail_costs_neither_link_nor_client() -> None:
    async with running() as (stage, _), asyncio.timeout(PATIENCE):
        await stage.client.send(stage.client.address, b"first")
        assert (await stage.client.receive()).data == b"first"
        stage.client._loopix.feed = None  # type: ignore[method-assign, assignment]
        stage.client._push(b"x")
        del stage.client._loopix.feed
        assert stage.client.counters()["crashed"] == 1
        await stage.client.send(stage.client.address, b"second")
        assert (await stage.client.receive()).data == b"second"
        assert stage.links == [(True, "")]


@pytest.mark.parametrize("host", ["a" * 64 + ".example", "a..example", "[", "[::1", "a\0b", "\ud800"], ids=ascii)
async def test_a_host_that_is_none_is_a_failed_attempt_and_no_more(host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(link, "RECONNECT_FIRST", 0.001)
    monkeypatch.setattr(link, "RECONNECT_MOST", 0.001)
    async with LoopbackGateway(network=known_network()) as gateway, staged(gateway) as stage:
        good = stage.client.gateway
        assert good.entry is not None
        stage.client._link.gateway = replace(good, entry=replace(good.entry, hostname=host))
        starting = asyncio.create_task(stage.client.start(PATIENCE))
        await stage.until(lambda: len(stage.links) >= 3)
        assert stage.client._link._record._failures >= 2
        stage.client._link.gateway = good
        await starting
        assert stage.client.is_connected


async def test_a_crash_is_told_at_once_and_the_client_counts_as_no_longer_connected() -> None:
    crashes: list[BaseException] = []
    async with running() as (stage, _), asyncio.timeout(PATIENCE):
        stage.client._on_crash = crashes.append

        async def crash() -> None:
            raise RuntimeError("our fault")

        stage.client._tasks.spawn(crash(), "part")
        await stage.until(lambda: len(stage.links) == 2)
        assert [str(error) for error in crashes] == ["our fault"]
        assert not stage.client.is_connected
        assert stage.links[-1] == (False, "internal error in the mixnet client: our fault")


async def test_a_start_during_which_the_client_crashes_does_not_wait() -> None:
    async with LoopbackGateway(network=known_network()) as gateway, staged(gateway) as stage:
        stage.client._link._judge = None  # type: ignore[method-assign, assignment]
        stage.client._link._use = None  # type: ignore[method-assign, assignment]
        async with asyncio.timeout(PATIENCE):
            with pytest.raises(UserError, match="internal error in the mixnet client"):
                await stage.client.start(patience=PATIENCE * 10)


async def test_a_new_way_to_the_gateway_is_taken_at_once() -> None:
    async with running() as (stage, gateway), asyncio.timeout(PATIENCE):
        stage.client.reconnect(Words("the network has changed"))
        await stage.until(lambda: len(stage.links) == 3)
        assert stage.links == [(True, ""), (False, "the network has changed"), (True, "")]
        assert gateway.connections == 2
        assert len(gateway.registry.registrations) == 1


async def test_a_pause_between_attempts_ends_when_the_way_has_changed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(link, "RECONNECT_FIRST", 3600.0)
    async with running() as (stage, gateway), asyncio.timeout(PATIENCE):
        await gateway.drop_clients()
        await stage.until(lambda: len(stage.links) == 2)
        stage.client.reconnect(Words("the network has changed"))
        await stage.until(lambda: len(stage.links) == 3)
        assert stage.client.is_connected


@pytest.mark.usefixtures("quick_reconnect")
async def test_a_gateway_that_does_not_come_back_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(link, "RECONNECT_MOST", 0.01)
    monkeypatch.setattr(topology_refresh, "GONE_AFTER", 0.0)
    gone = asyncio.get_running_loop().create_future()
    async with running() as (stage, gateway), asyncio.timeout(PATIENCE):
        stage.client.on_gateway_gone = lambda reason: gone.done() or gone.set_result(reason)
        await gateway.__aexit__(None, None, None)
        assert "has not answered" in str(await gone)
        await gateway.__aenter__()


def test_the_keys_carry_the_time_of_the_last_authentication() -> None:
    keys = ClientKeys.generate(random.Random(9))
    network = known_network()
    keys.shared_key, keys.last_timestamp = bytes(32), 2_000_000_000
    client = MixnetClient(
        DirectoryClient([NO_DIRECTORY], None),  # type: ignore[arg-type]  # asked for nothing
        network.gateways[0],
        network.topology,
        keys,
        QUICK,
    )
    client._link._machine.start(0.0)
    client._link._machine._authenticate(bytes(32), 0.0)
    assert client.keys.last_timestamp == 2_000_000_001


# --- the topology ---------------------------------------------------------------------------------------------------


async def test_the_topology_is_refreshed_and_kept_while_the_directory_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(topology_refresh, "REFRESH", 0.01)
    monkeypatch.setattr(topology_refresh, "RETRY", 0.01)
    newer = replace(known_network().topology, epoch_id=131)
    answers: list[Topology | UserError] = [UserError("away"), UserError("away"), newer]
    taken = asyncio.Event()

    async def topology(_: DirectoryClient) -> Topology:
        answer = answers.pop(0) if answers else newer
        if isinstance(answer, UserError):
            raise answer
        return answer

    monkeypatch.setattr(DirectoryClient, "topology", topology)
    async with running() as (stage, _), asyncio.timeout(PATIENCE):
        use = stage.client._loopix.use_topology

        def note(value: Topology) -> None:
            use(value)
            taken.set()

        monkeypatch.setattr(stage.client._loopix, "use_topology", note)
        await taken.wait()
        assert not answers
        await stage.client.send(stage.client.address, b"by the new one")
        assert (await stage.client.receive()).data == b"by the new one"


async def test_a_failure_while_packing_is_told_and_ends_the_link() -> None:
    async with running() as (stage, _):
        stage.client._loopix.next_packet = None  # type: ignore[method-assign, assignment]
        await stage.client.send(stage.client.address, b"x")
        await stage.until(lambda: len(stage.links) == 2)
        assert stage.links[1] == (False, "the connection to the gateway failed: TypeError")


# --- farewell -------------------------------------------------------------------------------------------------------


async def test_whoever_waits_is_told_that_the_client_has_stopped() -> None:
    slow = replace(QUICK, paced=True, message_sending_average_delay=60.0, lane_limit=1)
    async with running(slow) as (stage, _), asyncio.timeout(PATIENCE):
        client = stage.client
        await client.send(client.address, b"ready for the slot", lane=6)
        await stage.until_ready(1)
        await client.send(client.address, b"first", lane=7)
        waiting = [
            asyncio.create_task(client.send(client.address, b"second", lane=7)),
            asyncio.create_task(client.receive()),
        ]
        await client.send(client.address, b"other lane", lane=8)
        await client.stop()
        for task in waiting:
            with pytest.raises(ClientStoppedError):
                await task
        for verb in (client.send(client.address, b"x"), client.reply(bytes(16), b"x"), client.receive()):
            with pytest.raises(ClientStoppedError):
                await verb


async def test_a_stopped_client_leaves_nothing_running() -> None:
    before = asyncio.all_tasks()
    async with running(replace(QUICK, paced=True, loop_cover=True)) as (stage, gateway):
        await gateway.until_packets(5)
        await stage.client.stop()
        assert stage.client._waker._handle is None
    assert asyncio.all_tasks() == before


# --- choosing a gateway ---------------------------------------------------------------------------------------------


def test_the_gateway_that_was_asked_for_is_taken() -> None:
    topology = known_network(gateways=3).topology
    for node in topology.gateways.values():
        assert choose_gateway(topology, random.Random(1), node.identity) is node


def test_without_a_wish_every_gateway_comes_up() -> None:
    topology = known_network(gateways=3).topology
    rng = random.Random(1)
    assert {choose_gateway(topology, rng).identity for _ in range(50)} == set(topology.gateways)


def test_gateways_that_were_given_up_are_avoided() -> None:
    topology = known_network(gateways=3).topology
    *given_up, left = topology.gateways
    assert choose_gateway(topology, random.Random(1), avoid=given_up).identity == left
    with pytest.raises(UserError, match="lists no other gateway"):
        choose_gateway(topology, random.Random(1), avoid=[*given_up, left])


def test_a_gateway_that_is_not_listed_is_one_clear_line() -> None:
    topology = known_network().topology
    with pytest.raises(UserError, match="lists no such gateway"):
        choose_gateway(topology, random.Random(1), bytes(32))
    with pytest.raises(UserError, match="lists no usable gateway"):
        choose_gateway(replace(topology, gateways={}), random.Random(1))


def test_the_shared_key_is_not_shown() -> None:
    keys = ClientKeys.generate(random.Random(1))
    keys.shared_key = b"\xab" * 32
    assert "shared_key" not in repr(keys)
    assert repr(keys.shared_key) not in repr(keys)
