"""One stream at the exit: names, dials and their failures, over a mixnet in memory and without any target."""

import asyncio

import pytest

from nymconnect_proxy.exit.lookups import LookupLimits
from nymconnect_proxy.exit.requester import (
    NetworkRequester,
    RequesterOptions,
)
from nymconnect_proxy.protocol.requests import Connect, ControlRequest, Send, encode_request
from nymconnect_proxy.protocol.responses import (
    ConnectionFailure,
    Healthy,
    NetworkData,
)
from nymconnect_proxy.protocol.versions import CURRENT, LEGACY
from nymconnect_proxy.streams.exit_stream import ExitOptions
from tests.helpers.exit_stage import POLICY, ScriptedTarget, serving
from tests.helpers.mixnet_pair import Message, mixnet_pair


async def test_a_message_that_makes_a_stream_fail_ends_this_stream() -> None:
    async with serving() as client:
        await client.send(Connect(1, "nymtech.net:443"))
        await client.settled(lambda: client.requester.snapshot().active == 1)
        (connection,) = client.requester._connections.values()
        connection._stream.feed = None  # type: ignore[method-assign, assignment]
        await client.send(Send(1, 0, b"x", False))
        await client.settled(lambda: client.requester.snapshot().active == 0)
        await client.send(ControlRequest.HEALTH)
        while await client.answer() != (CURRENT, Healthy()):
            pass


@pytest.mark.parametrize(
    ("errors", "text"),
    [
        ([ConnectionRefusedError(111, "")], 'Connection refused: "nymtech.net:443"'),
        ([OSError(101, "")], 'Network unreachable: "nymtech.net:443"'),
        ([OSError(113, "")], 'Host unreachable: "nymtech.net:443"'),
        ([TimeoutError()], 'TTL expired: "nymtech.net:443" did not answer'),
        ([OSError(24, "")], 'Failed to connect to "nymtech.net:443"'),
        ([OSError()], 'Failed to connect to "nymtech.net:443"'),
    ],
)
async def test_a_failure_to_dial_is_told_with_its_reason(errors: list[OSError], text: str) -> None:
    async with serving(ScriptedTarget(errors=errors)) as client:
        await client.send(Connect(1, "nymtech.net:443"))
        assert await client.answers(2) == [ConnectionFailure(1, text), NetworkData(1, 0, closed=True)]
        await client.settled(lambda: client.requester.snapshot().active == 0)


async def test_every_address_is_tried_and_the_most_telling_failure_reported() -> None:
    target = ScriptedTarget(("2606:4700::1", "1.1.1.1"), [OSError(101, ""), ConnectionRefusedError(111, "")])
    async with serving(target) as client:
        await client.send(Connect(1, "nymtech.net:443"))
        assert (await client.answers(2))[0] == ConnectionFailure(1, 'Connection refused: "nymtech.net:443"')
    assert target.dialled == [("2606:4700::1", 443), ("1.1.1.1", 443)]
    assert target.resolved == ["nymtech.net"]


async def test_a_name_that_does_not_resolve_is_told() -> None:
    async with serving(ScriptedTarget(())) as client:
        await client.send(Connect(1, "nymtech.net:443"))
        assert (await client.answers(2))[0] == ConnectionFailure(
            1, 'Host unreachable: cannot resolve "nymtech.net:443"'
        )


@pytest.mark.parametrize(("addresses", "address"), [(["127.0.0.1"], "a.example:80"), (["1.1.1.1"], "a.example:25")])
async def test_what_the_policy_refuses_is_not_dialled(addresses: list[str], address: str) -> None:
    target = ScriptedTarget(addresses)
    async with serving(target) as client:
        await client.send(Connect(1, address), LEGACY)
        assert (await client.answer())[0] == LEGACY
    assert target.dialled == []


@pytest.mark.parametrize("own", [True, False])
async def test_neither_the_machine_nor_the_gateway_is_dialled(own: bool) -> None:
    target = ScriptedTarget(["2606:4700::1", "1.1.1.1"])
    async with serving(target) as client:
        if own:
            target.own = ("1.1.1.1",)
        else:
            client.mixnet.peers[client.requester.address].gateway_ips = ("8.8.8.8", "2606:4700::1")
        await client.send(Connect(1, "a.example:80"))
        failure = (await client.answers(2))[0]
        assert failure == ConnectionFailure(1, 'Domain "a.example:80" failed filter check')
    assert target.dialled == []


async def test_an_exit_with_too_many_lookups_says_so() -> None:
    options = RequesterOptions(lookups=LookupLimits(waiting_per_asker=0))
    async with serving(options=options) as client:
        await client.send(Connect(1, "a.example:80"))
        failure = (await client.answers(2))[0]
        assert failure == ConnectionFailure(1, 'Too many lookups, not connecting to "a.example:80"')


async def test_a_literal_address_is_not_looked_up() -> None:
    target = ScriptedTarget()
    async with serving(target) as client:
        await client.send(Connect(1, "2606:4700:0:0:0:0:0:1:443"))
        await client.settled(lambda: len(target.dialled) == 1)
    assert (target.dialled, target.resolved) == ([("2606:4700::1", 443)], [])


async def test_setup_that_hangs_ends_by_itself() -> None:
    options = RequesterOptions(streams=ExitOptions(setup_timeout=0.05))
    async with serving(options=options) as client:
        await client.send(Connect(1, "a.example:80"))
        failure = (await client.answers(2))[0]
        assert failure == ConnectionFailure(1, 'TTL expired: "a.example:80" did not answer')
        await client.settled(lambda: client.requester.snapshot().active == 0)


async def test_messages_right_behind_a_connect_reach_its_stream() -> None:
    client, exit_ = mixnet_pair(7)
    requester = NetworkRequester(exit_, POLICY, RequesterOptions(), ScriptedTarget().dial, ScriptedTarget().resolve)
    exit_.tags[b"t" * 16] = client
    for request in (Connect(1, "a.example:80"), Send(1, 0), Send(1, 1, closed=True), Send(1, 2, closed=True)):
        exit_._inbox.put_nowait(Message(encode_request(request), b"t" * 16))
    await requester.start()
    try:
        # The two closing messages end the stream, if they reach it.
        async with asyncio.timeout(5):
            while requester.snapshot().active or not requester.snapshot().admitted:  # noqa: ASYNC110 -- as above
                await asyncio.sleep(0)
        assert requester.snapshot().dropped == 0
    finally:
        await requester.stop()
