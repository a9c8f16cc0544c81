"""The Loopix sender and receiver of one client, as a machine (Loopix, USENIX Security 2017, section 3).

It says what is sent, a pacer says when (`pacing`): `data_packet` and `cover_packet` fill the pacer's stocks, `departed`
says what has left. Each fragment waits for its ack from then on and is sent again over another route when that does
not come in time. Answers travel over reply SURBs, of which the answering side holds a stock and asks for more before it
runs out. A side that has promised to answer at a constant rate (`replying`) does so, with cover for want of data.

Mirrors nym-client-core 1.21 (`real_messages_control/`, `cover_traffic_stream.rs`, `received_buffer.rs`, `replies/`).
We differ in three places, all within the wire format: every packet, cover included, is of one Sphinx version, so that
no hop can tell cover from data; a message carries only the SURBs that fit into its last packet, the others follow in
messages of one packet each, so that a single loss delays none of the rest; retransmissions end after a bound.

Effects: `Received`, `Undelivered`, `LoopAlarm`.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from nymconnect.client.aliases import real
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
from nymconnect.client.loops import LoopMonitor, LoopStatistics
from nymconnect.client.packing import Packer
from nymconnect.client.parameters import TrafficParameters
from nymconnect.client.patience import Patience
from nymconnect.client.pending import PendingAcks, Sent
from nymconnect.client.ready import ReadyCover, ReadyData, ReadyPacket, ReadyReplyCover, ReadyTable
from nymconnect.client.replying import PacedReplies
from nymconnect.client.spans import Spans
from nymconnect.client.supply import IssuedKey, SurbSupply
from nymconnect.client.surbs import SurbStock
from nymconnect.client.turns import Turns
from nymconnect.client.window import Window
from nymconnect.crypto import Rng, X25519Secret
from nymconnect.directory.topology import RouteError, Topology
from nymconnect.errors import UsageError, WireError
from nymconnect.packet import chunking, messages
from nymconnect.packet.acks import FragmentId
from nymconnect.packet.addressing import SENDER_TAG_LENGTH, NodeAddress, Recipient
from nymconnect.packet.envelope import (
    Ack,
    Cover,
    DataFragment,
    open_content,
)
from nymconnect.packet.replies import REPLY_KEY_LENGTH, V2_HEADER_LENGTH
from nymconnect.packet.sphinx import DEFAULT_VERSION, surb_length

MAINTENANCE_INTERVAL = 1.0
_HOPS = 4
# Message type, sender tag, content tag and the head of an empty batch.
_REPLIABLE_OVERHEAD = 1 + SENDER_TAG_LENGTH + 1 + V2_HEADER_LENGTH
_SURB_LENGTH = REPLY_KEY_LENGTH + surb_length(_HOPS, DEFAULT_VERSION)


@dataclass(frozen=True, slots=True)
class Received:
    """A message for the application. `sender_tag` can be answered; `source` is known where a SURB of ours came back: it
    is the recipient or alias to whom that SURB was given."""

    data: bytes
    sender_tag: bytes | None = None
    source: Recipient | None = None


@dataclass(frozen=True, slots=True)
class Undelivered:
    """A fragment of this lane was given up; its message will not arrive."""

    destination: Destination
    lane: int


@dataclass(frozen=True, slots=True)
class LoopAlarm:
    """The loops have begun to say, or no longer say, that somebody drops packets (`statistics.dropping`)."""

    statistics: LoopStatistics


LoopixEffect = Received | Undelivered | LoopAlarm


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
        ack_key: bytes | None = None,
    ) -> None:
        self.address = address
        self.counters: Counter[str] = Counter(cover_sent=0, drop_cover_sent=0, data_sent=0)
        self.cover_generation = 0  # rises when covers that have not left yet no longer fit the network
        self._secret = secret
        self._parameters = parameters
        self._rng = rng
        self._lanes = Lanes()
        self._spans = Spans()
        self._pending = PendingAcks()
        self._stock = SurbStock(parameters.surbs)
        self._reassembler = chunking.Reassembler()
        self._health = PathHealth()
        self._loops = LoopMonitor()
        self._packer = Packer(address, topology, parameters, rng, self._suspects, ack_key)
        self._supply = SurbSupply(parameters.surbs, self._packer.surb, rng)
        self._ready = ReadyTable()
        self._patience = Patience(parameters, rng)
        self._window = Window(parameters.window, adapts=not parameters.paced)
        self._replying = PacedReplies(rng)
        self._turns = Turns(
            self._lanes, self._replying, self._stock, self._supply, rng, self._has_window, self.counters
        )
        self._maintenance_due = now + MAINTENANCE_INTERVAL

    # --- verbs: what the application wants ---------------------------------------------------------------------

    def send(self, data: bytes, to: Recipient, now: float, *, surbs: int = 0, lane: int = GENERAL) -> None:
        """Queue a message; with `surbs` it carries our tag for `to` and that many reply SURBs."""
        if not surbs:
            self._enqueue(messages.Plain(data), to, lane)
            return
        beside = min(surbs, self._surbs_to_go_with(len(data)))
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

    def pace_replies(self, tag: bytes, rate: float, seconds: float, now: float) -> bool:
        """Answer `tag` at `rate` packets a second for so many `seconds`, data or cover; False if we do not.

        Nothing else goes to `tag` meanwhile, and no SURBs are asked for: whoever wants this supplies them at that rate.
        """
        return self._stock.knows(tag) and self._replying.pace(tag, rate, seconds, now)

    def supply_steadily(self, to: Recipient, rate: float, now: float) -> None:
        """Give `to` SURBs for `rate` answers a second, before what else we send; 0 ends that."""
        self._supply.supply_steadily(to, rate, now)

    def forget(self, to: Recipient) -> None:
        """Nothing is expected from `to` any more, and nothing will be sent there: drop the tag and the reply keys."""
        self._supply.forget(to)

    def close_lane(self, lane: int) -> None:
        """Forget what has not been sent of a stream; what was sent is still repeated until its ack comes."""
        self._lanes.drop_lane(lane)
        self._spans.forget_lane(lane)

    def lane_is_full(self, destination: Destination, lane: int) -> bool:
        """Whether a writer to this lane should wait: for slots, or for the ack of something sent long before."""
        is_long = self._lanes.length(destination, lane) >= self._parameters.lane_limit
        return is_long or self._spans.is_wide((destination, lane))

    def link_lost(self) -> None:
        """The gateway is gone for now: what was ready to leave has to be made anew.

        Loops that were under way say nothing about the mixes.
        """
        self._loops.forget_outstanding()
        self._patience.link_lost()
        self._replying.forget_slots()
        self._ready.forget_covers()
        for outgoing in self._ready.take_all_data():
            self._lanes.push(outgoing)

    def use_topology(self, topology: Topology) -> None:
        """Draw all further routes from `topology`."""
        if topology.rotation_id != self._packer.topology.rotation_id:
            self._stock.rotated(topology.rotation)
        if topology != self._packer.topology:
            self.cover_generation += 1
            self._ready.forget_covers()
        self._packer.topology = topology
        mixes = {address for layer in self._packer.layers for address in layer}
        self._health.keep_only(mixes)
        self._loops.keep_only(mixes)

    def issued_keys(self, now: float) -> list[IssuedKey]:
        """Keys of the reply SURBs that are out: what a later run needs to read the answers."""
        return self._supply.issued(now)

    def reinstate_keys(self, keys: Iterable[IssuedKey], now: float) -> None:
        """Take in what `issued_keys` gave an earlier run of this client; before anything is sent."""
        self._supply.reinstate(keys, now)

    def loop_statistics(self) -> LoopStatistics:
        """What the loops say of the network."""
        return self._loops.statistics()

    @property
    def reassembly(self) -> dict[str, int]:
        """Fragments that were of no use and why, sets that never became whole, and what is held of unfinished ones."""
        seen = self._reassembler.counters
        return {
            "fragments_duplicate": seen.duplicates + seen.late,
            "fragments_inconsistent": seen.inconsistent,
            "sets_expired": seen.expired,
            "sets_evicted": seen.evicted,
            "sets_open": seen.open_sets,
            "set_bytes_held": seen.held_bytes,
        }

    @property
    def reply_keys(self) -> int:
        """Keys that wait for an answer over a SURB of ours."""
        return self._supply.keys_held

    @property
    def queued(self) -> int:
        """Fragments that wait for a slot."""
        return len(self._lanes) + self._ready.data_count

    @property
    def in_flight(self) -> int:
        """Fragments that wait for an ack."""
        return len(self._pending)

    # --- time: what leaves -------------------------------------------------------------------------------------

    @property
    def deadline(self) -> float:
        """When `wake` has something to do."""
        expiries = (self._pending.deadline, self._loops.deadline, self._replying.deadline)
        return min([self._maintenance_due, *(expiry for expiry in expiries if expiry is not None)])

    def wake(self, now: float) -> list[LoopixEffect]:
        """Give up what is overdue, and look after the rest. Data may be ready to be packed afterwards."""
        effects: list[LoopixEffect] = [*self._expire(now)]
        self._replying.wake(now)
        if self._loops.wake(now):
            effects.append(LoopAlarm(self.loop_statistics()))
        if now >= self._maintenance_due:
            self._maintain(now)
        self._ask_for_surbs(self._lanes.tags(), now)
        return effects

    def data_packet(self, now: float) -> ReadyPacket | None:
        """Pack the fragment whose turn it is; None if none can go now."""
        self._supply_surbs(now)
        self._ask_for_surbs(self._lanes.tags(), now)
        match self._turns.next(now):
            case Outgoing() as outgoing:
                return self._try_to_pack(outgoing, now)
            case bytes(tag):
                return self._reply_cover(tag, now)
        return None

    def _reply_cover(self, tag: bytes, now: float) -> ReadyPacket | None:
        surb = self._stock.take(tag)
        try:
            return None if surb is None else self._ready.add(self._packer.reply_cover(surb, now), ReadyReplyCover())
        except RouteError:
            self.counters["no_route"] += 1
            return None

    def _try_to_pack(self, outgoing: Outgoing, now: float) -> ReadyPacket | None:
        try:
            return self._pack(outgoing, now)
        except RouteError:
            self.counters["no_route"] += 1
            self._lanes.push(outgoing)
        except WireError:  # the recipient's address holds a key that nobody can encrypt to
            self.counters["unsendable"] += 1
        return None

    def cover_packet(self) -> ReadyPacket | None:
        """For the main stream: a loop, or cover that ends at a gateway; None if the network has no route."""
        try:
            if self._drops_next():
                return self._ready.add(self._packer.drop_cover(), ReadyCover())
        except RouteError:
            self.counters["no_route"] += 1
            return None
        return self.loop_packet()

    def loop_packet(self) -> ReadyPacket | None:
        """For the loop stream; None if the network has no route."""
        try:
            loop, selector = self._packer.cover()
        except RouteError:
            self.counters["no_route"] += 1
            return None
        return self._ready.add(loop.packet, ReadyCover(selector, loop.path, loop.expected))

    def _drops_next(self) -> bool:
        return bool(self._packer.topology.drop_places) and self._rng.random() < self._parameters.drop_share

    def departed(self, token: int, at: float) -> None:
        """A packet has left at `at`; nothing happens if it was forgotten meanwhile."""
        match self._ready.take(token):
            case ReadyData(outgoing, path, expected):
                wait = self._patience.wait(outgoing.destination, expected, outgoing.attempt)
                self._pending.add(Sent(outgoing, path, at, expected, at + wait))
                self.counters["data_sent" if outgoing.attempt == 0 else "retransmitted"] += 1
                if outgoing.lane == SURB_SUPPLY and self._supply.is_steady(outgoing.destination):
                    self.counters["steady_supply_sent"] += 1  # nobody's data: it goes whatever the user does
            case ReadyCover(selector, path, expected):
                self.counters["cover_sent"] += 1
                if selector is None:
                    self.counters["drop_cover_sent"] += 1
                else:
                    self._loops.start(selector, path, expected, at)
            case ReadyReplyCover():
                self.counters["reply_cover_sent"] += 1

    def _has_window(self) -> bool:
        return len(self._pending) + self._ready.data_count < self._window.size

    def _pack(self, outgoing: Outgoing, now: float) -> ReadyPacket:
        if isinstance(outgoing.destination, Recipient):
            packed = self._packer.data(outgoing.fragment, outgoing.destination, now)
        else:
            surb = self._stock.take(outgoing.destination, reserve=outgoing.lane == SURB_REQUEST)
            if surb is None:
                raise UsageError("a reply was let go without a SURB")
            packed = self._packer.reply(outgoing.fragment, surb, now)
        return self._ready.add(packed.packet, ReadyData(outgoing, packed.path, packed.expected))

    def _suspects(self, now: float) -> frozenset[NodeAddress]:
        """Mixes that data goes around: dead ones by their missing acks, dropping ones by the loops."""
        return self._health.suspects(now) | self._loops.suspects

    def _expire(self, now: float) -> Iterator[Undelivered]:
        for sent in self._pending.expired(now):
            self._health.failed(sent.path, now)
            self._patience.failed(sent, now)
            outgoing = sent.outgoing
            if outgoing.attempt >= self._parameters.max_retransmissions or not self._can_reach(outgoing.destination):
                self.counters["given_up"] += 1
                self._spans.settle(outgoing.fragment.fid)
                yield Undelivered(outgoing.destination, outgoing.stream)
                continue
            lane = outgoing.lane if outgoing.lane == SURB_REQUEST else RETRANSMISSION
            self._lanes.push(replace(outgoing, attempt=outgoing.attempt + 1, lane=lane, path=sent.path))

    def _can_reach(self, destination: Destination) -> bool:
        return isinstance(destination, Recipient) or self._stock.knows(destination)

    # --- reply SURBs -------------------------------------------------------------------------------------------

    def _surbs_to_go_with(self, length: int) -> int:
        """SURBs for a message of `length` data bytes: at least one, if it takes another packet.

        An answer to a tag of which no SURB has come yet is dropped, and the message may be there before all others.
        """
        return self._surbs_that_fit_beside(length) or 1 + self._surbs_that_fit_beside(length + _SURB_LENGTH)

    def _surbs_that_fit_beside(self, length: int) -> int:
        """SURBs that a repliable message of `length` data bytes can carry without taking another packet."""
        used = _REPLIABLE_OVERHEAD + length + 1
        return (chunking.padded_length(used, self._parameters.packet_size.fragment) - used) // _SURB_LENGTH

    def _supply_surbs(self, now: float) -> None:
        """Make one packet of owed SURBs for each correspondent that has none waiting."""
        for to, owed in self._supply.debts:
            if self._lanes.length(to, SURB_SUPPLY):
                continue
            amount = min(owed, self._surbs_that_fit_beside(0))
            if not self._give_surbs(to, amount, now):
                return
            self._supply.settle(to, amount)
        whole = self._surbs_that_fit_beside(0)
        for to in self._supply.steadily_due(whole, now):
            if not self._lanes.length(to, SURB_SUPPLY) and self._give_surbs(to, whole, now):
                self._supply.settle_steadily(to, whole)

    def _give_surbs(self, to: Recipient, amount: int, now: float) -> bool:
        """Queue a packet of so many SURBs; False if there is no route for them."""
        try:
            content = messages.AdditionalSurbs(self._supply.give(to, amount, now))
        except RouteError:
            return False
        self._enqueue(messages.Repliable(self._supply.tag_for(to), content), to, SURB_SUPPLY)
        return True

    def _ask_for_surbs(self, tags: Iterable[bytes], now: float) -> None:
        for tag in tags:
            if tag in self._replying:
                continue
            amount = self._stock.amount_to_request(tag, self._lanes.queued_for(tag), now)
            if amount:
                self.counters["surbs_requested"] += amount
                request = messages.SurbRequest(self.address, amount)
                self._enqueue(messages.Reply(request), tag, SURB_REQUEST)

    # --- what comes in -----------------------------------------------------------------------------------------

    def feed(self, content: bytes, now: float) -> list[LoopixEffect]:
        """One push of the gateway: an ack, cover, or a fragment. What does not decode is dropped and counted.

        A gateway that delivers at a constant rate sends zeros for want of anything.
        """
        if not any(content):
            self.counters["padding_received"] += 1
            return []
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

        match open_content(content, self._secret, take_reply_key, self._packer.ack_key):
            case Ack(fid):
                self._settle(fid, now)
            case Cover(_, via_reply=True):
                self.counters["reply_cover_received"] += 1
            case Cover(selector):
                self.counters["cover_received"] += 1
                if self._loops.back(selector, now):
                    yield LoopAlarm(self.loop_statistics())
                if (delay := self._loops.latest_delay) is not None:
                    self._window.look(delay, self.in_flight)
            case DataFragment(fragment, via_reply):
                self.counters["data_received"] += 1
                self.counters["reply_data_received"] += via_reply
                message = self._reassembler.add(fragment, now)
                if message is not None:
                    yield from self._dispatch(message, source, now)

    def _settle(self, fid: FragmentId, now: float) -> None:
        pending = self._pending.acked(fid)
        if pending is not None:
            self._patience.acked(pending, now)
        # An ack that is only late spares the repetition: else a network slower than our patience would drown in them.
        sent = pending or self._lanes.take_repeat(fid) or self._ready.take_fragment(fid)
        if sent is None:
            self.counters["unknown_ack"] += 1
            return
        self.counters["acked"] += 1
        self._spans.settle(fid)
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
        self.counters["surb_request"] += 1
        if source is None or real(source) != recipient or not self._supply.grant(source, amount):
            self.counters["refused_surb_request"] += 1

    # --- upkeep ------------------------------------------------------------------------------------------------

    def _enqueue(self, message: messages.NymMessage, to: Destination, lane: int) -> None:
        fragments = messages.prepare(message, self._parameters.packet_size.fragment, self._rng)
        for fragment in fragments:
            self._lanes.push(Outgoing(fragment, to, lane, stream=lane))
        if lane >= 0:
            size = sum(len(fragment.payload) for fragment in fragments)
            self._spans.add((to, lane), (fragment.fid for fragment in fragments), size)

    def _maintain(self, now: float) -> None:
        self._maintenance_due = now + MAINTENANCE_INTERVAL
        self._reassembler.purge(now)
        self._supply.purge(now)
        self._ask_for_surbs(self._stock.tags(), now)
        for tag in self._stock.silent(now):
            self._stock.drop(tag)
            self._replying.drop(tag)
            self.counters["starved"] += self._lanes.drop_destination(tag)
            self._spans.forget_destination(tag)
