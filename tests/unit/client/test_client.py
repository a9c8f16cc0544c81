"""The client as a service: start, back-pressure, farewell."""

import asyncio
import random
from dataclasses import replace

import pytest

from nymconnect.client.client import ClientStoppedError
from nymconnect.client.gateway import topology_refresh
from nymconnect.client.pacer.machine import DATA_LIMIT
from nymconnect.directory.client import DirectoryClient
from nymconnect.directory.topology import Topology
from nymconnect.errors import UserError
from nymconnect.runtime.clock import clock
from tests.helpers.loopback_gateway import LoopbackGateway
from tests.helpers.networks import known_network
from tests.helpers.staged_client import PATIENCE, QUICK, running_client, staged_client

# --- messages -------------------------------------------------------------------------------------------------------


async def test_a_message_to_oneself_arrives() -> None:
    async with running_client() as (stage, _), asyncio.timeout(PATIENCE):
        assert stage.client.is_connected
        data = random.Random(1).randbytes(20_000)
        await stage.client.send(stage.client.address, data)
        received = await stage.client.receive()
        assert (received.data, received.sender_tag) == (data, None)


async def test_an_anonymous_message_can_be_answered() -> None:
    async with running_client() as (stage, _), asyncio.timeout(PATIENCE):
        await stage.client.send(stage.client.address, b"question", surbs=20)
        question = await stage.client.receive()
        assert question.data == b"question"
        assert question.sender_tag is not None
        await stage.client.reply(question.sender_tag, b"answer")
        assert (await stage.client.receive()).data == b"answer"


async def test_a_writer_waits_while_its_lane_is_full() -> None:
    async with running_client(replace(QUICK, lane_limit=4)) as (stage, gateway), asyncio.timeout(PATIENCE):
        client = stage.client
        for number in range(40):
            await client.send(client.address, bytes([number]) * 3000, lane=7)
            assert client.counters()["queued"] <= 4 + 2 + DATA_LIMIT
        received = [await client.receive() for _ in range(40)]
        assert sorted(message.data[0] for message in received) == list(range(40))
        assert len(gateway.packets) == 80


async def test_a_lane_that_is_closed_lets_its_writer_go_on() -> None:
    slow = replace(QUICK, paced=True, message_sending_average_delay=60.0, lane_limit=1)
    async with running_client(slow) as (stage, _), asyncio.timeout(PATIENCE):
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
    async with running_client(paced) as (stage, gateway):
        blocked_until = clock() + 0.25
        while clock() < blocked_until:  # as a busy machine does to an event loop
            pass
        await gateway.until_packets(90)
        assert stage.links == [(True, "")]
        assert gateway.connections == 1


async def test_a_message_that_makes_the_machine_fail_costs_neither_link_nor_client() -> None:
    async with running_client() as (stage, _), asyncio.timeout(PATIENCE):
        await stage.client.send(stage.client.address, b"first")
        assert (await stage.client.receive()).data == b"first"
        stage.client._loopix.feed = None  # type: ignore[method-assign, assignment]
        stage.client._push(b"x")
        del stage.client._loopix.feed
        assert stage.client.counters()["crashed"] == 1
        await stage.client.send(stage.client.address, b"second")
        assert (await stage.client.receive()).data == b"second"
        assert stage.links == [(True, "")]


async def test_a_crash_is_told_at_once_and_the_client_counts_as_no_longer_connected() -> None:
    crashes: list[BaseException] = []
    async with running_client() as (stage, _), asyncio.timeout(PATIENCE):
        stage.client._on_crash = crashes.append

        async def crash() -> None:
            raise RuntimeError("our fault")

        stage.client._tasks.spawn(crash(), "part")
        await stage.until(lambda: len(stage.links) == 2)
        assert [str(error) for error in crashes] == ["our fault"]
        assert not stage.client.is_connected
        assert stage.links[-1] == (False, "internal error in the mixnet client: our fault")


async def test_a_start_during_which_the_client_crashes_does_not_wait() -> None:
    async with LoopbackGateway(network=known_network()) as gateway, staged_client(gateway) as stage:
        stage.client._link._judge = None  # type: ignore[method-assign, assignment]
        stage.client._link._use = None  # type: ignore[method-assign, assignment]
        async with asyncio.timeout(PATIENCE):
            with pytest.raises(UserError, match="internal error in the mixnet client"):
                await stage.client.start(patience=PATIENCE * 10)


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
    async with running_client() as (stage, _), asyncio.timeout(PATIENCE):
        use = stage.client._loopix.use_topology

        def note(value: Topology) -> None:
            use(value)
            taken.set()

        monkeypatch.setattr(stage.client._loopix, "use_topology", note)
        await taken.wait()
        assert not answers
        await stage.client.send(stage.client.address, b"by the new one")
        assert (await stage.client.receive()).data == b"by the new one"


# --- farewell -------------------------------------------------------------------------------------------------------


async def test_whoever_waits_is_told_that_the_client_has_stopped() -> None:
    slow = replace(QUICK, paced=True, message_sending_average_delay=60.0, lane_limit=1)
    async with running_client(slow) as (stage, _), asyncio.timeout(PATIENCE):
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
    async with running_client(replace(QUICK, paced=True, loop_cover=True)) as (stage, gateway):
        await gateway.until_packets(5)
        await stage.client.stop()
        assert stage.client._waker._handle is None
    assert asyncio.all_tasks() == before
