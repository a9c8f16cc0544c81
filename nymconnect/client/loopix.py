"""The Loopix sender and receiver of one client, as a machine (Loopix, USENIX Security 2017, section 3).

This machine decides what is sent, a pacer (`pacer.machine`) decides when: `data_packet` and `cover_packet` fill the
pacer's stocks, `departed` reports what has left. The parts that it joins are `transmission` for what is sent and
repeated until its ack comes, `scheduler` for whose turn a slot is, `cover_traffic` for what carries nothing,
`surb_controller` for the reply SURBs over which answers travel, and `loop_monitor` for what our own loops tell of the
network. It also takes in what the gateway pushes.

Mirrors nym-client-core 1.21 (`real_messages_control/`, `cover_traffic_stream.rs`, `received_buffer.rs`, `replies/`);
where the parts differ from it, within the wire format, they say so.

Effects: `Received`, `Undelivered`, `LoopAlarm`.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from nymconnect.client.monitor.loop_monitor import LoopMonitor, LoopStatistics
from nymconnect.client.monitor.mix_health import PathHealth
from nymconnect.client.parameters import TrafficParameters
from nymconnect.client.sending.cover_traffic import Covers
from nymconnect.client.sending.lanes import GENERAL, Destination, Outgoing
from nymconnect.client.sending.paced_replies import PacedReplies
from nymconnect.client.sending.prepared import ReadyCover, ReadyData, ReadyPacket, ReadyReplyCover, ReadyTable
from nymconnect.client.sending.preparer import Packer
from nymconnect.client.sending.scheduler import Turns
from nymconnect.client.sending.surb_controller import SurbEconomy
from nymconnect.client.sending.transmission import Outbox
from nymconnect.client.surbs.issued import IssuedKey, SurbSupply
from nymconnect.client.surbs.received import SurbStock
from nymconnect.crypto import Rng, X25519Secret
from nymconnect.directory.topology import Topology
from nymconnect.errors import UsageError, WireError
from nymconnect.packet import messages
from nymconnect.packet.addressing import SENDER_TAG_LENGTH, NodeAddress, Recipient
from nymconnect.packet.envelope import Ack, Cover, DataFragment, open_content
from nymconnect.packet.reassembly import Reassembler

MAINTENANCE_INTERVAL = 1.0


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
    """The loops have begun to say, or no longer say, that somebody drops packets (`LoopStatistics.dropping`)."""

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
        self._secret, self._payload = secret, parameters.payload
        self._health = PathHealth()
        self._loops = LoopMonitor()
        self._packer = Packer(address, topology, parameters, rng, self._suspects, ack_key)
        self._ready = ReadyTable()
        self._stock = SurbStock(parameters.surbs)
        self._supply = SurbSupply(parameters.surbs, self._packer.surb, rng)
        self._replying = PacedReplies(rng, self._stock.arrival_rate)
        self._outbox = Outbox(
            self._packer, self._stock, self._replying, self._ready, self._health, parameters, rng, self.counters
        )
        self._economy = SurbEconomy(
            address,
            self._supply,
            self._stock,
            self._replying,
            self._outbox,
            parameters.packet_size.fragment,
            self.counters,
        )
        self._covers = Covers(self._packer, self._ready, parameters.drop_share, rng, self.counters)
        self._turns = Turns(
            self._outbox.lanes,
            self._replying,
            self._stock,
            self._supply,
            rng,
            self._outbox.has_window,
            self.counters,
        )
        # Only those who hold SURBs of ours can answer over them, so what others send has no room in common with that.
        self._answers, self._mail = Reassembler(), Reassembler()
        self._maintenance_due = now + MAINTENANCE_INTERVAL

    # --- verbs: what the application wants ---------------------------------------------------------------------

    def send(self, data: bytes, to: Recipient, now: float, *, surbs: int = 0, lane: int = GENERAL) -> None:
        """Queue a message; with `surbs` it carries our tag for `to` and that many reply SURBs."""
        if surbs:
            self._economy.send(data, to, surbs, lane, now)
        else:
            self._outbox.put(messages.Plain(data), to, lane)

    def reply(self, data: bytes, tag: bytes, *, lane: int = GENERAL) -> None:
        """Queue an answer over the SURBs that came with sender tag `tag` (16 bytes)."""
        if len(tag) != SENDER_TAG_LENGTH:
            raise UsageError("a sender tag has 16 bytes")
        if not self._stock.knows(tag):
            self.counters["unknown_tag"] += 1
            return
        self._outbox.put(messages.Reply(messages.ReplyData(data)), tag, lane)

    def hold(self, tag: bytes) -> None:
        """Keep the SURBs of `tag` (16 bytes), whatever strangers send, until `release` is called as often."""
        self._stock.hold(tag)

    def release(self, tag: bytes) -> None:
        """See `hold`."""
        self._stock.release(tag)

    def pace_replies(self, tag: bytes, rate: float, seconds: float, now: float) -> float:
        """Answer `tag` at up to `rate` packets a second for `seconds`, data or cover; returns the rate granted, or 0.

        Nothing else goes to `tag` meanwhile, and no SURBs are asked for: the client that wants this supplies them at
        that rate.
        """
        return self._replying.pace(tag, rate, seconds, now) if self._stock.knows(tag) else 0.0

    def reply_rate(self, tag: bytes) -> float | None:
        """Bytes a second that answers to `tag` can carry while a rate is promised to it, else None."""
        rate = self._replying.rate_of(tag)
        return None if rate is None else rate * self._payload

    def supply_steadily(self, to: Recipient, rate: float, now: float) -> None:
        """Give `to` SURBs for `rate` answers a second, before what else we send; 0 ends that."""
        self._supply.supply_steadily(to, rate, now)

    def withhold_surbs(self, to: Recipient, withheld: bool) -> None:
        """Whether `to` gets no reply SURBs but those of our messages; it gets what it has asked for afterwards."""
        self._supply.withhold(to, withheld)

    def forget(self, to: Recipient) -> None:
        """Nothing is expected from `to` any more, and nothing will be sent there: drop the tag and the reply keys."""
        self._supply.forget(to)

    def close_lane(self, lane: int) -> None:
        """Forget what has not been sent of a stream; what was sent is still repeated until its ack comes."""
        self._outbox.close_lane(lane)

    def lane_is_full(self, destination: Destination, lane: int) -> bool:
        """Whether a writer to this lane should wait: for slots, or for the ack of something sent long before."""
        return self._outbox.lane_is_full(destination, lane, self._replying.rate_of(destination))

    def link_lost(self) -> None:
        """The gateway is gone for now: what was ready to leave has to be made anew.

        Loops that were under way say nothing about the mixes.
        """
        self._loops.forget_outstanding()
        self._replying.forget_slots()
        self._ready.forget_covers()
        self._outbox.link_lost()

    @property
    def topology(self) -> Topology:
        """That of which routes are drawn."""
        return self._packer.topology

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
        both = self._answers.counters, self._mail.counters
        return {
            "fragments_duplicate": sum(seen.duplicates + seen.late for seen in both),
            "fragments_inconsistent": sum(seen.inconsistent for seen in both),
            "sets_expired": sum(seen.expired for seen in both),
            "sets_evicted": sum(seen.evicted for seen in both),
            "sets_open": sum(seen.open_sets for seen in both),
            "set_bytes_held": sum(seen.held_bytes for seen in both),
        }

    @property
    def stock(self) -> dict[str, int]:
        """Senders whose SURBs gave way to those of others, and what is held of all of them."""
        return {"senders_evicted": self._stock.evicted, "surb_bytes_held": self._stock.held_bytes}

    @property
    def reply_keys(self) -> int:
        """Keys that wait for an answer over a SURB of ours."""
        return self._supply.keys_held

    @property
    def queued(self) -> int:
        """Fragments that wait for a slot."""
        return self._outbox.queued

    @property
    def in_flight(self) -> int:
        """Fragments that wait for an ack."""
        return self._outbox.in_flight

    # --- time: what leaves -------------------------------------------------------------------------------------

    @property
    def deadline(self) -> float:
        """When `wake` has something to do."""
        expiries = (self._outbox.deadline, self._loops.deadline, self._replying.deadline)
        return min([self._maintenance_due, *(expiry for expiry in expiries if expiry is not None)])

    def wake(self, now: float) -> list[LoopixEffect]:
        """Give up what is overdue, and look after the rest. Data may be ready to be packed afterwards."""
        effects: list[LoopixEffect] = [
            Undelivered(outgoing.destination, outgoing.stream) for outgoing in self._outbox.expire(now)
        ]
        self._replying.wake(now)
        if self._loops.wake(now):
            effects.append(LoopAlarm(self.loop_statistics()))
        if now >= self._maintenance_due:
            self._maintain(now)
        self._economy.ask(self._outbox.lanes.tags(), now)
        return effects

    def data_packet(self, now: float) -> ReadyPacket | None:
        """Pack the fragment whose turn it is; None if none can go now."""
        self._economy.pay(now)
        self._economy.ask(self._outbox.lanes.tags(), now)
        match self._turns.next(now):
            case Outgoing() as outgoing:
                return self._outbox.pack(outgoing, now)
            case bytes(tag):
                surb = self._stock.take(tag)
                return None if surb is None else self._covers.reply(surb, now)
        return None

    def cover_packet(self) -> ReadyPacket | None:
        """For the main stream: a loop, or cover that ends at a gateway; None if the network has no route."""
        return self._covers.for_main()

    def loop_packet(self) -> ReadyPacket | None:
        """For the loop stream; None if the network has no route."""
        return self._covers.loop()

    def departed(self, token: int, at: float) -> None:
        """A packet has left at `at`; nothing happens if it was forgotten meanwhile."""
        match self._ready.take(token):
            case ReadyData() as data:
                self._outbox.departed(data, at)
                if self._economy.is_steady(data.outgoing):
                    self.counters["steady_supply_sent"] += 1  # nobody's data: it goes whatever the user does
            case ReadyCover(selector, path, expected):
                self.counters["cover_sent"] += 1
                if selector is None:
                    self.counters["drop_cover_sent"] += 1
                else:
                    self._loops.start(selector, path, expected, at)
            case ReadyReplyCover():
                self.counters["reply_cover_sent"] += 1

    def _suspects(self, now: float) -> frozenset[NodeAddress]:
        """Mixes that data goes around: dead ones by their missing acks, dropping ones by the loops."""
        return self._health.suspects(now) | self._loops.suspects

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
                self._outbox.acked(fid, now)
            case Cover(_, via_reply=True):
                self.counters["reply_cover_received"] += 1
            case Cover(selector):
                self.counters["cover_received"] += 1
                if self._loops.back(selector, now):
                    yield LoopAlarm(self.loop_statistics())
                if (delay := self._loops.latest_delay) is not None:
                    self._outbox.loop_took(delay)
            case DataFragment(fragment, via_reply):
                self.counters["data_received"] += 1
                self.counters["reply_data_received"] += via_reply
                message = (self._answers if via_reply else self._mail).add(fragment, now)
                if message is not None:
                    yield from self._dispatch(message, source, now)

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
                self._economy.grant(recipient, amount, source)

    def _maintain(self, now: float) -> None:
        self._maintenance_due = now + MAINTENANCE_INTERVAL
        self._answers.purge(now)
        self._mail.purge(now)
        self._economy.maintain(now)
