"""The exchange behind the listener: requesters that misbehave, and who sees what of whom."""

import asyncio
import base64
import contextlib
import logging
import random
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field, replace

import pytest

from nymconnect.client.surbs.aliases import Alias, real
from nymconnect.errors import NymError
from nymconnect.packet.addressing import Recipient
from nymconnect.runtime.outbound import dial
from nymconnect.runtime.sockets import hang_up
from nymconnect_proxy.ingress.listener import ListenerOptions, SocksListener
from nymconnect_proxy.ingress.multiplexer import Exchange, ExchangeOptions, _Open
from nymconnect_proxy.ingress.requester_choice import Health, KnownRequester, RequesterChoice
from nymconnect_proxy.ingress.sender_tags import TagUse
from nymconnect_proxy.protocol.exit_policy import AddressPolicy
from nymconnect_proxy.protocol.queries import ExitPolicyAnswer, Query
from nymconnect_proxy.protocol.requests import Connect, ControlRequest, Send, decode_request
from nymconnect_proxy.protocol.responses import (
    BINARY_NAME,
    BinaryInfo,
    BuildInformation,
    ConnectionFailure,
    ControlError,
    NetworkData,
    Response,
    encode_response,
)
from nymconnect_proxy.streams.client_stream import ClientOptions, ClientStreamState
from nymconnect_proxy.streams.pipe import PipeOptions
from tests.helpers.mixnet_pair import Message, MixnetEnd, mixnet_star

PIPES = PipeOptions(linger=0.1, flush_timeout=1.0)
QUIET = ExchangeOptions(ClientOptions(connect_timeout=10.0), PIPES, check_timeout=None)
SUCCESS = b"\x05\x00\x00\x01\x7f\x00\x00\x01\x00\x00"


@dataclass
class Scene:
    """A listener that serves, and the exits that a test plays itself."""

    port: int
    listener: SocksListener
    exchange: Exchange
    choice: RequesterChoice
    client: MixnetEnd
    exits: list[MixnetEnd]
    changes: list[None] = field(default_factory=list)

    @contextlib.asynccontextmanager
    async def request(self, host: str, user: str = "") -> AsyncIterator[asyncio.StreamReader]:
        """A SOCKS5 client that asks for `host` and has not had its answer."""
        reader, writer = await dial("127.0.0.1", self.port, 5.0)
        try:
            login = b"\x01" + bytes([len(user)]) + user.encode() + b"\x00" if user else b""
            name = host.encode()
            writer.write((b"\x05\x01\x02" + login) if user else b"\x05\x01\x00")
            writer.write(b"\x05\x01\x00\x03" + bytes([len(name)]) + name + b"\x00\x50")
            await reader.readexactly(4 if user else 2)
            yield reader
        finally:
            await hang_up(writer)


@contextlib.asynccontextmanager
async def scene(options: ExchangeOptions = QUIET, exits: int = 1, seed: int = 1) -> AsyncIterator[Scene]:
    client, ends = mixnet_star(seed, exits)
    known = [KnownRequester(f"exit {number}", end.address) for number, end in enumerate(ends)]
    choice = RequesterChoice(known, bytes(32), random.Random(seed))
    listener = SocksListener(ListenerOptions(options), random.Random(seed))
    port = await listener.start(port=0)
    changes: list[None] = []
    exchange = listener.attach(client, choice, on_change=lambda: changes.append(None))
    listener.set_serving(True)
    try:
        yield Scene(port, listener, exchange, choice, client, ends, changes)
    finally:
        await listener.stop()


async def next_connect(end: MixnetEnd) -> tuple[Connect, bytes]:
    """The next stream that an exit hears of, and its tag."""
    while True:
        message = await asyncio.wait_for(end.receive(), 5)
        _, request = decode_request(message.data)
        if isinstance(request, Connect):
            assert message.sender_tag is not None
            return request, message.sender_tag


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110 -- counters of services, which have no event to wait for
            await asyncio.sleep(0.01)


def inject(scene: Scene, response: Response, source: Recipient | None) -> None:
    """Whatever the mixnet might hand to our client."""
    scene.client._inbox.put_nowait(Message(encode_response(response), source=source))


async def test_an_answer_that_makes_a_stream_fail_ends_that_stream_only() -> None:
    async with scene() as on, on.request("one.example") as broken, on.request("two.example") as sound:
        requests = sorted([await next_connect(on.exits[0]) for _ in range(2)], key=lambda found: found[0].address)
        entry = on.exchange._streams[requests[0][0].connection_id]
        entry.stream.feed = None  # type: ignore[method-assign, assignment]
        for request, _ in requests:
            open_stream = on.exchange._streams[request.connection_id]
            inject(on, NetworkData(request.connection_id, 0, b"answer", False), open_stream.source)
        assert await sound.readexactly(16) == SUCCESS + b"answer"
        await until(lambda: len(on.exchange._streams) == 1)
        assert await broken.read() in (b"", b"\x05\x01\x00\x01" + bytes(6))
        assert on.exchange.snapshot().bad_messages == 1


# --- whom an answer comes from -----------------------------------------------------------------------------------


async def test_an_answer_counts_only_from_the_requester_and_under_the_tag_of_its_stream() -> None:
    async with scene(exits=2) as on, on.request("target.example") as reader:
        used = on.choice.choose("target.example").address
        exit_ = next(end for end in on.exits if end.address == used)
        other = next(end for end in on.exits if end.address != used)
        connect, tag = await next_connect(exit_)
        mine = exit_.given[tag]
        assert isinstance(mine, Alias)
        strangers = [None, other.address, real(mine), Alias.of(used, mine.number + 1)]
        for stranger in strangers:
            inject(on, ConnectionFailure(connect.connection_id, "Connection refused"), stranger)
        await until(lambda: on.listener.snapshot().bad_messages == len(strangers))
        await exit_.reply(tag, encode_response(NetworkData(connect.connection_id, 0)))
        assert await asyncio.wait_for(reader.readexactly(10), 5) == SUCCESS


@pytest.mark.parametrize("seed", range(3))
async def test_answers_out_of_order_and_for_unknown_streams_do_no_harm(seed: int) -> None:
    async with scene(seed=seed) as on, on.request("target.example") as reader:
        connect, tag = await next_connect(on.exits[0])
        known = connect.connection_id
        data = [NetworkData(known, 0), NetworkData(known, 1, b"once "), NetworkData(known, 2, b"and in order")]
        for response in [data[0], data[0], *reversed(data), NetworkData(known ^ 1, 0, b"whose?")]:
            inject(on, response, on.exits[0].given[tag])
        inject(on, NetworkData(known, 3, closed=True), on.exits[0].given[tag])
        assert await asyncio.wait_for(reader.readexactly(10), 5) == SUCCESS
        assert await asyncio.wait_for(reader.read(-1), 5) == b"once and in order"


async def test_an_answer_far_ahead_is_not_kept() -> None:
    async with scene() as on, on.request("target.example") as reader:
        connect, tag = await next_connect(on.exits[0])
        await on.exits[0].reply(tag, encode_response(NetworkData(connect.connection_id, 0)))
        assert await asyncio.wait_for(reader.readexactly(10), 5) == SUCCESS
        inject(on, NetworkData(connect.connection_id, 2**63, b"x"), on.exits[0].given[tag])
        await asyncio.sleep(0)
        assert on.listener.snapshot().bytes_down == 0


async def test_a_requester_that_never_sends_what_comes_first_leaves_room_for_late_packets_of_another() -> None:
    piece = bytes(60_000)
    async with scene(exits=2) as on, contextlib.AsyncExitStack() as programs:
        streams: dict[Recipient, list[_Open]] = {end.address: [] for end in on.exits}
        for number in range(60):
            if min(map(len, streams.values())) >= 14:
                break
            host = f"{number}.example"
            requester = on.choice.choose(host).address
            await programs.enter_async_context(on.request(host))
            connect, _ = await next_connect(next(end for end in on.exits if end.address == requester))
            streams[requester].append(on.exchange._streams[connect.connection_id])
        greedy, other = streams.values()

        async def late(entry: _Open, pieces: int) -> int:
            """Feed a stream all but the first of its messages; bytes that it holds then, 0 if it has been ended."""
            for sequence in range(1, 1 + pieces):
                inject(on, NetworkData(entry.stream.connection_id, sequence, piece), entry.source)
            await until(on.client._inbox.empty)
            await asyncio.sleep(0)
            return entry.stream._flow.window.held if entry.stream.state is not ClientStreamState.ENDED else 0

        held = [await late(entry, 69) for entry in greedy]
        assert sum(held) > 14 * 2**20
        assert await late(other[0], 69) == 69 * len(piece)


# --- requesters that fail ----------------------------------------------------------------------------------------


async def answer_checks(end: MixnetEnd, answered: list[MixnetEnd], name: str = "other") -> None:
    """Play a requester that answers questions, and notes it."""
    while True:
        message = await end.receive()
        _, request = decode_request(message.data)
        if request is ControlRequest.BINARY_INFO and message.sender_tag is not None:
            await end.reply(message.sender_tag, encode_response(BinaryInfo(name, BuildInformation())))
            answered.append(end)


async def test_a_requester_that_does_not_answer_is_left_for_another() -> None:
    answered: list[MixnetEnd] = []
    async with scene(replace(QUIET, check_timeout=0.5), exits=3) as on:
        players = [asyncio.ensure_future(answer_checks(end, answered)) for end in on.exits[1:]]
        await until(lambda: {s.health for s in on.listener.snapshot().requesters} == {Health.ANSWERS, Health.SILENT})
        await until(lambda: len(on.changes) == 1)
        silent = on.exits[0].address
        assert [s.name for s in on.listener.snapshot().requesters if s.health is Health.SILENT] == ["exit 0"]
        assert all(on.choice.choose(f"{n}.example").address != silent for n in range(100))
        assert sorted(id(end) for end in answered) == sorted(id(end) for end in on.exits[1:])
        for player in players:
            player.cancel()
        await asyncio.gather(*players, return_exceptions=True)


async def test_only_a_requester_of_this_software_is_expected_to_use_the_oldest_surb_first() -> None:
    answered: list[MixnetEnd] = []
    async with scene(replace(QUIET, check_timeout=5.0), exits=2) as on:
        names = ("other", BINARY_NAME)
        players = [
            asyncio.ensure_future(answer_checks(end, answered, name)) for end, name in zip(on.exits, names, strict=True)
        ]
        await until(lambda: len(answered) == 2 and bool(on.client.thrifty))
        assert on.client.thrifty == [on.exits[1].address]
        for player in players:
            player.cancel()
        await asyncio.gather(*players, return_exceptions=True)


async def test_a_stream_that_hears_nothing_is_refused_and_its_requester_asked() -> None:
    options = replace(QUIET, streams=ClientOptions(connect_timeout=0.3), check_timeout=5.0)
    async with scene(options) as on:
        on.choice.take_due(-1e9)
        async with on.request("target.example") as reader:
            assert (await asyncio.wait_for(reader.readexactly(10), 5))[1] == 6
        connects = 0
        while True:
            _, request = decode_request((await asyncio.wait_for(on.exits[0].receive(), 5)).data)
            connects += isinstance(request, Connect)
            if request is ControlRequest.BINARY_INFO:
                break
        await until(lambda: on.listener.snapshot().streams == 0)


async def test_who_refuses_by_policy_is_named_and_the_target_is_not(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    async with scene() as on, on.request("secret-target.example") as reader:
        connect, tag = await next_connect(on.exits[0])
        text = f'Domain "{connect.address}" failed filter check'
        await on.exits[0].reply(tag, encode_response(ConnectionFailure(connect.connection_id, text)))
        assert (await asyncio.wait_for(reader.readexactly(10), 5))[1] == 2
        assert [state.refused for state in on.listener.snapshot().requesters] == [1]
    assert "exit 0" in caplog.text
    assert "secret-target" not in caplog.text


# --- questions ---------------------------------------------------------------------------------------------------


async def test_questions_get_the_answers_of_their_kind() -> None:
    policy = AddressPolicy.parse("ExitPolicy accept *:443\n")
    info = BinaryInfo("requester", BuildInformation())
    async with scene() as on:
        exit_ = on.exits[0]
        asked = [
            asyncio.ensure_future(on.exchange.ask(exit_.address, question))
            for question in (Query.EXIT_POLICY, ControlRequest.BINARY_INFO)
        ]
        for _ in asked:
            message = await exit_.receive()
            _, request = decode_request(message.data)
            assert message.sender_tag is not None
            answer = ExitPolicyAnswer(True, "", policy) if request is Query.EXIT_POLICY else info
            await exit_.reply(message.sender_tag, encode_response(answer))
        assert await asyncio.wait_for(asyncio.gather(*asked), 5) == [ExitPolicyAnswer(True, "", policy), info]
        inject(on, info, exit_.address)
        inject(on, ControlError("whom does this answer?"), None)
        await until(lambda: on.listener.snapshot().bad_messages == 2)


async def test_a_question_that_is_open_ends_with_the_exchange() -> None:
    async with scene() as on:
        asked = asyncio.ensure_future(on.exchange.ask(on.exits[0].address, Query.DESCRIPTION))
        await on.exits[0].receive()
    with pytest.raises(NymError, match="disconnected"):
        await asyncio.wait_for(asked, 5)


# --- who sees what -----------------------------------------------------------------------------------------------


async def tags_of(on: Scene, wanted: list[tuple[str, str]]) -> list[bytes]:
    """The sender tag of one stream to each (host, user), all open at once."""
    async with contextlib.AsyncExitStack() as stack:
        found = []
        for host, user in wanted:
            await stack.enter_async_context(on.request(host, user))
            found.append((await next_connect(on.exits[0]))[1])
        return found


async def test_destinations_and_users_are_kept_apart() -> None:
    async with scene() as on:
        one, again, other, alice, bob = await tags_of(
            on, [("a.example", ""), ("A.example", ""), ("b.example", ""), ("a.example", "alice"), ("a.example", "bob")]
        )
        assert one == again
        assert len({one, other, alice, bob}) == 4


async def test_a_tag_for_each_stream_or_for_all() -> None:
    soon_over = replace(QUIET, streams=ClientOptions(connect_timeout=1.0))
    async with scene(replace(soon_over, tags=TagUse.STREAM)) as on:
        assert len(set(await tags_of(on, [("a.example", "")] * 3))) == 3
        await until(lambda: len(set(on.client.forgotten)) == 3)
    async with scene(replace(QUIET, tags=TagUse.ONE)) as on:
        assert len(set(await tags_of(on, [("a.example", ""), ("b.example", "bob")]))) == 1


async def test_a_tag_for_each_user_name() -> None:
    async with scene(replace(QUIET, tags=TagUse.USER)) as on:
        wanted = [
            ("a.example", ""),
            ("b.example", ""),
            ("a.example", "bob"),
            ("b.example", "bob"),
            ("a.example", "eve"),
        ]
        first, second, bob, again, eve = await tags_of(on, wanted)
        assert first == second
        assert bob == again
        assert len({first, bob, eve}) == 3
        assert not on.exchange.has_one_tag


async def test_no_requester_sees_more_than_its_share() -> None:
    """What each exit hears of a hundred destinations, through the listener itself; the exact bound is a unit test."""
    heard: list[set[str]] = [set(), set(), set()]

    async def listen(end: MixnetEnd, addresses: set[str]) -> None:
        while True:
            _, request = decode_request((await end.receive()).data)
            if isinstance(request, Connect):
                addresses.add(request.address)

    async with scene(exits=3) as on:
        players = [asyncio.ensure_future(listen(*pair)) for pair in zip(on.exits, heard, strict=True)]
        for number in range(100):
            async with on.request(f"{number}.example"):
                pass
        await until(lambda: len(set.union(*heard)) == 100)
        for player in players:
            player.cancel()
    assert sum(map(len, heard)) == 100
    assert max(map(len, heard)) <= 100 / 3 + 15


# --- the languages of the port, with real sockets ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("request_bytes", "success"),
    [
        (b"\x04\x01\x00\x50\x00\x00\x00\x01user\x00target.example\x00", b"\x00\x5a\x00\x00\x7f\x00\x00\x01"),
        (b"CONNECT target.example:80 HTTP/1.1\r\nHost: x\r\n\r\n", b"HTTP/1.1 200 Connection established\r\n\r\n"),
        (
            b"CONNECT target.example:80 HTTP/1.1\r\nProxy-Authorization: Basic "
            + base64.b64encode(b"user:")
            + b"\r\n\r\n",
            b"HTTP/1.1 200 Connection established\r\n\r\n",
        ),
    ],
    ids=["SOCKS4a", "HTTP", "HTTP with a user"],
)
async def test_other_languages_open_streams_and_pipeline(request_bytes: bytes, success: bytes) -> None:
    async with scene() as on:
        reader, writer = await dial("127.0.0.1", on.port, 5.0)
        writer.write(request_bytes + b"early")
        messages = [await asyncio.wait_for(on.exits[0].receive(), 5) for _ in range(3)]
        requests = [decode_request(message.data)[1] for message in messages]
        (connect,) = [request for request in requests if isinstance(request, Connect)]
        assert {request.data for request in requests if isinstance(request, Send)} == {b"", b"early"}
        (tag,) = {message.sender_tag for message in messages}
        assert tag is not None
        assert connect.address == "target.example:80"
        await on.exits[0].reply(tag, encode_response(NetworkData(connect.connection_id, 0)))
        await on.exits[0].reply(tag, encode_response(NetworkData(connect.connection_id, 1, b"late", closed=True)))
        assert await asyncio.wait_for(reader.read(-1), 5) == success + b"late"
        await hang_up(writer)


async def test_a_port_with_a_password_lets_nobody_in_without_it() -> None:
    listener = SocksListener(ListenerOptions(QUIET, password=b"secret"))
    port = await listener.start(port=0)
    try:
        for stream, answer in [
            (b"\x05\x01\x00", b"\x05\xff"),
            (b"\x05\x01\x02\x01\x01u\x05wrong", b"\x05\x02\x01\x01"),
            (b"\x04\x01\x00\x50\x01\x02\x03\x04secret\x00", b"\x00\x5b" + bytes(6)),
        ]:
            reader, writer = await dial("127.0.0.1", port, 5.0)
            writer.write(stream)
            assert await asyncio.wait_for(reader.read(-1), 5) == answer
            await hang_up(writer)
    finally:
        await listener.stop()


async def test_other_machines_are_let_in_only_by_switch_and_password() -> None:
    listener = SocksListener(ListenerOptions(QUIET, allow_remote=True, password=b"secret"))
    try:
        assert await listener.start("0.0.0.0", 0)
    finally:
        await listener.stop()
