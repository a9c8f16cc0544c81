"""The requester as a service: questions, refusals and limits, over a mixnet in memory and without any target."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

import pytest

from nymconnect.client.surbs.aliases import Alias
from nymconnect_proxy.exit.admission import AdmissionLimits
from nymconnect_proxy.exit.lookups import LookupLimits
from nymconnect_proxy.exit.requester import (
    MAX_ANSWERS,
    MAX_DISPLACED,
    NetworkRequester,
    RequesterOptions,
    embedded_requester,
)
from nymconnect_proxy.protocol.exit_policy import AddressPolicy
from nymconnect_proxy.protocol.queries import DescriptionAnswer, ExitPolicyAnswer, OpenProxyAnswer, Query
from nymconnect_proxy.protocol.requests import Connect, Control, Pace, Request, Send, encode_request
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
from nymconnect_proxy.streams.exit_stream import ExitOptions
from tests.helpers.mixnet_pair import Message, MixnetEnd, mixnet_pair

POLICY = AddressPolicy.parse("ExitPolicy reject *:25\nExitPolicy accept *:*")
Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Target:
    """Resolver and dialler that touch no network; `error` is what dialling raises."""

    own: tuple[str, ...] = ()

    def __init__(self, addresses: Sequence[str] = ("1.1.1.1",), errors: Sequence[OSError] = ()) -> None:
        self.addresses = addresses
        self.errors = list(errors)
        self.resolved: list[str] = []
        self.dialled: list[tuple[str, int]] = []

    async def resolve(self, host: str) -> Sequence[str]:
        self.resolved.append(host)
        if not self.addresses:
            raise OSError("no such name")
        return self.addresses

    async def dial(self, host: str, port: int, patience: float) -> Streams:
        self.dialled.append((host, port))
        if self.errors:
            raise self.errors.pop(0)
        await asyncio.Event().wait()
        raise AssertionError


class Client:
    """A client that writes single messages."""

    def __init__(self, mixnet: MixnetEnd, requester: NetworkRequester) -> None:
        self.mixnet = mixnet
        self.requester = requester

    async def send(self, request: Request, versions: Versions = CURRENT, surbs: int = 3) -> None:
        await self.mixnet.send(self.requester.address, encode_request(request, versions), surbs=surbs)

    async def answer(self) -> tuple[Versions, Response]:
        return decode_response((await asyncio.wait_for(self.mixnet.receive(), 5)).data)

    async def answers(self, count: int) -> list[Response]:
        """So many, sorted as they were sent: the text before the close."""
        return sorted([(await self.answer())[1] for _ in range(count)], key=lambda a: isinstance(a, NetworkData))

    async def settled(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(5):
            while not condition():  # noqa: ASYNC110 -- counters of a service, which have no event to wait for
                await asyncio.sleep(0)


@asynccontextmanager
async def serving(target: Target | None = None, options: RequesterOptions | None = None) -> AsyncIterator[Client]:
    client, exit_ = mixnet_pair(5)
    target = target or Target()
    requester = NetworkRequester(
        exit_, POLICY, options or RequesterOptions(), target.dial, target.resolve, lambda address: address in target.own
    )
    await requester.start()
    try:
        yield Client(client, requester)
    finally:
        await requester.stop()


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
        await client.send(Control.HEALTH)
        assert await client.answer() == (CURRENT, Healthy())
        await client.send(Control.SUPPORTED_VERSIONS)
        assert await client.answer() == (CURRENT, SupportedVersions.of(CURRENT))
        await client.send(Control.BINARY_INFO)
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
        await client.send(Control.HEALTH)
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
        (Control.HEALTH, CURRENT, 0),
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
        await client.send(Control.HEALTH)
        assert await client.answer() == (CURRENT, Healthy())


async def test_a_request_that_makes_the_exit_fail_costs_that_request_only() -> None:
    async with serving() as client:
        client.requester._admissions.admit = None  # type: ignore[method-assign, assignment]
        await client.send(Connect(1, "nymtech.net:443"))
        await client.settled(lambda: client.requester.snapshot().dropped == 1)
        await client.send(Control.HEALTH)
        assert await client.answer() == (CURRENT, Healthy())


async def test_a_message_that_makes_a_stream_fail_ends_this_stream() -> None:
    async with serving() as client:
        await client.send(Connect(1, "nymtech.net:443"))
        await client.settled(lambda: client.requester.snapshot().active == 1)
        (connection,) = client.requester._connections.values()
        connection._stream.feed = None  # type: ignore[method-assign, assignment]
        await client.send(Send(1, 0, b"x", False))
        await client.settled(lambda: client.requester.snapshot().active == 0)
        await client.send(Control.HEALTH)
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
    async with serving(Target(errors=errors)) as client:
        await client.send(Connect(1, "nymtech.net:443"))
        assert await client.answers(2) == [ConnectionFailure(1, text), NetworkData(1, 0, closed=True)]
        await client.settled(lambda: client.requester.snapshot().active == 0)


async def test_every_address_is_tried_and_the_most_telling_failure_reported() -> None:
    target = Target(("2606:4700::1", "1.1.1.1"), [OSError(101, ""), ConnectionRefusedError(111, "")])
    async with serving(target) as client:
        await client.send(Connect(1, "nymtech.net:443"))
        assert (await client.answers(2))[0] == ConnectionFailure(1, 'Connection refused: "nymtech.net:443"')
    assert target.dialled == [("2606:4700::1", 443), ("1.1.1.1", 443)]
    assert target.resolved == ["nymtech.net"]


async def test_a_name_that_does_not_resolve_is_told() -> None:
    async with serving(Target(())) as client:
        await client.send(Connect(1, "nymtech.net:443"))
        assert (await client.answers(2))[0] == ConnectionFailure(
            1, 'Host unreachable: cannot resolve "nymtech.net:443"'
        )


@pytest.mark.parametrize(("addresses", "address"), [(["127.0.0.1"], "a.example:80"), (["1.1.1.1"], "a.example:25")])
async def test_what_the_policy_refuses_is_not_dialled(addresses: list[str], address: str) -> None:
    target = Target(addresses)
    async with serving(target) as client:
        await client.send(Connect(1, address), LEGACY)
        assert (await client.answer())[0] == LEGACY
    assert target.dialled == []


@pytest.mark.parametrize("own", [True, False])
async def test_neither_the_machine_nor_the_gateway_is_dialled(own: bool) -> None:
    target = Target(["2606:4700::1", "1.1.1.1"])
    async with serving(target) as client:
        if own:
            target.own = ("1.1.1.1",)
        else:
            client.mixnet.peers[client.requester.address].gateway_ips = ("8.8.8.8", "2606:4700::1")
        await client.send(Connect(1, "a.example:80"))
        failure = (await client.answers(2))[0]
        assert failure == ConnectionFailure(1, 'Domain "a.example:80" failed filter check')
    assert target.dialled == []


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
    requester = NetworkRequester(exit_, POLICY, options, Target().dial, Target().resolve)
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


async def test_an_exit_with_too_many_lookups_says_so() -> None:
    options = RequesterOptions(lookups=LookupLimits(waiting_per_asker=0))
    async with serving(options=options) as client:
        await client.send(Connect(1, "a.example:80"))
        failure = (await client.answers(2))[0]
        assert failure == ConnectionFailure(1, 'Too many lookups, not connecting to "a.example:80"')


async def test_a_literal_address_is_not_looked_up() -> None:
    target = Target()
    async with serving(target) as client:
        await client.send(Connect(1, "2606:4700:0:0:0:0:0:1:443"))
        await client.settled(lambda: len(target.dialled) == 1)
    assert (target.dialled, target.resolved) == ([("2606:4700::1", 443)], [])


async def test_a_second_connect_with_the_same_id_is_dropped() -> None:
    async with serving() as client:
        for _ in range(2):
            await client.send(Connect(1, "a.example:80"))
        await client.settled(lambda: client.requester.snapshot().dropped == 1)
        assert client.requester.snapshot().active == 1


async def test_setup_that_hangs_ends_by_itself() -> None:
    options = RequesterOptions(streams=ExitOptions(setup_timeout=0.05))
    async with serving(options=options) as client:
        await client.send(Connect(1, "a.example:80"))
        failure = (await client.answers(2))[0]
        assert failure == ConnectionFailure(1, 'TTL expired: "a.example:80" did not answer')
        await client.settled(lambda: client.requester.snapshot().active == 0)


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
            await client.send(Control.HEALTH)
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


async def test_messages_right_behind_a_connect_reach_its_stream() -> None:
    client, exit_ = mixnet_pair(7)
    requester = NetworkRequester(exit_, POLICY, RequesterOptions(), Target().dial, Target().resolve)
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
