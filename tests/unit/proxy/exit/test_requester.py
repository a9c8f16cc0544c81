"""The requester as a service: questions, refusals and limits, over a mixnet in memory and without any target."""

import asyncio

import pytest

from nymconnect.client.surbs.aliases import Alias
from nymconnect_proxy.exit.admission import AdmissionLimits
from nymconnect_proxy.exit.requester import (
    MAX_ANSWERS,
    MAX_DISPLACED,
    NetworkRequester,
    RequesterOptions,
    embedded_requester,
)
from nymconnect_proxy.protocol.queries import DescriptionAnswer, ExitPolicyAnswer, OpenProxyAnswer, Query
from nymconnect_proxy.protocol.requests import Connect, ControlRequest, Pace, Request, Send, encode_request
from nymconnect_proxy.protocol.responses import (
    BINARY_NAME,
    BinaryInfo,
    ConnectionFailure,
    Healthy,
    NetworkData,
    Paced,
    Response,
    SupportedVersions,
    decode_response,
)
from nymconnect_proxy.protocol.versions import CURRENT, LEGACY, MIXED, Versions
from tests.helpers.exit_stage import POLICY, ScriptedTarget, serving
from tests.helpers.mixnet_pair import Message, mixnet_pair


@pytest.mark.parametrize(
    ("query", "answer"),
    [
        (Query.OPEN_PROXY, OpenProxyAnswer(False)),
        (Query.DESCRIPTION, DescriptionAnswer("A network requester of NymConnect")),
        (Query.EXIT_POLICY, ExitPolicyAnswer(True, "", POLICY)),
    ],
)
async def test_queries_are_answered_in_the_current_inner_version(query: Query, answer: Response) -> None:
    async with serving() as client:
        for versions in (CURRENT, MIXED, Versions(9, 3)):
            await client.send(query, versions)
            assert await client.answer() == (Versions(versions.outer), answer)


async def test_control_requests_are_answered() -> None:
    async with serving() as client:
        await client.send(ControlRequest.HEALTH)
        assert await client.answer() == (CURRENT, Healthy())
        await client.send(ControlRequest.SUPPORTED_VERSIONS)
        assert await client.answer() == (CURRENT, SupportedVersions.of(CURRENT))
        await client.send(ControlRequest.BINARY_INFO)
        _, info = await client.answer()
        assert isinstance(info, BinaryInfo)
        assert info.binary_name == info.build_information.binary_name == BINARY_NAME


async def test_a_constant_rate_is_promised_if_the_mixnet_client_keeps_it() -> None:
    async with serving() as client:
        await client.send(Pace(50.0, 120))
        assert await client.answer() == (CURRENT, Paced(50.0, 120))
        await client.send(Pace(50.0, 3600))
        assert await client.answer() == (CURRENT, Paced(50.0, 600))  # longer than that it is not kept
        await client.send(Pace(500.0, 120))
        assert await client.answer() == (CURRENT, Paced(0.0, 0))
        requester_end = next(iter(client.mixnet.peers.values()))
        assert list(requester_end.paced.values()) == [(50.0, 3600)]


async def test_the_tag_of_a_stream_is_held_until_the_stream_has_ended() -> None:
    async with serving() as client:
        requester_end = next(iter(client.mixnet.peers.values()))
        await client.send(ControlRequest.HEALTH)
        await client.answer()
        assert requester_end.held.total() == 0
        await client.send(Connect(7, "nymtech.net:443"))
        await client.settled(lambda: requester_end.held.total() == 1)
        await client.requester.stop()
        assert requester_end.held.total() == 0


@pytest.mark.parametrize(
    ("request_", "versions", "surbs"),
    [
        (Query.OPEN_PROXY, CURRENT, 0),
        (Query.OPEN_PROXY, LEGACY, 3),
        (ControlRequest.HEALTH, CURRENT, 0),
        (Connect(1, "nymtech.net:443"), CURRENT, 0),
    ],
)
async def test_what_cannot_be_answered_is_dropped(request_: Request, versions: Versions, surbs: int) -> None:
    async with serving() as client:
        await client.send(request_, versions, surbs)
        await client.settled(lambda: client.requester.snapshot().dropped == 1)
        assert client.requester.snapshot().active == 0


async def test_garbage_is_dropped_and_does_no_harm() -> None:
    async with serving() as client:
        for data in (b"", b"\3", b"\3\1\3\x09", bytes(50)):
            await client.mixnet.send(client.requester.address, data, surbs=1)
        await client.settled(lambda: client.requester.snapshot().dropped >= 3)
        await client.send(ControlRequest.HEALTH)
        assert await client.answer() == (CURRENT, Healthy())


async def test_a_request_that_makes_the_exit_fail_costs_that_request_only() -> None:
    async with serving() as client:
        client.requester._admissions.admit = None  # type: ignore[method-assign, assignment]
        await client.send(Connect(1, "nymtech.net:443"))
        await client.settled(lambda: client.requester.snapshot().dropped == 1)
        await client.send(ControlRequest.HEALTH)
        assert await client.answer() == (CURRENT, Healthy())


async def test_an_exit_that_is_full_says_so() -> None:
    options = RequesterOptions(limits=AdmissionLimits(connections_per_sender=1))
    async with serving(options=options) as client:
        await client.send(Connect(1, "a.example:80"))
        await client.settled(lambda: client.requester.snapshot().active == 1)
        await client.send(Connect(2, "a.example:80"))
        failure = (await client.answers(2))[0]
        assert failure == ConnectionFailure(2, 'Too many connections, not connecting to "a.example:80"')
        assert client.requester.snapshot().refused == 1


async def test_the_idle_stream_of_a_greedy_sender_is_cut_for_a_newcomer_and_told() -> None:
    options = RequesterOptions(limits=AdmissionLimits(connections=2, connections_for_newcomers=0))
    async with serving(options=options) as client:
        for number in range(2):
            await client.send(Connect(number, "a.example:80"))
            await client.settled(lambda: client.requester.snapshot().active == number + 1)  # noqa: B023 -- at once
        other = Alias.of(client.requester.address, 5)
        await client.mixnet.send(other, encode_request(Connect(7, "b.example:80")), surbs=3)
        assert await client.answers(2) == [
            ConnectionFailure(0, 'Failed to connect to "a.example:80"'),
            NetworkData(0, 0, closed=True),
        ]
        await client.settled(lambda: client.requester.snapshot().active == 2)
        assert client.requester.snapshot().refused == 0


async def test_streams_that_cannot_be_told_that_they_are_cut_do_not_pile_up() -> None:
    client, exit_ = mixnet_pair(8)
    options = RequesterOptions(limits=AdmissionLimits(connections=400, connections_for_newcomers=0))
    requester = NetworkRequester(exit_, POLICY, options, ScriptedTarget().dial, ScriptedTarget().resolve)
    for number in range(700):  # four greedy senders, then three hundred newcomers, all in one go
        tag = (number % 4 if number < 400 else number).to_bytes(16, "big")
        exit_.tags[tag], exit_.given[tag] = client, exit_.address
        exit_._inbox.put_nowait(Message(encode_request(Connect(number, "a.example:80")), tag))
    exit_.lane_capacity = 0
    await requester.start()
    try:
        async with asyncio.timeout(20):
            while requester.snapshot().admitted < 700 or requester.snapshot().active > 400 + MAX_DISPLACED:  # noqa: ASYNC110
                await asyncio.sleep(0)
    finally:
        await requester.stop()
    assert requester.snapshot().active == 0


async def test_a_second_connect_with_the_same_id_is_dropped() -> None:
    async with serving() as client:
        for _ in range(2):
            await client.send(Connect(1, "a.example:80"))
        await client.settled(lambda: client.requester.snapshot().dropped == 1)
        assert client.requester.snapshot().active == 1


async def test_sends_without_a_stream_are_held_then_dropped() -> None:
    async with serving(options=RequesterOptions(limits=AdmissionLimits(held_messages=1))) as client:
        for number in range(2):
            await client.send(Send(1, number))
        await client.settled(lambda: client.requester.snapshot().dropped == 1)


async def test_answers_that_nobody_takes_are_bounded() -> None:
    async with serving() as client:
        exit_ = client.mixnet.peers[client.requester.address]
        exit_.lane_capacity = 0
        for _ in range(MAX_ANSWERS + 3):
            await client.send(ControlRequest.HEALTH)
        await client.settled(lambda: client.requester.snapshot().dropped == 3)


async def test_the_embedded_requester_reaches_this_machine_only_by_its_own_rule() -> None:
    client, exit_ = mixnet_pair(6)
    requester = embedded_requester(exit_)
    await requester.start()
    try:
        await client.send(requester.address, encode_request(Query.EXIT_POLICY), surbs=1)
        _, answer = decode_response((await asyncio.wait_for(client.receive(), 5)).data)
    finally:
        await requester.stop()
    assert isinstance(answer, ExitPolicyAnswer)
    assert answer.policy is not None
    assert str(answer.policy).startswith("ExitPolicy accept 127.0.0.0/8:*\nExitPolicy accept ::1/128:*\n")
    assert str(answer.policy).endswith("ExitPolicy reject *:*\n")
