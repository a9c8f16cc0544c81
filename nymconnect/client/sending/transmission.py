"""Fragments of ours, from being queued to being acked or given up.

They wait in lanes, are packed when it is their turn, wait in the pacer's stock, and from their departure on for an ack;
without one they go back to the lanes and take another route. Mirrors nym-client-core 1.21 (`real_messages_control/`),
except that repetitions end after a bound.
"""

from collections import Counter
from collections.abc import Container, Iterator
from dataclasses import replace

from nymconnect.client.monitor.mix_health import PathHealth
from nymconnect.client.parameters import TrafficParameters
from nymconnect.client.sending.congestion_window import Window
from nymconnect.client.sending.flow_control import Spans
from nymconnect.client.sending.lanes import RETRANSMISSION, SURB_REQUEST, Destination, Lanes, Outgoing
from nymconnect.client.sending.pending_acks import PendingAcks, Sent
from nymconnect.client.sending.prepared import ReadyData, ReadyPacket, ReadyTable
from nymconnect.client.sending.preparer import Packer
from nymconnect.client.sending.retransmission_timeout import Patience
from nymconnect.client.surbs.received import SurbStock
from nymconnect.crypto import Rng
from nymconnect.directory.topology import RouteError
from nymconnect.errors import UsageError, WireError
from nymconnect.packet import messages
from nymconnect.packet.acks import COVER_FRAGMENT_ID, FragmentId
from nymconnect.packet.addressing import Recipient


class Outbox:
    """See the module. What is packed stands in `ready`; answers use up the `stock`; `health` hears what came of it.

    The window is for all but the tags that were `promised` answers at a constant rate: those have slots of their own.
    """

    def __init__(
        self,
        packer: Packer,
        stock: SurbStock,
        promised: Container[object],
        ready: ReadyTable,
        health: PathHealth,
        parameters: TrafficParameters,
        rng: Rng,
        counters: Counter[str],
    ) -> None:
        self.lanes = Lanes()
        self._packer, self._stock, self._ready, self._health = packer, stock, ready, health
        self._promised, self._apart = promised, set[FragmentId]()  # what is on its way beside the window
        self._parameters, self._rng, self._counters = parameters, rng, counters
        self._spans = Spans()
        self._pending = PendingAcks()
        self._patience = Patience(parameters, rng)
        self._window = Window(parameters.window, adapts=not parameters.paced)

    # --- before they leave -----------------------------------------------------------------------------------------

    def put(self, message: messages.NymMessage, to: Destination, lane: int) -> None:
        """Queue the fragments of `message`."""
        fragments = messages.prepare(message, self._parameters.packet_size.fragment, self._rng)
        for fragment in fragments:
            self.lanes.push(Outgoing(fragment, to, lane, stream=lane))
        if lane >= 0:
            size = sum(len(fragment.payload) for fragment in fragments)
            self._spans.add((to, lane), (fragment.fid for fragment in fragments), size)

    def lane_is_full(self, destination: Destination, lane: int, reply_rate: float | None = None) -> bool:
        """Whether a writer to this lane should wait: for slots, of which `reply_rate` a second may be promised, or for
        the ack of something sent long before."""
        is_long = self.lanes.length(destination, lane) >= self._parameters.lane_length(reply_rate)
        return is_long or self._spans.is_wide((destination, lane))

    def close_lane(self, lane: int) -> None:
        """Forget what has not been sent of a stream; what was sent is still repeated until its ack comes."""
        self.lanes.drop_lane(lane)
        self._spans.forget_lane(lane)

    def drop(self, destination: Destination) -> int:
        """Forget what waits for a destination; returns how much that was."""
        self._spans.forget_destination(destination)
        return self.lanes.drop_destination(destination)

    def has_window(self) -> bool:
        """Whether one more fragment may be on its way."""
        return self._in_window + self._ready.data_count < self._window.size

    @property
    def _in_window(self) -> int:
        return len(self._pending) - len(self._apart)

    def pack(self, outgoing: Outgoing, now: float) -> ReadyPacket | None:
        """A packet for the pacer; None if that is impossible now, or for ever. UsageError if a SURB is missing."""
        try:
            return self._pack(outgoing, now)
        except RouteError:
            self._counters["no_route"] += 1
            self.lanes.push(outgoing)
        except WireError:  # the recipient's address holds a key that nobody can encrypt to
            self._counters["unsendable"] += 1
        return None

    def _pack(self, outgoing: Outgoing, now: float) -> ReadyPacket:
        if isinstance(outgoing.destination, Recipient):
            packed = self._packer.data(outgoing.fragment, outgoing.destination, now)
        else:
            surb = self._stock.take(outgoing.destination, reserve=outgoing.lane == SURB_REQUEST)
            if surb is None:
                raise UsageError("a reply was let go without a SURB")
            packed = self._packer.reply(outgoing.fragment, surb, now)
        return self._ready.add(packed.packet, ReadyData(outgoing, packed.path, packed.expected))

    def link_lost(self) -> None:
        """What was ready to leave has to be packed anew."""
        self._patience.link_lost()
        for outgoing in self._ready.take_all_data():
            self.lanes.push(outgoing)

    # --- after that ------------------------------------------------------------------------------------------------

    def departed(self, data: ReadyData, at: float) -> None:
        """It has left; the wait for its ack begins."""
        outgoing = data.outgoing
        wait = self._patience.wait(outgoing.destination, data.expected, outgoing.attempt)
        self._pending.add(Sent(outgoing, data.path, at, data.expected, at + wait))
        if outgoing.destination in self._promised:
            self._apart.add(outgoing.fragment.fid)
        self._counters["data_sent" if outgoing.attempt == 0 else "retransmitted"] += 1

    def acked(self, fid: FragmentId, now: float) -> None:
        """An ack has come back."""
        if fid == COVER_FRAGMENT_ID:
            self._counters["cover_acked"] += 1
            return
        pending = self._pending.acked(fid)
        if pending is not None:
            self._patience.acked(pending, now)
            self._apart.discard(fid)
        # An ack that is only late spares the repetition.
        settled = pending or self.lanes.take_repeat(fid) or self._ready.take_fragment(fid)
        if settled is None:
            self._counters["unknown_ack"] += 1
            return
        self._counters["acked"] += 1
        self._spans.settle(fid)
        self._health.succeeded(settled.path)

    def loop_took(self, beyond: float) -> None:
        """A loop has come back, so many seconds beyond its drawn delays."""
        self._window.look(beyond, self._in_window)

    def expire(self, now: float) -> Iterator[Outgoing]:
        """Queue once more what has waited in vain; yields what is given up instead."""
        for sent in self._pending.expired(now):
            self._health.failed(sent.path, now)
            self._patience.failed(sent, now)
            outgoing = sent.outgoing
            self._apart.discard(outgoing.fragment.fid)
            if outgoing.attempt >= self._parameters.max_retransmissions or not self._can_reach(outgoing.destination):
                self._counters["given_up"] += 1
                self._spans.settle(outgoing.fragment.fid)
                yield outgoing
                continue
            lane = outgoing.lane if outgoing.lane == SURB_REQUEST else RETRANSMISSION
            self.lanes.push(replace(outgoing, attempt=outgoing.attempt + 1, lane=lane, path=sent.path))

    def _can_reach(self, destination: Destination) -> bool:
        return isinstance(destination, Recipient) or self._stock.knows(destination)

    @property
    def deadline(self) -> float | None:
        """When `expire` has something to do."""
        return self._pending.deadline

    @property
    def queued(self) -> int:
        """Fragments that wait for a slot."""
        return len(self.lanes) + self._ready.data_count

    @property
    def in_flight(self) -> int:
        """Fragments that wait for an ack."""
        return len(self._pending)
