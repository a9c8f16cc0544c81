"""The link of a client to its gateway: lost, renewed, given up; with a client on top of it."""

import asyncio
import random
from dataclasses import replace

import pytest

from nymconnect.client.client import MixnetClient
from nymconnect.client.gateway import link, topology_refresh
from nymconnect.client.gateway.keys import ClientKeys
from nymconnect.directory.client import DirectoryClient
from nymconnect.errors import UserError
from nymconnect.reasons import GatewayUnlisted, Reason, Words
from tests.helpers.loopback_gateway import LoopbackGateway
from tests.helpers.networks import known_network
from tests.helpers.staged_client import NO_DIRECTORY, PATIENCE, QUICK, running_client, staged_client


@pytest.fixture
def quick_reconnect(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(link, "RECONNECT_FIRST", 0.01)


@pytest.mark.usefixtures("quick_reconnect")
async def test_a_lost_link_is_told_and_renewed_with_the_same_key() -> None:
    async with running_client() as (stage, gateway), asyncio.timeout(PATIENCE):
        await gateway.drop_clients()
        await stage.until(lambda: len(stage.links) == 3)
        assert stage.links == [(True, ""), (False, "the gateway closed the connection"), (True, "")]
        assert len(gateway.registry.registrations) == 1
        assert stage.client.keys.shared_key is not None
        await stage.client.send(stage.client.address, b"after")
        assert (await stage.client.receive()).data == b"after"


@pytest.mark.usefixtures("quick_reconnect")
async def test_what_is_sent_while_the_link_is_down_leaves_when_it_is_back() -> None:
    async with running_client() as (stage, gateway), asyncio.timeout(PATIENCE):
        await gateway.drop_clients()
        await stage.until(lambda: not stage.client.is_connected)
        await stage.client.send(stage.client.address, b"patience")
        assert (await stage.client.receive()).data == b"patience"


async def test_a_gateway_that_cannot_be_reached_is_the_reason_for_giving_up() -> None:
    async with LoopbackGateway() as gateway:
        pass
    async with staged_client(gateway) as stage:
        with pytest.raises(UserError, match="cannot reach the gateway at ws://"):
            await stage.client.start(patience=0.2)
        assert not stage.client.is_connected


async def test_a_failure_inside_is_told_and_ends_the_link() -> None:
    async with running_client() as (stage, _):
        stage.client._loopix.transmission.departed = None  # type: ignore[method-assign, assignment]
        await stage.client.send(stage.client.address, b"x")
        await stage.until(lambda: len(stage.links) == 2)
        assert stage.links[1] == (False, "the connection to the gateway failed: TypeError")
        del stage.client._loopix.transmission.departed
        await stage.until(lambda: len(stage.links) == 3)
        assert stage.client.is_connected


@pytest.mark.parametrize("host", ["a" * 64 + ".example", "a..example", "[", "[::1", "a\0b", "\ud800"], ids=ascii)
async def test_a_host_that_is_none_is_a_failed_attempt_and_no_more(host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(link, "RECONNECT_FIRST", 0.001)
    monkeypatch.setattr(link, "RECONNECT_MOST", 0.001)
    async with LoopbackGateway(network=known_network()) as gateway, staged_client(gateway) as stage:
        good = stage.client.gateway
        assert good.entry is not None
        stage.client._link.gateway = replace(good, entry=replace(good.entry, hostname=host))
        starting = asyncio.create_task(stage.client.start(PATIENCE))
        await stage.until(lambda: len(stage.links) >= 3)
        assert stage.client._link._record._failures >= 2
        stage.client._link.gateway = good
        await starting
        assert stage.client.is_connected


async def test_a_new_way_to_the_gateway_is_taken_at_once() -> None:
    async with running_client() as (stage, gateway), asyncio.timeout(PATIENCE):
        stage.client.reconnect(Words("the network has changed"))
        await stage.until(lambda: len(stage.links) == 3)
        assert stage.links == [(True, ""), (False, "the network has changed"), (True, "")]
        assert gateway.connections == 2
        assert len(gateway.registry.registrations) == 1


async def test_a_pause_between_attempts_ends_when_the_way_has_changed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(link, "RECONNECT_FIRST", 3600.0)
    async with running_client() as (stage, gateway), asyncio.timeout(PATIENCE):
        await gateway.drop_clients()
        await stage.until(lambda: len(stage.links) == 2)
        stage.client.reconnect(Words("the network has changed"))
        await stage.until(lambda: len(stage.links) == 3)
        assert stage.client.is_connected
        assert not stage.client._link._hurry.is_set(), "the next pause is a whole one"


@pytest.mark.usefixtures("quick_reconnect")
async def test_a_gateway_that_does_not_come_back_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(link, "RECONNECT_MOST", 0.01)
    monkeypatch.setattr(topology_refresh, "GONE_AFTER", 0.0)
    gone = asyncio.get_running_loop().create_future()
    async with running_client() as (stage, gateway), asyncio.timeout(PATIENCE):
        stage.client.on_gateway_gone = lambda reason: gone.done() or gone.set_result(reason)
        await gateway.__aexit__(None, None, None)
        assert "has not answered" in str(await gone)
        await gateway.__aenter__()


@pytest.mark.usefixtures("quick_reconnect")
async def test_attempts_that_failed_before_the_link_was_up_count_nothing_afterwards() -> None:
    async with LoopbackGateway(network=known_network()) as gateway, staged_client(gateway) as stage:
        link_of_stage = stage.client._link
        good = stage.client.gateway
        assert good.entry is not None
        link_of_stage.gateway = replace(good, entry=replace(good.entry, hostname="["))
        async with asyncio.timeout(PATIENCE):
            starting = asyncio.create_task(stage.client.start(PATIENCE))
            await stage.until(lambda: len(stage.links) >= 2)
            link_of_stage.gateway = good
            await starting
            assert link_of_stage._record._failures
            before = len(stage.links)
            await gateway.drop_clients()
            await stage.until(lambda: len(stage.links) >= before + 2)
            assert not link_of_stage._record._failures


async def test_a_gateway_is_entered_where_the_directory_lists_it_last() -> None:
    async with running_client() as (stage, _):
        gateway, topology = stage.client.gateway, known_network().topology
        moved = replace(gateway, ips=("192.0.2.7",))
        assert stage.client._use_topology(replace(topology, gateways={gateway.identity: moved}))
        assert stage.client.gateway == moved
        closed = replace(moved, entry=None)
        assert stage.client._use_topology(replace(topology, gateways={gateway.identity: closed}))
        assert stage.client.gateway == moved, "one that takes no clients now may take them again"


async def test_a_gateway_that_is_listed_no_more_is_reported_unless_it_is_forgiven(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(topology_refresh, "GONE_AFTER", 0.0)
    gone: list[Reason] = []
    async with running_client() as (stage, _):
        stage.client.on_gateway_gone = gone.append
        without = replace(known_network().topology, gateways={})
        for _ in range(2):
            assert not stage.client._use_topology(without)
            stage.client.forgive_gateway()
        assert gone == []
        for _ in range(2):
            assert not stage.client._use_topology(without)
        assert gone == [GatewayUnlisted()]
        assert stage.client.topology.gateways, "the old topology stays"


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


async def test_a_failure_while_packing_is_told_and_ends_the_link() -> None:
    async with running_client() as (stage, _):
        stage.client._loopix.next_packet = None  # type: ignore[method-assign, assignment]
        await stage.client.send(stage.client.address, b"x")
        await stage.until(lambda: len(stage.links) == 2)
        assert stage.links[1] == (False, "the connection to the gateway failed: TypeError")
