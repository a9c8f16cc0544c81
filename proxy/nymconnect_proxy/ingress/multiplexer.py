"""What goes through one mixnet client: the streams of the applications and questions to requesters.

An exchange is the only receiver of its client. It knows each stream by its connection id and believes an answer only
if it came over a reply SURB that was given to this stream's requester under this stream's tag.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from nymconnect.crypto import Rng
from nymconnect.effects import Write
from nymconnect.errors import WireError
from nymconnect.packet.addressing import Recipient
from nymconnect.runtime.clock import clock
from nymconnect.runtime.repeats import Repeats
from nymconnect.runtime.tasks import TaskSet
from nymconnect_proxy.exit.admission import AdmissionLimits
from nymconnect_proxy.ingress.questions import QUESTION_LANE, Questions
from nymconnect_proxy.ingress.requester_checks import RequesterChecks
from nymconnect_proxy.ingress.requester_choice import KnownRequester, RequesterChoice, RequesterState
from nymconnect_proxy.ingress.sender_tags import SenderTags, TagUse
from nymconnect_proxy.ingress.waiting_room import Place, Ticket, WaitingRoom
from nymconnect_proxy.protocol.credit import REQUESTERS_PART, Reserve
from nymconnect_proxy.protocol.requests import Request
from nymconnect_proxy.protocol.responses import (
    ConnectionFailure,
    Response,
    StreamResponse,
    decode_response,
)
from nymconnect_proxy.socks.dialect import FrontEffect, ReplyCode, Requested
from nymconnect_proxy.socks.refusals import Obstacle, TurnedAway
from nymconnect_proxy.socks.server_handshake import FrontDoor
from nymconnect_proxy.streams.client_stream import (
    ClientEffect,
    ClientOptions,
    ClientStream,
    StreamOpened,
    StreamRefused,
    Withhold,
    obstacle_in,
    reply_for,
)
from nymconnect_proxy.streams.flow import Cause, SendMessage
from nymconnect_proxy.streams.mixnet import Mixnet, ReceivedMessage
from nymconnect_proxy.streams.pipe import Pipe, PipeOptions, cut_off
from nymconnect_proxy.streams.receiver import Receiver

log = logging.getLogger(__name__)

CHECK_TIMEOUT = 60.0
SETTLE = 5.0
SUSPICIOUS_AFTER = 10.0  # programs give up long before a stream does
REFUSALS_TOLD = 5  # lines a minute


@dataclass(frozen=True, slots=True)
class ExchangeOptions:
    """`anonymous` = reply SURBs instead of our address; the exit then cannot name us."""

    streams: ClientOptions = field(default_factory=ClientOptions)
    pipes: PipeOptions = field(default_factory=PipeOptions)
    anonymous: bool = True
    tags: TagUse = TagUse.DESTINATION
    rate: float | None = None  # bytes a second that the preset carries, None if it sends as fast as it can
    check_timeout: float | None = CHECK_TIMEOUT  # None: requesters are not checked
    # Streams of one sender at a requester: what ours grants, and the seconds until it knows that one has ended.
    streams_per_sender: int = AdmissionLimits().connections_per_sender
    settle: float = SETTLE
    reserve: Callable[[], Reserve] = Reserve  # what streams hold for programs that do not read


@dataclass(frozen=True, slots=True)
class ExchangeSnapshot:
    """Counters for status and logs; bytes are those of the applications."""

    streams: int = 0
    refused: int = 0
    bad_messages: int = 0
    bytes_up: int = 0
    bytes_down: int = 0
    requesters: tuple[RequesterState, ...] = ()


@dataclass(slots=True)
class _Open:
    """One stream and where it goes. `source` is whom its answers have to come from.

    From `suspicious_at` on, no answer at all is a reason to ask the requester.
    """

    stream: ClientStream
    pipe: Pipe[ClientEffect]
    requester: KnownRequester
    source: Recipient | None
    suspicious_at: float
    answered: bool = False
    withholds: bool = False
    obstacle: Obstacle | None = None  # that the requester has named


class Exchange:
    """`start` it, then `carry` streams and `ask` questions."""

    def __init__(
        self,
        mixnet: Mixnet,
        choice: RequesterChoice,
        options: ExchangeOptions,
        rng: Rng,
        on_change: Callable[[], None] = lambda: None,
        on_crash: Callable[[BaseException], None] = lambda _error: None,
        turned_away: TurnedAway | None = None,
    ) -> None:
        """`on_change` hears that a requester has fallen silent, or answers again; `on_crash`, that this exchange has
        failed and carries nothing any more. `turned_away` counts what requesters have no place for."""
        self._mixnet = mixnet
        self._choice = choice
        self._options = options
        self._rng = rng
        self._streams: dict[int, _Open] = {}
        self._reserve = options.reserve()
        self._unordered = Reserve(senders_part=REQUESTERS_PART)
        self._ours: set[Recipient] = set()  # requesters of this software
        self._withheld: Counter[Recipient] = Counter()  # streams that want no more reply SURBs given to one
        self._turned_away = turned_away or TurnedAway()
        self._tags = SenderTags(options.tags, rng, options.streams_per_sender)
        self._room = WaitingRoom(options.streams_per_sender, options.settle, options.streams.connect_timeout)
        self._questions = Questions(mixnet)
        self._receiver = Receiver(mixnet, self._dispatch, "a message from an exit")
        self._refusals = Repeats(burst=REFUSALS_TOLD)
        self._tasks = TaskSet("exchange", on_crash)
        self._checks = RequesterChecks(choice, self.ask, options.check_timeout, self._recognise, on_change, on_crash)
        self._refused = 0
        self._bytes_up = self._bytes_down = 0  # of streams that have ended

    def start(self) -> None:
        """Begin to receive, and to look whether the requesters answer."""
        self._mixnet.on_undelivered = self._give_up
        self._tasks.spawn(self._receiver.run(), "receive")
        self._checks.start()

    async def stop(self) -> None:
        """End every stream and let go of the mixnet."""
        await self._checks.close()
        self._room.close()
        await self._tasks.close()
        await cut_off([entry.pipe for entry in self._streams.values()], Cause.DISCONNECTED)
        self._questions.close()

    def snapshot(self) -> ExchangeSnapshot:
        pipes = [entry.pipe for entry in self._streams.values()]
        return ExchangeSnapshot(
            len(pipes),
            self._refused,
            self._receiver.dropped,
            self._bytes_up + sum(pipe.bytes_read for pipe in pipes),
            self._bytes_down + sum(pipe.bytes_written for pipe in pipes),
            self._choice.snapshot(),
        )

    @property
    def streams_per_sender(self) -> int:
        """Streams that one sender has at a requester at most."""
        return self._room.limit

    @property
    def has_one_tag(self) -> bool:
        """Whether a requester hears everything, streams and questions, under one sender tag."""
        return not self._tags.are_several(clock())

    # --- streams -----------------------------------------------------------------------------------------------

    async def carry(
        self, door: FrontDoor, requested: Requested, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> Obstacle | None:
        """One stream, from its place at a requester to its end; or what has kept it from a place."""
        host = requested.target.host
        requester = self._choice.choose(host, requested.isolation)
        to = self._tags.lend(requester.address, host, requested.isolation, clock())
        sender = to if self._options.anonymous else requester.address
        ticket = Ticket()
        early = door.take_rest()
        try:
            found = await self._room.enter(sender, ticket, reader, len(early))
            if isinstance(found, Obstacle):
                return found
            if isinstance(found, Place):
                await self._carry(door, requested, requester, to, early + found.early, reader, writer)
            return None
        finally:
            self._room.leave(sender, ticket)
            self._tags.give_back(to, clock())
            for alias in self._tags.take_retired():
                self._mixnet.forget(alias)

    async def _carry(
        self,
        door: FrontDoor,
        requested: Requested,
        requester: KnownRequester,
        to: Recipient,
        early: bytes,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        """A stream that has a place; `early` is what the program has sent already."""
        connection_id = self._new_id()
        anonymous = self._options.anonymous
        return_address = None if anonymous else self._mixnet.address
        stream = ClientStream(
            connection_id,
            requested.target,
            clock(),
            self._options.streams,
            return_address,
            self._reserve,
            self._unordered.of(requester.address.encode()),
        )
        if requester.address in self._ours:
            stream.recognise()

        async def transmit(message: SendMessage) -> None:
            await self._mixnet.send(to, message.data, surbs=message.surbs, lane=connection_id)

        def answer(effect: ClientEffect) -> None:
            if isinstance(effect, StreamOpened):
                write(writer, door.succeed())
            elif isinstance(effect, StreamRefused):
                self._refused += 1
                write(writer, door.turn_away(entry.obstacle) if entry.obstacle else door.refuse(effect.code))
            elif isinstance(effect, Withhold):
                entry.withholds = effect.wanted
                self._withhold(to, 1 if effect.wanted else -1)

        pipe: Pipe[ClientEffect] = Pipe(stream, transmit, answer, self._options.pipes, lambda: self._options.rate)
        suspicious_at = clock() + min(SUSPICIOUS_AFTER, self._options.streams.connect_timeout)
        entry = _Open(stream, pipe, requester, to if anonymous else None, suspicious_at)
        self._streams[connection_id] = entry
        try:
            pipe.perform(stream.open(clock()))
            if early:
                pipe.bytes_read += len(early)
                pipe.perform(stream.feed_local(early, clock()))
            pipe.attach(reader, writer)
            await pipe.run()
        finally:
            del self._streams[connection_id]
            stream.release()
            if entry.withholds:
                self._withhold(to, -1)
            if not entry.answered and clock() >= entry.suspicious_at:
                self._checks.suspect(requester)
            self._bytes_up += pipe.bytes_read
            self._bytes_down += pipe.bytes_written

    def _withhold(self, to: Recipient, change: int) -> None:
        """One stream more or less for which `to` is to get no reply SURBs."""
        self._withheld[to] += change
        self._mixnet.withhold_surbs(to, self._withheld[to] > 0)
        if not self._withheld[to]:
            del self._withheld[to]

    def _new_id(self) -> int:
        """A random id that no stream has."""
        while True:
            connection_id = int.from_bytes(self._rng.randbytes(8), "big")
            if connection_id != QUESTION_LANE and connection_id not in self._streams:
                return connection_id

    def _give_up(self, connection_id: int) -> None:
        """A piece of this stream will never arrive: better a broken connection than one that hangs."""
        if entry := self._streams.get(connection_id):
            entry.pipe.abort(Cause.UNDELIVERED)

    def _note_failure(self, entry: _Open, text: str) -> None:
        """Who refuses is said; what, is not."""
        name = entry.requester.name
        if reply_for(text) is ReplyCode.NOT_ALLOWED:
            self._choice.note_refusal(entry.requester.address)
            if times := self._refusals.count(clock()):
                log.warning("the exit policy of the requester %s does not allow a target (times: %d)", name, times)
        elif (obstacle := obstacle_in(text)) is not None:
            entry.obstacle = obstacle
            if self._turned_away.note(obstacle, clock()):
                log.warning("a program was turned away by the requester %s: %s", name, obstacle.sentence())

    # --- questions ---------------------------------------------------------------------------------------------

    async def ask(self, requester: Recipient, question: Request) -> Response:
        """The answer of a requester to a query or a control message. The caller bounds the time; NymError if there are
        too many questions or the mixnet has stopped."""
        return await self._questions.ask(requester, question)

    def _recognise(self, requester: Recipient) -> None:
        """A requester of this software understands what others do not."""
        self._ours.add(requester)
        self._mixnet.expect_oldest_first(requester)
        for entry in self._streams.values():
            if entry.requester.address == requester:
                entry.stream.recognise()

    # --- what comes in -----------------------------------------------------------------------------------------

    def _dispatch(self, received: ReceivedMessage) -> None:
        _, response = decode_response(received.data)
        if isinstance(response, StreamResponse):
            self._feed(response, received.source)
        elif not self._questions.answered(response, received.source):
            raise WireError("an answer to a question that we did not ask")

    def _feed(self, response: StreamResponse, source: Recipient | None) -> None:
        entry = self._streams.get(response.connection_id)
        if entry is None:
            return
        if entry.source is not None and source != entry.source:
            raise WireError("not from the requester of this stream")
        entry.answered = True
        if isinstance(response, ConnectionFailure):
            self._note_failure(entry, response.text)
        try:
            entry.pipe.perform(entry.stream.feed(response, clock()))
        except Exception:
            entry.pipe.abort(Cause.CRASHED)
            raise


def write(writer: asyncio.StreamWriter, effects: Sequence[FrontEffect]) -> None:
    """Send what a front door says, if anybody is still there."""
    for effect in effects:
        if isinstance(effect, Write) and not writer.transport.is_closing():
            writer.write(effect.data)
