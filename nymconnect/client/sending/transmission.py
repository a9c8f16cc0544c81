"""The send path as one machine: this client's fragments, from the queue until they are acked or given up.

They wait in lanes, are packed when it is their turn, wait in the pacer's stock, and from their departure on for an ack;
without one they go back to the lanes and take another route. Mirrors nym-client-core 1.21 (`real_messages_control/`),
except that repetitions end after a bound.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace

from nymconnect.client.counters import ClientCount
from nymconnect.client.monitor.loop_monitor import LoopMonitor
from nymconnect.client.monitor.mix_health import MixHealth, Suspects
from nymconnect.client.pacer.machine import FrameKind
from nymconnect.client.parameters import TrafficParameters
from nymconnect.client.sending.congestion_window import CongestionWindow
from nymconnect.client.sending.cover_traffic import CoverTraffic
from nymconnect.client.sending.flow_control import FlowControl
from nymconnect.client.sending.lanes import (
    RETRANSMISSION,
    SURB_REQUEST,
    SURB_SUPPLY,
    Answering,
    Destination,
    Lanes,
    Outgoing,
    Scheduler,
)
from nymconnect.client.sending.preparer import (
    PreparedCover,
    PreparedData,
    PreparedPacket,
    PreparedPackets,
    PreparedReplyCover,
    Preparer,
)
from nymconnect.client.sending.retransmission import PendingAcks, RetransmissionTimeout, Sent
from nymconnect.crypto import Rng
from nymconnect.directory.topology import RouteError
from nymconnect.errors import UsageError, WireError
from nymconnect.packet import messages
from nymconnect.packet.acks import COVER_FRAGMENT_ID, FragmentId
from nymconnect.packet.addressing import Recipient


@dataclass(frozen=True, slots=True)
class Monitors:
    """What acks (`health`) and our own loops tell of the mixes."""

    health: MixHealth
    loops: LoopMonitor

    def suspects(self, now: float) -> Suspects:
        """Mixes that data goes around: dead ones by their missing acks, dropping ones by the loops."""
        return self.health.suspects(now) | self.loops.suspects


class Transmission:
    """`put` a message, take the `next_packet` for a slot, tell of what has `departed` and what was `acked`, and `wake`.

    The window is for all but the tags that are promised answers at a constant rate: those have slots of their own.
    """

    def __init__(
        self,
        preparer: Preparer,
        answering: Answering,
        monitors: Monitors,
        parameters: TrafficParameters,
        rng: Rng,
        counters: Counter[ClientCount],
    ) -> None:
        self.lanes, self.prepared = Lanes(), PreparedPackets()
        self._preparer, self._monitors = preparer, monitors
        self._received, self._issued, self._replying = answering.received, answering.issued, answering.replying
        self._apart: set[FragmentId] = set()  # what is on its way beside the window
        self._parameters, self._rng, self._counters = parameters, rng, counters
        self._flow = FlowControl()
        self._pending = PendingAcks()
        self._timeout = RetransmissionTimeout(parameters, rng)
        self._window = CongestionWindow(parameters.window, adapts=not parameters.paced)
        self._cover_traffic = CoverTraffic(preparer, self.prepared, parameters.drop_share, rng, counters)
        self._scheduler = Scheduler(self.lanes, answering, rng, self._has_window, counters)

    # --- before they leave -----------------------------------------------------------------------------------------

    def put(self, message: messages.NymMessage, to: Destination, lane: int) -> None:
        """Queue the fragments of `message`."""
        fragments = messages.prepare(message, self._parameters.packet_size.fragment, self._rng)
        for fragment in fragments:
            self.lanes.push(Outgoing(fragment, to, lane, stream=lane))
        if lane >= 0:
            size = sum(len(fragment.payload) for fragment in fragments)
            self._flow.add((to, lane), [fragment.fid for fragment in fragments], size)

    def lane_is_full(self, destination: Destination, lane: int) -> bool:
        """Whether a writer to this lane should wait: for slots, or for the ack of something sent long before."""
        limit = self._parameters.lane_length(self._replying.rate_of(destination))
        is_long = self.lanes.length(destination, lane) >= limit
        return is_long or self._flow.is_wide((destination, lane))

    def close_lane(self, lane: int) -> None:
        """Forget what has not been sent of a stream; what was sent is still repeated until its ack comes."""
        self.lanes.drop_lane(lane)
        self._flow.forget_lane(lane)

    def drop(self, destination: Destination) -> int:
        """Forget what waits for a destination; returns how much that was."""
        self._flow.forget_destination(destination)
        return self.lanes.drop_destination(destination)

    def _has_window(self) -> bool:
        """Whether one more fragment may be on its way."""
        return self._in_window + self.prepared.data_count < self._window.size

    @property
    def _in_window(self) -> int:
        return len(self._pending) - len(self._apart)

    def suspects(self, now: float) -> Suspects:
        """See `Monitors`."""
        return self._monitors.suspects(now)

    def next_packet(self, kind: FrameKind, now: float) -> PreparedPacket | None:
        """A packet for a slot of this kind; None if there is nothing to send, or no route."""
        match kind:
            case FrameKind.COVER:
                return self._cover_traffic.for_main()
            case FrameKind.LOOP:
                return self._cover_traffic.loop()
        match self._scheduler.next(now):
            case Outgoing() as outgoing:
                return self._prepare(outgoing, self.suspects(now))
            case bytes(tag):
                surb = self._received.take(tag)
                return None if surb is None else self._cover_traffic.reply(surb, self.suspects(now))
        return None

    def _prepare(self, outgoing: Outgoing, suspects: Suspects) -> PreparedPacket | None:
        """None if that is impossible now, or for ever. UsageError if a SURB is missing."""
        try:
            return self._seal(outgoing, suspects)
        except RouteError:
            self._counters[ClientCount.NO_ROUTE] += 1
            self.lanes.push(outgoing)
        except WireError:  # the recipient's address holds a key that nobody can encrypt to
            self._counters[ClientCount.UNSENDABLE] += 1
        return None

    def _seal(self, outgoing: Outgoing, suspects: Suspects) -> PreparedPacket:
        if isinstance(outgoing.destination, Recipient):
            packed = self._preparer.data(outgoing.fragment, outgoing.destination, suspects)
        else:
            surb = self._received.take(outgoing.destination, reserve=outgoing.lane == SURB_REQUEST)
            if surb is None:
                raise UsageError("a reply was let go without a SURB")
            packed = self._preparer.reply(outgoing.fragment, surb, suspects)
        return self.prepared.add(packed.packet, PreparedData(outgoing, packed.path, packed.expected))

    def link_lost(self) -> None:
        """The gateway is gone for now: what was ready to leave has to be made anew, and loops say nothing."""
        self._monitors.loops.forget_outstanding()
        self._replying.forget_slots()
        self.prepared.forget_covers()
        self._timeout.link_lost()
        for outgoing in self.prepared.take_all_data():
            self.lanes.push(outgoing)

    # --- after that ------------------------------------------------------------------------------------------------

    def departed(self, token: int, at: float) -> None:
        """A packet has left at `at`: the wait for its ack begins. Nothing happens if it was forgotten meanwhile."""
        match self.prepared.take(token):
            case PreparedData() as data:
                self._await_ack(data, at)
            case PreparedCover(selector, path, expected):
                self._counters[ClientCount.COVER_SENT] += 1
                if selector is None:
                    self._counters[ClientCount.DROP_COVER_SENT] += 1
                else:
                    self._monitors.loops.start(selector, path, expected, at)
            case PreparedReplyCover():
                self._counters[ClientCount.REPLY_COVER_SENT] += 1

    def _await_ack(self, data: PreparedData, at: float) -> None:
        outgoing = data.outgoing
        wait = self._timeout.wait(outgoing.destination, data.expected, outgoing.attempt)
        self._pending.add(Sent(outgoing, data.path, at, data.expected, at + wait))
        if outgoing.destination in self._replying:
            self._apart.add(outgoing.fragment.fid)
        self._counters[ClientCount.DATA_SENT if outgoing.attempt == 0 else ClientCount.RETRANSMITTED] += 1
        if outgoing.lane == SURB_SUPPLY and self._issued.is_steady(outgoing.destination):
            self._counters[ClientCount.STEADY_SUPPLY_SENT] += 1  # nobody's data: it goes whatever the user does

    def acked(self, fid: FragmentId, now: float) -> None:
        """An ack has come back."""
        if fid == COVER_FRAGMENT_ID:
            self._counters[ClientCount.COVER_ACKED] += 1
            return
        pending = self._pending.acked(fid)
        if pending is not None:
            self._timeout.acked(pending, now)
            self._apart.discard(fid)
        # An ack that is only late spares the repetition.
        settled = pending or self.lanes.take_repeat(fid) or self.prepared.take_fragment(fid)
        if settled is None:
            self._counters[ClientCount.UNKNOWN_ACK] += 1
            return
        self._counters[ClientCount.ACKED] += 1
        self._flow.settle(fid)
        self._monitors.health.succeeded(settled.path)

    def loop_took(self, beyond: float) -> None:
        """A loop has come back; the argument is its time beyond the drawn delays, in seconds."""
        self._window.look(beyond, self._in_window)

    def wake(self, now: float) -> Iterator[Outgoing]:
        """Queue once more what has waited in vain; yields what is given up instead."""
        for sent in self._pending.expired(now):
            self._monitors.health.failed(sent.path, now)
            self._timeout.failed(sent, now)
            outgoing = sent.outgoing
            self._apart.discard(outgoing.fragment.fid)
            if outgoing.attempt >= self._parameters.max_retransmissions or not self._can_reach(outgoing.destination):
                self._counters[ClientCount.GIVEN_UP] += 1
                self._flow.settle(outgoing.fragment.fid)
                yield outgoing
                continue
            lane = outgoing.lane if outgoing.lane == SURB_REQUEST else RETRANSMISSION
            self.lanes.push(replace(outgoing, attempt=outgoing.attempt + 1, lane=lane, path=sent.path))

    def _can_reach(self, destination: Destination) -> bool:
        return isinstance(destination, Recipient) or self._received.knows(destination)

    @property
    def deadline(self) -> float | None:
        """When `wake` has something to do."""
        return self._pending.deadline

    @property
    def queued(self) -> int:
        """Fragments that wait for a slot."""
        return len(self.lanes) + self.prepared.data_count

    @property
    def in_flight(self) -> int:
        """Fragments that wait for an ack."""
        return len(self._pending)
