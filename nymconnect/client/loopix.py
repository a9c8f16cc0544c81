"""The Loopix sender and receiver of one client, as a machine (Loopix, USENIX Security 2017, section 3).

Two Poisson processes send: the main stream, whose slot carries a waiting fragment if there is one and loop cover if
there is none, and the loop stream, which is always cover. Each fragment waits for its ack and is sent again over
another route when that does not come in time. Answers travel over reply SURBs, of which the answering side holds a
stock and asks for more before it runs out.

Mirrors nym-client-core 1.21 (`real_messages_control/`, `cover_traffic_stream.rs`, `received_buffer.rs`, `replies/`).
We differ in three places, all within the wire format: every packet, cover included, is of one Sphinx version, so that
no hop can tell cover from data; a message carries only the SURBs that fit beside it, the others follow in messages of
one packet each, so that a single loss delays none of the rest; retransmissions end after a bound.

Effects: `SendTo` (through our gateway), `Received`, `Undelivered`.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from nymconnect.client.health import PathHealth
from nymconnect.client.lanes import (
    GENERAL,
    RETRANSMISSION,
    SURB_REQUEST,
    SURB_SUPPLY,
    Destination,
    Lanes,
    Outgoing,
)
from nymconnect.client.parameters import TrafficParameters
from nymconnect.client.pending import PendingAcks, Sent
from nymconnect.client.poisson import PoissonStream
from nymconnect.client.supply import SurbSupply
from nymconnect.client.surbs import SurbStock
from nymconnect.crypto import Rng, X25519Secret
from nymconnect.directory.topology import RouteError, Topology
from nymconnect.effects import SendTo
from nymconnect.errors import UsageError, WireError
from nymconnect.packet import chunking, messages
from nymconnect.packet.acks import FragmentId
from nymconnect.packet.addressing import SENDER_TAG_LENGTH, NodeAddress, Recipient
from nymconnect.packet.envelope import (
    Ack,
    Cover,
    DataFragment,
    open_content,
    seal_cover,
    seal_fragment,
    seal_reply_fragment,
)
from nymconnect.packet.framing import MixPacket
from nymconnect.packet.replies import REPLY_KEY_LENGTH, V2_HEADER_LENGTH, ReplySurb
from nymconnect.packet.route import Route
from nymconnect.packet.sphinx import DEFAULT_VERSION, surb_length

MAINTENANCE_INTERVAL = 1.0
# An unpaced sender yields after this many packets, so that a burst does not hold up everything else on the loop.
UNPACED_BURST = 8
# Before a packet with no route (the topology is gone or lacks our gateway) is tried again.
NO_ROUTE_PAUSE = 0.5
_HOPS = 4
# Message type, sender tag, content tag and the head of an empty batch.
_REPLIABLE_OVERHEAD = 1 + SENDER_TAG_LENGTH + 1 + V2_HEADER_LENGTH
_SURB_LENGTH = REPLY_KEY_LENGTH + surb_length(_HOPS, DEFAULT_VERSION)


@dataclass(frozen=True, slots=True)
class Received:
    """A message for the application. `sender_tag` can be answered; `source` is known where a SURB of ours came back."""

    data: bytes
    sender_tag: bytes | None = None
    source: Recipient | None = None


@dataclass(frozen=True, slots=True)
class Undelivered:
    """A fragment of this lane was given up; its message will not arrive."""

    destination: Destination
    lane: int


LoopixEffect = SendTo | Received | Undelivered


class Loopix:
    """See the module. All times are seconds on the driver's clock."""

    def __init__(
        self,
        address: Recipient,
        secret: X25519Secret,
        topology: Topology,
        parameters: TrafficParameters,
        rng: Rng,
        now: float,
    ) -> None:
        self.address = address
        self.counters: Counter[str] = Counter()
        self._secret = secret
        self._ack_key = rng.randbytes(16)
        self._topology = topology
        self._parameters = parameters
        self._rng = rng
        self._lanes = Lanes()
        self._pending = PendingAcks()
        self._stock = SurbStock(parameters.surbs)
        self._supply = SurbSupply(parameters.surbs, self._new_surb, rng)
        self._reassembler = chunking.Reassembler()
        self._health = PathHealth()
        self._main = PoissonStream(parameters.message_sending_average_delay, rng, now)
        self._loop = PoissonStream(parameters.loop_cover_average_delay, rng, now)
        self._maintenance_due = now + MAINTENANCE_INTERVAL

    # --- verbs: what the application wants ---------------------------------------------------------------------

    def send(self, data: bytes, to: Recipient, now: float, *, surbs: int = 0, lane: int = GENERAL) -> None:
        """Queue a message; with `surbs` it carries our tag for `to` and that many reply SURBs."""
        if not surbs:
            self._enqueue(messages.Plain(data), to, lane)
            return
        beside = min(surbs, self._surbs_that_fit_beside(len(data)))
        content = messages.DataWithSurbs(self._supply.give(to, beside, now), data)
        self._enqueue(messages.Repliable(self._supply.tag_for(to), content), to, lane)
        self._supply.promise(to, surbs - beside)

    def reply(self, data: bytes, tag: bytes, *, lane: int = GENERAL) -> None:
        """Queue an answer over the SURBs that came with sender tag `tag` (16 bytes)."""
        if len(tag) != SENDER_TAG_LENGTH:
            raise UsageError("a sender tag has 16 bytes")
        if not self._stock.knows(tag):
            self.counters["unknown_tag"] += 1
            return
        self._enqueue(messages.Reply(messages.ReplyData(data)), tag, lane)

    def close_lane(self, lane: int) -> None:
        """Forget what has not been sent of a stream; what was sent is still repeated until its ack comes."""
        self._lanes.drop_lane(lane)

    def lane_is_full(self, destination: Destination, lane: int) -> bool:
        """Whether a writer to this lane should wait."""
        return self._lanes.length(destination, lane) >= self._parameters.lane_limit

    def use_topology(self, topology: Topology) -> None:
        """Draw all further routes from `topology`."""
        self._topology = topology
        self._health.keep_only(node.mix_address for node in topology.known_nodes)

    @property
    def queued(self) -> int:
        """Fragments that wait for a slot."""
        return len(self._lanes)

    @property
    def in_flight(self) -> int:
        """Fragments that wait for an ack."""
        return len(self._pending)

    # --- time: what leaves -------------------------------------------------------------------------------------

    @property
    def deadline(self) -> float:
        """When `wake` has something to do."""
        due = [self._maintenance_due]
        if self._parameters.loop_cover:
            due.append(self._loop.due)
        if self._parameters.paced or self._has_work():
            due.append(self._main.due)
        if (expiry := self._pending.deadline) is not None:
            due.append(expiry)
        return min(due)

    def wake(self, now: float, *, may_send: bool = True) -> list[LoopixEffect]:
        """Packets that are due. With `may_send` False (the gateway link is down or full) slots pass unused."""
        effects: list[LoopixEffect] = [*self._expire(now)]
        if now >= self._maintenance_due:
            self._maintain(now)
        self._ask_for_surbs(self._lanes.tags(), now)
        if not may_send:
            self.counters["held_up"] += 1
            self._main.skip(now)
            self._loop.skip(now)
            return effects
        effects += self._main_slots(now) if self._parameters.paced else self._unpaced(now)
        if self._parameters.loop_cover:
            effects += self._loop_slots(now)
        return effects

    def _main_slots(self, now: float) -> Iterator[SendTo]:
        while self._main.take(now):
            packet = self._next_data(now) or self._cover()
            if packet is not None:
                yield SendTo(packet)

    def _loop_slots(self, now: float) -> Iterator[SendTo]:
        while self._loop.take(now):
            if (packet := self._cover()) is not None:
                yield SendTo(packet)

    def _unpaced(self, now: float) -> Iterator[SendTo]:
        for _ in range(UNPACED_BURST):
            packet = self._next_data(now) if self._main.due <= now else None
            if packet is None:
                return
            yield SendTo(packet)

    def _next_data(self, now: float) -> MixPacket | None:
        self._supply_surbs(now)
        outgoing = self._lanes.pop(self._rng, self._may_go)
        if outgoing is None:
            return None
        try:
            return self._transmit(outgoing, now)
        except RouteError:
            self.counters["no_route"] += 1
            self._lanes.push(outgoing)
            if not self._parameters.paced:
                self._main.postpone(now + NO_ROUTE_PAUSE)
            return None
        except WireError:  # the recipient's address holds a key that nobody can encrypt to
            self.counters["unsendable"] += 1
            return None

    def _has_work(self) -> bool:
        return bool(self._supply.debts) or self._lanes.any_ready(self._may_go)

    def _may_go(self, outgoing: Outgoing) -> bool:
        if len(self._pending) >= self._parameters.window:
            return False
        if isinstance(outgoing.destination, Recipient):
            return True
        return self._stock.can_take(outgoing.destination, reserve=outgoing.lane == SURB_REQUEST)

    def _transmit(self, outgoing: Outgoing, now: float) -> MixPacket:
        parameters, to = self._parameters, outgoing.destination
        ack_route = self._route(self.address.gateway, parameters.average_ack_delay, now)
        path = _mixes(ack_route)
        if isinstance(to, Recipient):
            route = self._route(to.gateway, parameters.average_packet_delay, now)
            path += _mixes(route)
            expected = route.expected_delay
            packet = seal_fragment(
                outgoing.fragment, to, self.address, self._ack_key, route, ack_route, parameters.packet_size, self._rng
            )
        else:
            surb = self._stock.take(to, reserve=outgoing.lane == SURB_REQUEST)
            if surb is None:
                raise UsageError("a reply was let go without a SURB")
            # Only its maker knows the delays inside a SURB.
            expected = (_HOPS - 1) * parameters.average_packet_delay
            packet = seal_reply_fragment(
                outgoing.fragment, surb, self.address, self._ack_key, ack_route, parameters.packet_size, self._rng
            )
        self._pending.add(Sent(outgoing, path, now + self._patience(expected + ack_route.expected_delay, outgoing)))
        self.counters["data_sent" if outgoing.attempt == 0 else "retransmitted"] += 1
        return packet

    def _patience(self, expected: float, outgoing: Outgoing) -> float:
        """Seconds to wait for an ack; longer after each failure, and jittered so that repeats do not line up."""
        wait = expected * self._parameters.ack_wait_multiplier + self._parameters.ack_wait_addition
        if not outgoing.attempt:
            return wait
        return wait * (1 + min(outgoing.attempt, 6) / 2) * (0.75 + self._rng.random() / 2)

    def _cover(self) -> MixPacket | None:
        parameters = self._parameters
        try:
            route = self._topology.route_to(self.address.gateway, parameters.average_packet_delay, self._rng)
            ack_route = self._topology.route_to(self.address.gateway, parameters.average_ack_delay, self._rng)
        except RouteError:
            self.counters["no_route"] += 1
            return None
        self.counters["cover_sent"] += 1
        return seal_cover(self.address, self._ack_key, route, ack_route, parameters.packet_size, self._rng)

    def _route(self, gateway: bytes, mean_delay: float, now: float) -> Route:
        suspects = (self._topology.node_at(address) for address in self._health.suspects(now))
        avoid = {node.identity for node in suspects if node is not None}
        return self._topology.route_to(gateway, mean_delay, self._rng, avoid)

    def _expire(self, now: float) -> Iterator[Undelivered]:
        for sent in self._pending.expired(now):
            self._health.failed(sent.path, now)
            outgoing = sent.outgoing
            if outgoing.attempt >= self._parameters.max_retransmissions or not self._can_reach(outgoing.destination):
                self.counters["given_up"] += 1
                yield Undelivered(outgoing.destination, outgoing.stream)
                continue
            lane = outgoing.lane if outgoing.lane == SURB_REQUEST else RETRANSMISSION
            self._lanes.push(replace(outgoing, attempt=outgoing.attempt + 1, lane=lane, path=sent.path))

    def _can_reach(self, destination: Destination) -> bool:
        return isinstance(destination, Recipient) or self._stock.knows(destination)

    # --- reply SURBs -------------------------------------------------------------------------------------------

    def _surbs_that_fit_beside(self, length: int) -> int:
        """SURBs that a repliable message of `length` data bytes can carry without taking another packet."""
        used = _REPLIABLE_OVERHEAD + length + 1
        return (chunking.padded_length(used, self._parameters.packet_size.fragment) - used) // _SURB_LENGTH

    def _new_surb(self, now: float) -> ReplySurb:
        route = self._route(self.address.gateway, self._parameters.average_packet_delay, now)
        return ReplySurb.create(self.address, route, self._rng)

    def _supply_surbs(self, now: float) -> None:
        """Make one packet of owed SURBs for each correspondent that has none waiting."""
        for to, owed in self._supply.debts:
            if self._lanes.length(to, SURB_SUPPLY):
                continue
            amount = min(owed, self._surbs_that_fit_beside(0))
            try:
                content = messages.AdditionalSurbs(self._supply.give(to, amount, now))
            except RouteError:
                return
            self._supply.settle(to, amount)
            self._enqueue(messages.Repliable(self._supply.tag_for(to), content), to, SURB_SUPPLY)

    def _ask_for_surbs(self, tags: Iterable[bytes], now: float) -> None:
        for tag in tags:
            amount = self._stock.amount_to_request(tag, self._lanes.queued_for(tag), now)
            if amount:
                self.counters["surbs_requested"] += amount
                request = messages.SurbRequest(self.address, amount)
                self._enqueue(messages.Reply(request), tag, SURB_REQUEST)

    # --- what comes in -----------------------------------------------------------------------------------------

    def feed(self, content: bytes, now: float) -> list[LoopixEffect]:
        """One push of the gateway: an ack, cover, or a fragment. What does not decode is dropped and counted."""
        try:
            return list(self._accept(content, now))
        except WireError:
            self.counters["malformed"] += 1
            return []

    def _accept(self, content: bytes, now: float) -> Iterator[LoopixEffect]:
        source: Recipient | None = None

        def take_reply_key(digest: bytes) -> bytes | None:
            nonlocal source
            entry = self._supply.take_key(digest)
            if entry is None:
                return None
            key, source = entry
            return key

        match open_content(content, self._secret, take_reply_key, self._ack_key):
            case Ack(fid):
                self._settle(fid)
            case Cover():
                self.counters["cover_received"] += 1
            case DataFragment(fragment, _):
                self.counters["data_received"] += 1
                message = self._reassembler.add(fragment, now)
                if message is not None:
                    yield from self._dispatch(message, source, now)

    def _settle(self, fid: FragmentId) -> None:
        # An ack that is only late spares the repetition: else a network slower than our patience would drown in them.
        sent = self._pending.acked(fid) or self._lanes.take_repeat(fid)
        if sent is not None:
            self.counters["acked"] += 1
            self._health.succeeded(sent.path)

    def _dispatch(self, padded: bytes, source: Recipient | None, now: float) -> Iterator[LoopixEffect]:
        match messages.recover(padded):
            case messages.Plain(data):
                yield Received(data)
            case messages.Repliable(tag, content):
                self._stock.add(tag, content.surbs, now)
                if isinstance(content, messages.DataWithSurbs):
                    yield Received(content.data, sender_tag=tag)
            case messages.Reply(messages.ReplyData(data)):
                yield Received(data, source=source)
            case messages.Reply(messages.SurbRequest(recipient, amount)):
                self._grant(recipient, amount, source)

    def _grant(self, recipient: Recipient, amount: int, source: Recipient | None) -> None:
        """Answer a request only if it came over a SURB of ours, from the one to whom we gave that SURB."""
        if source != recipient or not self._supply.grant(recipient, amount):
            self.counters["refused_surb_request"] += 1

    # --- upkeep ------------------------------------------------------------------------------------------------

    def _enqueue(self, message: messages.NymMessage, to: Destination, lane: int) -> None:
        for fragment in messages.prepare(message, self._parameters.packet_size.fragment, self._rng):
            self._lanes.push(Outgoing(fragment, to, lane, stream=lane))

    def _maintain(self, now: float) -> None:
        self._maintenance_due = now + MAINTENANCE_INTERVAL
        self._reassembler.purge(now)
        self._supply.purge(now)
        self._ask_for_surbs(self._stock.tags(), now)
        for tag in self._stock.silent(now):
            self._stock.drop(tag)
            self.counters["starved"] += self._lanes.drop_destination(tag)


def _mixes(route: Route) -> tuple[NodeAddress, ...]:
    """The mix nodes of a route, without the gateway at its end."""
    return tuple(hop.address for hop in route.hops[:-1])
