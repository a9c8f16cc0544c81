"""What a gateway pushes to its clients: mail that waited, mail at a constant rate, and mail that nobody reads."""

import asyncio
import contextlib
import itertools
import statistics
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from nymconnect.link.gateway.events import DeliveryRates, Ready
from nymconnect.link.gateway.server import MAX_DELIVERY_RATE
from nymconnect.node.gateway.gateway import Gateway
from nymconnect.node.gateway.mailbox import MailboxLimits
from nymconnect.node.gateway.rate_allowance import NOTHING, SHOWN_AFTER
from nymconnect.node.gateway.store import GatewayStore
from nymconnect.packet.envelope import Ack, Cover
from nymconnect.packet.params import ACK_CONTENT_LENGTH, PacketSize
from nymconnect.runtime.clock import clock
from tests.helpers.node_network import BareClient, NodeNetwork
from tests.helpers.round_trips import eventually, round_trip, what_came


async def test_client_that_was_away_gets_its_messages_in_order() -> None:
    async with NodeNetwork() as network:
        async with BareClient(network) as client:
            key = client.machine.shared_key
        contents = [bytes([number]) * 100 for number in range(250)]
        for content in contents:
            network.gateway.deliver(client.identity.public, content)
        assert len(network.gateway.mail.mailbox) == 250
        async with BareClient(network, shared_key=key) as back:
            await back.until(lambda: len(back.pushed) >= 250)
            assert back.pushed == contents
            assert not any(isinstance(effect, Ready) and effect.newly_registered for effect in back.effects)
            network.gateway.deliver(client.identity.public, b"live")
            await back.until(lambda: len(back.pushed) == 251)
            await eventually(lambda: len(network.gateway.mail.mailbox) == 0)


async def test_a_full_mailbox_stops_no_client_that_is_connected() -> None:
    async with NodeNetwork() as network:
        await network.gateway.stop()
        limits = MailboxLimits(total=0)
        full = network.gateway = Gateway(network.settings(4), network.gateway_keys, mailbox_limits=limits)
        await full.start()
        network.introduce()
        async with BareClient(network) as client:
            await round_trip(client)
            contents = [number.to_bytes(2, "big") * 1000 for number in range(5)]
            for number, content in enumerate(contents, 1):
                assert full.deliver(client.identity.public, content)
                await client.until(lambda number=number: client.pushed[-number:] == contents[:number])
        await eventually(lambda: full.deliver(client.identity.public, contents[0]) is None)
        assert full.counters["gateway_withheld_acks"] == 0
        assert len(full.mail.mailbox) == 0


async def test_burst_beyond_the_push_queue_keeps_its_order() -> None:
    async with NodeNetwork() as network, BareClient(network) as client:
        contents = [number.to_bytes(2, "big") * 50 for number in range(1000)]
        for content in contents:
            network.gateway.deliver(client.identity.public, content)
        assert len(network.gateway.mail.mailbox) > 0
        await client.until(lambda: len(client.pushed) == 1000)
        assert client.pushed == contents


async def test_what_a_new_pace_has_no_room_for_at_first_comes_in_its_order() -> None:
    rates = DeliveryRates(900.0, 900.0)
    async with NodeNetwork() as network, BareClient(network) as client:
        (session,) = network.gateway._sessions.values()
        pusher = session._pusher
        await eventually(lambda: not pusher._behind)
        contents = [number.to_bytes(2, "big") * 50 for number in range(1, 500)]
        acks = [number.to_bytes(ACK_CONTENT_LENGTH, "big") for number in range(1, 50)]
        pusher.pace(rates)
        assert pusher._delivery is not None
        for content in contents[:256]:
            network.gateway.deliver(client.identity.public, content)
        pusher._leaving.extend(pusher._delivery.wake(clock() + 0.1))  # what a client that does not read leaves there
        for content in [*contents[256:], *acks]:
            network.gateway.deliver(client.identity.public, content)
        pusher.pace(NOTHING)
        pusher.pace(rates)
        await client.until(lambda: contents[-1] in client.pushed and acks[-1] in client.pushed)
        assert [content for content in client.pushed if content in contents] == contents
        assert [content for content in client.pushed if content in acks] == acks


async def test_a_session_whose_pusher_crashes_is_closed_and_the_message_waits_for_the_next() -> None:
    async with NodeNetwork() as network:
        async with BareClient(network) as client:
            (session,) = network.gateway._sessions.values()
            session._machine.push = None  # type: ignore[method-assign, assignment]
            network.gateway.deliver(client.identity.public, b"message")
            await client.until(lambda: client.closed)
        async with BareClient(network, shared_key=client.machine.shared_key) as back:
            await back.until(lambda: back.pushed == [b"message"])
        assert network.gateway.counters["crashes"] == 1


async def overwhelm(network: NodeNetwork, client: BareClient, count: int) -> list[bytes]:
    """Stop a client's reading and deliver more than socket and queue hold, so that the rest is in the mailbox."""
    client.pause_reading()
    contents = [number.to_bytes(2, "big") * 16_000 for number in range(count)]
    for content in contents:
        network.gateway.deliver(client.identity.public, content)
        await asyncio.sleep(0)
    assert network.gateway.mail.mailbox.used > 0
    assert network.gateway.mail.mailbox.refused == 0
    return contents


async def test_client_that_stops_reading_holds_up_nobody_and_finds_everything_in_order() -> None:
    async with NodeNetwork() as network, BareClient(network, identity_seed=2) as other, BareClient(network) as client:
        contents = await overwhelm(network, client, 500)
        await round_trip(other)
        client.resume_reading()
        for number in range(500, 600):
            contents.append(number.to_bytes(2, "big") * 16_000)
            network.gateway.deliver(client.identity.public, contents[-1])
            seen = len(client.pushed)
            await client.until(lambda seen=seen: len(client.pushed) > seen)
        await client.until(lambda: len(client.pushed) >= 600)
        assert client.pushed == contents


async def test_messages_that_a_dead_session_left_unsent_go_to_the_next_one() -> None:
    async with NodeNetwork() as network:
        client = BareClient(network)
        await client.connect()
        contents = await overwhelm(network, client, 500)
        async with BareClient(network, shared_key=client.machine.shared_key, ahead=5.0) as rival:
            await rival.until(lambda: contents[-1] in rival.pushed)
            assert rival.pushed == contents[-len(rival.pushed) :]
            client.resume_reading()
            await client.until(lambda: client.closed)
        await client.disconnect()
        # Only what had left for the socket and was cut off with it is lost.
        assert len(client.pushed) + len(rival.pushed) >= len(contents) - 5


async def test_gateway_stops_in_time_with_a_client_that_does_not_read() -> None:
    async with NodeNetwork() as network:
        client = BareClient(network)
        await client.connect()
        client.pause_reading()
        for number in range(400):
            network.gateway.deliver(client.identity.public, bytes([number % 256]) * 32_000)
        await asyncio.sleep(0.05)
        async with asyncio.timeout(4.0):
            await network.gateway.stop()
    await client.disconnect()


async def test_a_paced_client_is_pushed_as_much_with_mail_as_without() -> None:
    async with NodeNetwork() as network, BareClient(network) as client:
        await client.earn_rates(30.0, 30.0)
        client.pushed.clear()
        await client.until(lambda: len(client.pushed) >= 150)
        assert {len(content) for content in client.pushed} == {ACK_CONTENT_LENGTH, PacketSize.REGULAR.message}
        assert not any(map(any, client.pushed))
        client.pushed.clear()
        for _ in range(50):
            await client.send(client.cover())
        await client.until(lambda: sum(map(any, client.pushed)) == 100)
        assert len(client.pushed) > 100
        assert client.is_paced


async def test_no_slot_of_a_paced_client_waits_for_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read, pushed_meanwhile = GatewayStore.read, []

    async with NodeNetwork(state=tmp_path) as network, BareClient(network) as client:

        def read_slowly(store: GatewayStore, numbers: Sequence[int]) -> dict[int, bytes]:
            before = len(client.pushed)
            time.sleep(0.5)
            pushed_meanwhile.append(len(client.pushed) - before)
            return read(store, numbers)

        await client.earn_rates(30.0, 30.0)
        for number in range(300):
            network.gateway.deliver(client.identity.public, number.to_bytes(2, "big") * 50)
        await eventually(lambda: network.gateway.mail.mailbox.content(client.identity.public, 300) is None)
        monkeypatch.setattr(GatewayStore, "read", read_slowly)
        await eventually(lambda: len(pushed_meanwhile) >= 2)
        assert min(pushed_meanwhile) > 5


async def test_mail_that_waits_for_its_slot_is_kept_for_the_next_session() -> None:
    async with NodeNetwork() as network, BareClient(network) as client:
        await client.earn_rates(0.01, 0.01)
        client.pushed.clear()
        for _ in range(20):
            await client.send(client.cover())
        await eventually(lambda: network.gateway.counters["gateway_pushed"] == 42)
        await client.disconnect()
        key = client.machine.shared_key
        async with BareClient(network, shared_key=key, ahead=2.0) as again:
            again.encryption, again.ack_key = client.encryption, client.ack_key
            await again.until(lambda: len(again.pushed) == 40)
            assert what_came(again) == [Ack] * 20 + [Cover] * 20


async def test_five_greedy_sessions_that_send_nothing_get_nothing_and_slow_nobody() -> None:
    async def registration() -> float:
        began = clock()
        async with BareClient(network, identity_seed=next(seeds)):
            return clock() - began

    seeds = itertools.count(2)
    async with NodeNetwork() as network, contextlib.AsyncExitStack() as stack:
        alone = statistics.median([await registration() for _ in range(5)])
        greedy = [await stack.enter_async_context(BareClient(network, identity_seed=next(seeds))) for _ in range(5)]
        for client in greedy:
            await client.ask_for_rates(MAX_DELIVERY_RATE, MAX_DELIVERY_RATE)
        await asyncio.sleep(2 * SHOWN_AFTER)
        beside = statistics.median([await registration() for _ in range(5)])
        assert [client.pushed for client in greedy] == [[]] * 5
        assert not any(client.is_paced for client in greedy)
        assert beside < 10 * alone + 0.5


async def test_a_client_may_end_its_constant_rate() -> None:
    async with NodeNetwork() as network, BareClient(network) as client:
        await client.earn_rates(0.01, 0.01)
        client.pushed.clear()
        await client.send(client.cover())
        await eventually(lambda: network.gateway.counters["gateway_pushed"] == 4)
        assert client.pushed == []
        await client.ask_for_rates(0.0, 0.0)
        await client.until(lambda: len(client.pushed) == 2)
        assert what_came(client) == [Ack, Cover]


async def test_what_comes_while_the_disk_is_read_waits_for_its_turn(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = GatewayStore.read

    def read_slowly(store: GatewayStore, numbers: Sequence[int]) -> dict[int, bytes]:
        time.sleep(0.02)
        return read(store, numbers)

    monkeypatch.setattr(GatewayStore, "read", read_slowly)
    async with NodeNetwork(state=tmp_path) as network:
        async with BareClient(network) as client:
            key = client.machine.shared_key
        contents = [number.to_bytes(2, "big") * 50 for number in range(600)]
        for content in contents[:300]:
            network.gateway.deliver(client.identity.public, content)
        await eventually(lambda: network.gateway.mail.mailbox.content(client.identity.public, 300) is None)
        async with BareClient(network, shared_key=key, ahead=5.0) as back:
            for content in contents[300:]:
                network.gateway.deliver(client.identity.public, content)
                await asyncio.sleep(0.001)
            await back.until(lambda: len(back.pushed) >= 600)
            assert back.pushed == contents
            await eventually(lambda: len(network.gateway.mail.mailbox) == 0)
