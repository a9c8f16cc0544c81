"""The Loopix sender and receiver of one client, as a machine (Loopix, USENIX Security 2017, section 3).

It says what is sent, a pacer says when (`pacer.machine`). This module puts the parts together, and its owner speaks to
them: `transmission` is the send path, `issued` and `received` are the reply SURBs, `replying` the answers at a constant
rate, `loops` what our own loops say of the network. It moves between them what concerns several: `next_packet` pays
the SURBs that we owe before it draws, and `feed` takes in what the gateway pushes.

Mirrors nym-client-core 1.21 (`real_messages_control/`, `cover_traffic_stream.rs`, `received_buffer.rs`, `replies/`);
where the parts differ from it, within the wire format, they say so.

Effects: `Received`, `Undelivered`, `LoopAlarm`.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from nymconnect.client.counters import ClientCount
from nymconnect.client.monitor.loop_monitor import LoopMonitor, LoopStatistics
from nymconnect.client.monitor.mix_health import MixHealth
from nymconnect.client.pacer.machine import FrameKind
from nymconnect.client.parameters import TrafficParameters
from nymconnect.client.sending.lanes import GENERAL, Answering, Destination
from nymconnect.client.sending.paced_replies import PacedReplies
from nymconnect.client.sending.preparer import PreparedPacket, Preparer
from nymconnect.client.sending.surb_controller import SurbController
from nymconnect.client.sending.transmission import Monitors, Transmission
from nymconnect.client.surbs.issued import IssuedSurbs
from nymconnect.client.surbs.received import ReceivedSurbs
from nymconnect.crypto import Rng, X25519Secret
from nymconnect.directory.topology import Topology
from nymconnect.errors import UsageError, WireError
from nymconnect.packet import messages
from nymconnect.packet.addressing import SENDER_TAG_LENGTH, Recipient
from nymconnect.packet.envelope import Ack, Cover, DataFragment, open_content
from nymconnect.packet.reassembly import Reassembler

MAINTENANCE_INTERVAL = 1.0


@dataclass(frozen=True, slots=True)
class Identity:
    """Who a client is to others: its address, the secret that opens what is written to it, and the key of its acks."""

    address: Recipient
    secret: X25519Secret
    ack_key: bytes | None = field(default=None, repr=False)  # None: a fresh one


@dataclass(frozen=True, slots=True)
class Received:
    """A message for the application. `sender_tag` can be answered; `source` is known if one of our SURBs came back: it
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
        identity: Identity,
        topology: Topology,
        parameters: TrafficParameters,
        rng: Rng,
        now: float,
    ) -> None:
        self.address = address = identity.address
        self.counters: Counter[ClientCount] = Counter(
            {ClientCount.COVER_SENT: 0, ClientCount.DROP_COVER_SENT: 0, ClientCount.DATA_SENT: 0}
        )
        self.cover_generation = 0  # rises when covers that have not left yet no longer fit the network
        self._secret = identity.secret
        self.loops, self.received = LoopMonitor(), ReceivedSurbs(parameters.surbs)
        self._health = MixHealth()
        self._preparer = Preparer(address, topology, parameters, rng, identity.ack_key)
        self.issued = IssuedSurbs(parameters.surbs, self._preparer.surb, rng)
        self.replying = PacedReplies(rng, self.received.arrival_rate)
        answering, monitors = Answering(self.issued, self.received, self.replying), Monitors(self._health, self.loops)
        self.transmission = Transmission(self._preparer, answering, monitors, parameters, rng, self.counters)
        self._surb_controller = SurbController(
            address, answering, self.transmission, parameters.packet_size.fragment, self.counters
        )
        # Only holders of our SURBs can answer over them, so their messages share no memory with what others send.
        self._answers, self._mail = Reassembler(), Reassembler()
        self._maintenance_due = now + MAINTENANCE_INTERVAL

    # --- verbs: what the application wants ---------------------------------------------------------------------

    def send(self, data: bytes, to: Recipient, now: float, *, surbs: int = 0, lane: int = GENERAL) -> None:
        """Queue a message; with `surbs` it carries our tag for `to` and that many reply SURBs."""
        message: messages.NymMessage = messages.Plain(data)
        if surbs:
            beside = self._surb_controller.beside(len(data), to, surbs, now)
            message = messages.Repliable(self.issued.tag_for(to), messages.DataWithSurbs(beside, data))
        self.transmission.put(message, to, lane)

    def reply(self, data: bytes, tag: bytes, *, lane: int = GENERAL) -> None:
        """Queue an answer over the SURBs that came with sender tag `tag` (16 bytes)."""
        if len(tag) != SENDER_TAG_LENGTH:
            raise UsageError("a sender tag has 16 bytes")
        if not self.received.knows(tag):
            self.counters[ClientCount.UNKNOWN_TAG] += 1
            return
        self.transmission.put(messages.Reply(messages.ReplyData(data)), tag, lane)

    def pace_replies(self, tag: bytes, rate: float, seconds: float, now: float) -> float:
        """Answer `tag` at up to `rate` packets a second for `seconds`, data or cover; returns the rate granted, or 0.

        Nothing else goes to `tag` meanwhile, and no SURBs are asked for: the client that wants this supplies them at
        that rate.
        """
        return self.replying.pace(tag, rate, seconds, now) if self.received.knows(tag) else 0.0

    def use_topology(self, topology: Topology) -> None:
        """Draw all further routes from `topology`."""
        if topology.rotation_id != self._preparer.topology.rotation_id:
            self.received.rotated(topology.rotation)
        if topology != self._preparer.topology:
            self.cover_generation += 1
            self.transmission.prepared.forget_covers()
        self._preparer.topology = topology
        mixes = {address for layer in self._preparer.layers for address in layer}
        self._health.keep_only(mixes)
        self.loops.keep_only(mixes)

    @property
    def reassembly(self) -> dict[ClientCount, int]:
        """Fragments that were of no use and why, sets that never became whole, and what is held of unfinished ones."""
        both = self._answers.counters, self._mail.counters
        return {
            ClientCount.FRAGMENTS_DUPLICATE: sum(seen.duplicates + seen.late for seen in both),
            ClientCount.FRAGMENTS_INCONSISTENT: sum(seen.inconsistent for seen in both),
            ClientCount.SETS_EXPIRED: sum(seen.expired for seen in both),
            ClientCount.SETS_EVICTED: sum(seen.evicted for seen in both),
            ClientCount.SETS_OPEN: sum(seen.open_sets for seen in both),
            ClientCount.SET_BYTES_HELD: sum(seen.held_bytes for seen in both),
        }

    # --- time: what leaves -------------------------------------------------------------------------------------

    @property
    def deadline(self) -> float:
        """When `wake` has something to do."""
        expiries = (self.transmission.deadline, self.loops.deadline, self.replying.deadline)
        return min([self._maintenance_due, *(expiry for expiry in expiries if expiry is not None)])

    def wake(self, now: float) -> list[LoopixEffect]:
        """Give up what is overdue, and look after the rest. Data may be ready to be packed afterwards."""
        effects: list[LoopixEffect] = [
            Undelivered(outgoing.destination, outgoing.stream) for outgoing in self.transmission.wake(now)
        ]
        self.replying.wake(now)
        if self.loops.wake(now):
            effects.append(LoopAlarm(self.loops.statistics()))
        if now >= self._maintenance_due:
            self._maintain(now)
        self._surb_controller.ask(self.transmission.lanes.tags(), now)
        return effects

    def next_packet(self, kind: FrameKind, now: float) -> PreparedPacket | None:
        """What fills a slot of this kind; None if there is nothing to send, or no route."""
        if kind is FrameKind.DATA:
            self._surb_controller.pay(now)
            self._surb_controller.ask(self.transmission.lanes.tags(), now)
        return self.transmission.next_packet(kind, now)

    # --- what comes in -----------------------------------------------------------------------------------------

    def feed(self, content: bytes, now: float) -> list[LoopixEffect]:
        """One push of the gateway: an ack, cover, or a fragment. What does not decode is dropped and counted.

        A gateway that delivers at a constant rate sends zeros for want of anything.
        """
        if not any(content):
            self.counters[ClientCount.PADDING_RECEIVED] += 1
            return []
        try:
            return list(self._accept(content, now))
        except WireError:
            self.counters[ClientCount.MALFORMED] += 1
            return []

    def _accept(self, content: bytes, now: float) -> Iterator[LoopixEffect]:
        source: Recipient | None = None

        def take_reply_key(digest: bytes) -> bytes | None:
            nonlocal source
            entry = self.issued.take_key(digest)
            if entry is None:
                return None
            key, source = entry
            return key

        match open_content(content, self._secret, take_reply_key, self._preparer.ack_key):
            case Ack(fid):
                self.transmission.acked(fid, now)
            case Cover(_, via_reply=True):
                self.counters[ClientCount.REPLY_COVER_RECEIVED] += 1
            case Cover(selector):
                self.counters[ClientCount.COVER_RECEIVED] += 1
                if self.loops.back(selector, now):
                    yield LoopAlarm(self.loops.statistics())
                if (delay := self.loops.latest_delay) is not None:
                    self.transmission.loop_took(delay)
            case DataFragment(fragment, via_reply):
                self.counters[ClientCount.DATA_RECEIVED] += 1
                self.counters[ClientCount.REPLY_DATA_RECEIVED] += via_reply
                message = (self._answers if via_reply else self._mail).add(fragment, now)
                if message is not None:
                    yield from self._dispatch(message, source, now)

    def _dispatch(self, padded: bytes, source: Recipient | None, now: float) -> Iterator[LoopixEffect]:
        match messages.recover(padded):
            case messages.Plain(data):
                yield Received(data)
            case messages.Repliable(tag, content):
                self.received.add(tag, content.surbs, now)
                if isinstance(content, messages.DataWithSurbs):
                    yield Received(content.data, sender_tag=tag)
            case messages.Reply(messages.ReplyData(data)):
                yield Received(data, source=source)
            case messages.Reply(messages.SurbRequest(recipient, amount)):
                self._surb_controller.grant(recipient, amount, source)

    def _maintain(self, now: float) -> None:
        self._maintenance_due = now + MAINTENANCE_INTERVAL
        self._answers.purge(now)
        self._mail.purge(now)
        self._surb_controller.maintain(now)
