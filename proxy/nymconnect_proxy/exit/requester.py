"""The exit service: takes requests off the mixnet, gives each stream a connection of its own (`exit_connection`) and
answers questions. Mirrors nym-network-requester 1.21 (`core.rs`).

It is the only part of this project that has names of targets resolved (`resolver`). Each connection has its own lane
and its own outbox, so a client that hands out too few reply SURBs slows nobody but itself: its target is simply not
read.
"""

import asyncio
import itertools
import logging
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from nymconnect import __version__
from nymconnect.client.sending.paced_replies import MAXIMUM_SECONDS
from nymconnect.errors import NymError, WireError
from nymconnect.packet.addressing import Recipient
from nymconnect.runtime.clock import clock
from nymconnect.runtime.listening import dial_for_others
from nymconnect.runtime.sockets import is_own_address
from nymconnect.runtime.tasks import TaskSet, Waker
from nymconnect_proxy.exit.admission import AdmissionLimits, Admissions, InPlaceOf, StreamKey, Verdict
from nymconnect_proxy.exit.exit_connection import ExitConnection, Peer, WaysOut
from nymconnect_proxy.exit.happy_eyeballs import Dialer, Dialling
from nymconnect_proxy.exit.lookups import LookupLimits
from nymconnect_proxy.exit.resolver import BoundedResolver, Resolver, resolve_host
from nymconnect_proxy.protocol.credit import Credit, Reserve
from nymconnect_proxy.protocol.exit_policy import AddressPolicy
from nymconnect_proxy.protocol.queries import DescriptionAnswer, ExitPolicyAnswer, OpenProxyAnswer, Query, QueryAnswer
from nymconnect_proxy.protocol.requests import Connect, ControlRequest, Pace, Send, decode_request
from nymconnect_proxy.protocol.responses import (
    BINARY_NAME,
    BinaryInfo,
    BuildInformation,
    ControlAnswer,
    Healthy,
    NetworkData,
    Paced,
    SupportedVersions,
    encode_response,
)
from nymconnect_proxy.protocol.versions import CURRENT, Versions
from nymconnect_proxy.streams.exit_stream import ExitOptions, ExitStream, SetupFailure, failure_messages
from nymconnect_proxy.streams.flow import Cause, SendMessage
from nymconnect_proxy.streams.mixnet import Mixnet, ReceivedMessage
from nymconnect_proxy.streams.pipe import PipeOptions, cut_off
from nymconnect_proxy.streams.receiver import Receiver
from nymconnect_resources import read_text

log = logging.getLogger(__name__)

MAX_ANSWERS = 64
MAX_DISPLACED = 64
ANSWER_TIMEOUT = 60.0
# Seconds for a target to take the rest of a stream that is over: nobody else waits for that any more.
LAST_BYTES = 900.0


@dataclass(frozen=True, slots=True)
class RequesterOptions:
    """Bounds and time-outs of an exit, in bytes and seconds. `further_dials` are the attempts to connect that may be
    under way besides the first of each stream."""

    streams: ExitOptions = field(default_factory=ExitOptions)
    pipes: PipeOptions = field(default_factory=lambda: PipeOptions(last_bytes=LAST_BYTES))
    limits: AdmissionLimits = field(default_factory=AdmissionLimits)
    lookups: LookupLimits = field(default_factory=LookupLimits)
    resolve_timeout: float = 15.0
    dial_timeout: float = 12.0
    further_dials: int = 128
    reserve: Callable[[], Reserve] = Reserve  # what streams hold for targets that do not read
    description: str = "A network requester of NymConnect"
    policy_url: str = ""


@dataclass(frozen=True, slots=True)
class RequesterSnapshot:
    """Counters for status and logs; nothing about who or where."""

    active: int
    admitted: int
    refused: int
    dropped: int


def default_policy() -> AddressPolicy:
    """The policy that comes with the program."""
    return AddressPolicy.parse(read_text("exit-policy.txt"))


def embedded_requester(
    mixnet: Mixnet, policy: AddressPolicy | None = None, is_own: Callable[[str], bool] = is_own_address
) -> "NetworkRequester":
    """The exit of a network on this machine: as any exit, and it reaches this machine too, at its loopback addresses.
    With a `policy` that alone decides, also about this machine."""
    if policy is None:
        loopback = AddressPolicy.parse("ExitPolicy accept 127.0.0.0/8:*\nExitPolicy accept [::1]:*\n")
        policy = AddressPolicy(loopback.rules + default_policy().rules)
    options = RequesterOptions(streams=ExitOptions(allow_loopback=True))
    return NetworkRequester(mixnet, policy, options, is_own=is_own)


class NetworkRequester:
    """Serves one mixnet client, whose only receiver it is."""

    def __init__(
        self,
        mixnet: Mixnet,
        policy: AddressPolicy,
        options: RequesterOptions = RequesterOptions(),
        dial: Dialer = dial_for_others,
        resolve: Resolver = resolve_host,
        is_own: Callable[[str], bool] = is_own_address,
    ) -> None:
        self._mixnet = mixnet
        self._policy = policy
        self._options = options
        self._names = BoundedResolver(resolve, options.lookups)
        dialling = Dialling(dial, options.dial_timeout, options.further_dials)
        self._ways = WaysOut(self._names, dialling, self._is_own, options.pipes, options.resolve_timeout)
        self._is_own_here = is_own
        self._reserve = options.reserve()
        self._unordered = Reserve()
        self._admissions = Admissions(options.limits, lambda key: self._connections[key].last_active)
        self._connections: dict[StreamKey, ExitConnection] = {}
        self._by_lane: dict[int, ExitConnection] = {}
        self._displaced: deque[asyncio.Task[None]] = deque()
        self._lanes = itertools.count(1)  # 0 is the lane of queries; ids of clients may be equal, so they are no lanes
        self._orphans = Waker(lambda: self._admissions.deadline, self._cut_orphans)
        self._receiver = Receiver(mixnet, self._handle, "a request")
        self._service = TaskSet("requester")
        self._streams = TaskSet("requester")
        self._answers = TaskSet("requester")
        self._admitted = self._refused = self._dropped = 0

    @property
    def address(self) -> Recipient:
        return self._mixnet.address

    async def start(self) -> None:
        """Begin to serve."""
        self._mixnet.on_undelivered = self._give_up
        self._service.keep(self._receiver.run, "receive")

    async def stop(self) -> None:
        """End every connection."""
        self._orphans.cancel()
        await self._service.close()
        await cut_off([connection.pipe for connection in self._connections.values()], Cause.DISCONNECTED)
        await self._streams.close()
        await self._answers.close()
        await self._names.close()

    def snapshot(self) -> RequesterSnapshot:
        dropped = self._dropped + self._receiver.dropped
        return RequesterSnapshot(len(self._connections), self._admitted, self._refused, dropped)

    def _is_own(self, address: str) -> bool:
        """Whether an address leads to this machine, or to the gateway, which may stand beside it behind one router."""
        return address in self._mixnet.gateway_ips or self._is_own_here(address)

    def _give_up(self, lane: int) -> None:
        """A piece of an answer will never arrive: end its stream, whatever of it still can arrive."""
        if (connection := self._by_lane.get(lane)) is not None:
            connection.pipe.abort(Cause.UNDELIVERED)

    def _handle(self, received: ReceivedMessage) -> None:
        versions, request = decode_request(received.data)
        if isinstance(request, Connect):
            self._connect(request, versions, received.sender_tag)
        elif isinstance(request, Send):
            self._send(request, versions, received.sender_tag)
        elif isinstance(request, Credit):
            if connection := self._connections.get(StreamKey(received.sender_tag or b"", request.connection_id)):
                connection.feed(request)
        elif received.sender_tag is None:
            raise WireError("a question without reply SURBs cannot be answered")
        elif isinstance(request, ControlRequest | Pace):
            control = self._control_answer(request, received.sender_tag)
            answer = encode_response(control, versions)
            self._answer([answer], Peer(self._mixnet, received.sender_tag, None, 0))
        elif versions.outer is None:
            raise WireError("the answer to a query does not exist in Legacy form")
        else:
            answer = encode_response(self._query_answer(request), Versions(versions.outer))
            self._answer([answer], Peer(self._mixnet, received.sender_tag, None, 0))

    def _connect(self, connect: Connect, versions: Versions, sender_tag: bytes | None) -> None:
        verdict = self._admissions.admit(connect, sender_tag, clock())
        peer = Peer(self._mixnet, sender_tag, connect.return_address, next(self._lanes))
        if isinstance(verdict, InPlaceOf):
            self._displace(verdict.displaced)
        if verdict is Verdict.ADMITTED or isinstance(verdict, InPlaceOf):
            self._admitted += 1
            parts = self._reserve.of(peer.sender), self._unordered.of(peer.sender)
            stream = ExitStream(connect, versions, self._policy, clock(), self._options.streams, *parts)
            connection = ExitConnection(stream, peer, self._ways)
            key = StreamKey(sender_tag or b"", connect.connection_id)
            # Registered before anything waits: the next message in the inbox may already be its first Send.
            self._connections[key] = self._by_lane[peer.lane] = connection
            if sender_tag is not None:
                self._mixnet.hold(sender_tag)
            work = self._run(key, connection, self._admissions.take_held(key))
            connection.task = self._streams.spawn(work, "stream")
        elif verdict is Verdict.BUSY:
            self._refused += 1
            self._answer(failure_messages(connect.connection_id, connect.address, versions, SetupFailure.BUSY), peer)
        else:
            self._dropped += 1
            log.debug("Connect dropped: %s", verdict.value)

    def _displace(self, key: StreamKey) -> None:
        """Tell both ends of a stream that it is cut. Its place is taken already, so what is late with that is ended."""
        connection = self._connections[key]
        connection.pipe.abort(Cause.DISPLACED)
        if connection.task is not None:
            self._displaced.append(connection.task)
        while self._displaced and (self._displaced[0].done() or len(self._displaced) > MAX_DISPLACED):
            # Not at once: a task that is cancelled before it has begun does not clean up after itself.
            asyncio.get_running_loop().call_soon(self._displaced.popleft().cancel)

    async def _run(self, key: StreamKey, connection: ExitConnection, held: Sequence[Send]) -> None:
        try:
            await connection.run(held)
        finally:
            del self._connections[key], self._by_lane[connection.lane]
            self._admissions.release(key, clock())
            if key.sender_tag:
                self._mixnet.release(key.sender_tag)

    def _send(self, send: Send, versions: Versions, sender_tag: bytes | None) -> None:
        key = StreamKey(sender_tag or b"", send.connection_id)
        if connection := self._connections.get(key):
            connection.feed(send)
        elif self._admissions.hold(key, send, clock(), versions):
            self._orphans.arm()
        else:
            self._dropped += 1

    def _cut_orphans(self) -> None:
        """Streams that this exit does not know, since it has been started anew, have ended for their clients."""
        for orphan in self._admissions.take_orphans(clock()):
            cut = NetworkData(orphan.key.connection_id, 0, closed=True, cut=True)
            peer = Peer(self._mixnet, orphan.key.sender_tag, None, next(self._lanes))
            self._answer([encode_response(cut, orphan.versions)], peer)

    def _query_answer(self, query: Query) -> QueryAnswer:
        if query is Query.OPEN_PROXY:
            return OpenProxyAnswer(self._policy.is_open)
        if query is Query.DESCRIPTION:
            return DescriptionAnswer(self._options.description)
        return ExitPolicyAnswer(True, self._options.policy_url, self._policy)

    def _control_answer(self, control: ControlRequest | Pace, sender_tag: bytes) -> ControlAnswer:
        if isinstance(control, Pace):
            return self._pace(control, sender_tag)
        if control is ControlRequest.HEALTH:
            return Healthy()
        if control is ControlRequest.BINARY_INFO:
            return BinaryInfo(BINARY_NAME, BuildInformation(binary_name=BINARY_NAME, build_version=__version__))
        return SupportedVersions.of(CURRENT)

    def _pace(self, wanted: Pace, sender_tag: bytes) -> Paced:
        """Answer this client at a constant rate from now on, if that is not too much."""
        granted = self._mixnet.pace_replies(sender_tag, wanted.rate, wanted.seconds)
        return Paced(granted, min(wanted.seconds, int(MAXIMUM_SECONDS))) if granted else Paced(0.0, 0)

    def _answer(self, messages: list[bytes], peer: Peer) -> None:
        """Send what belongs to no stream, without waiting for it here."""
        if len(self._answers) >= MAX_ANSWERS:
            self._dropped += 1
            return
        self._answers.spawn(self._send_answer(messages, peer), "answer")

    async def _send_answer(self, messages: list[bytes], peer: Peer) -> None:
        try:
            async with asyncio.timeout(ANSWER_TIMEOUT):
                for message in messages:
                    await peer.transmit(SendMessage(message))
        except (NymError, TimeoutError) as error:
            self._dropped += 1
            log.debug("answer not sent: %s", error)
