"""One hop of the mixnet: open a packet, refuse replays, hold it for its delay, hand it on or deliver it.

Mirrors nym-node 1.31 (`node/mixnet/`) and nym-sphinx-framing 1.21 (`processing.rs`). The order is fixed:

1. the keys that the frame's rotation label allows; without a label primary, then secondary
2. shared secret, then the MAC of the header
3. the replay filter, under the rotation whose key fitted
4. unwrapping; only now is the payload touched
5. forward hop: the next hop must be a known node; wait min(delay, 10 s) from arrival, then send with the same label
6. final hop: an ack packet goes to the client whole; else the SURB-ack is split off, the rest goes to the client, and
   the ack leaves at once under the label of the packet that brought it
7. drop cover, which is ours alone, is a packet to nobody: its ack leaves like any other, the rest ends here

A packet that fails is dropped and counted, whatever is wrong with it.
"""

import dataclasses
import heapq
from collections.abc import Callable, Mapping
from enum import StrEnum
from types import MappingProxyType

from nymconnect.crypto import Rng
from nymconnect.effects import Effect, Push, SendTo
from nymconnect.errors import WireError
from nymconnect.node.keys import SphinxKeys
from nymconnect.node.replay import ReplayFilter
from nymconnect.packet.acks import split_surb_ack
from nymconnect.packet.addressing import DROP_DESTINATION, NodeAddress
from nymconnect.packet.framing import Frame, MixPacket
from nymconnect.packet.params import KeyRotation, PacketSize
from nymconnect.packet.sphinx import Final, Forward, OpenedPacket, open_packet

MAX_DELAY_NS = 10_000_000_000
MAX_HELD = 200_000  # packets
MAX_HELD_BYTES = 512 * 1024 * 1024
_SECONDS = 1e-9


class MixerCount(StrEnum):
    """What a mixer counts. The `DROPPED_…` ones say why a packet ended here."""

    RECEIVED = "received"
    FORWARDED = "forwarded"
    DELIVERED = "delivered"
    ACKS_SENT = "acks_sent"
    COVER_ENDED = "cover_ended"
    DROPPED_EXPIRED_KEY = "dropped_expired_key"
    DROPPED_BAD_HEADER = "dropped_bad_header"
    DROPPED_REPLAY = "dropped_replay"
    DROPPED_BAD_PACKET = "dropped_bad_packet"
    DROPPED_NOT_FORWARDING = "dropped_not_forwarding"
    DROPPED_NOT_DELIVERING = "dropped_not_delivering"
    DROPPED_UNKNOWN_HOP = "dropped_unknown_hop"
    DROPPED_FULL = "dropped_full"
    DROPPED_STOPPED = "dropped_stopped"
    DROPPED_BAD_ACK = "dropped_bad_ack"
    DROPPED_ACK_UNKNOWN_HOP = "dropped_ack_unknown_hop"


class _DroppedError(Exception):
    def __init__(self, reason: MixerCount) -> None:
        super().__init__(reason)
        self.reason = reason


class Mixer:
    """The machine of a node. `forwards`: acts as a mix; `delivers`: acts as the last hop of its clients."""

    def __init__(
        self,
        keys: SphinxKeys,
        replay: ReplayFilter,
        rng: Rng,
        *,
        forwards: bool,
        delivers: bool,
        may_send_to: Callable[[NodeAddress], bool],
        max_held: int = MAX_HELD,
    ) -> None:
        self._replay = replay
        self._rng = rng
        self._forwards = forwards
        self._delivers = delivers
        self._may_send_to = may_send_to
        self._max_held = max_held
        self._held: list[tuple[float, float, int, MixPacket]] = []
        self._held_bytes = 0
        self._counts = dict.fromkeys(MixerCount, 0)
        self.rotate(keys)

    @property
    def deadline(self) -> float | None:
        """When the next packet is due, or None."""
        return self._held[0][0] if self._held else None

    @property
    def counters(self) -> Mapping[MixerCount, int]:
        """A snapshot that does not change any more."""
        return MappingProxyType(dict(self._counts))

    @property
    def held(self) -> int:
        """Packets that wait for their delay to pass."""
        return len(self._held)

    def rotate(self, keys: SphinxKeys) -> None:
        """Change the live keys; the replay memory of a key that is gone goes with it."""
        self._keys = keys
        self._replay.keep([rotation_id for rotation_id, _ in keys.live])

    def use_memory(self, replay: ReplayFilter) -> None:
        """Go on with the replay memory of an earlier run."""
        replay.keep([rotation_id for rotation_id, _ in self._keys.live])
        self._replay = replay

    def drop_held(self) -> None:
        """The node stops: what still waits is lost, and counted."""
        self._counts[MixerCount.DROPPED_STOPPED] += len(self._held)
        self._held.clear()
        self._held_bytes = 0

    def feed(self, frame: Frame, now: float) -> list[Effect]:
        """A packet came in. Returns what a final hop does at once; forwarded packets come from `wake`."""
        self._counts[MixerCount.RECEIVED] += 1
        try:
            opened = self._open(frame)
            step = _unwrap(opened)
            if isinstance(step, Forward):
                self._hold(step, frame.rotation, now)
                return []
            return self._deliver(step, frame)
        except _DroppedError as dropped:
            self._counts[dropped.reason] += 1
            return []

    def wake(self, now: float) -> list[Effect]:
        """The packets whose delay has passed."""
        due: list[Effect] = []
        while self._held and self._held[0][0] <= now:
            packet = heapq.heappop(self._held)[3]
            self._held_bytes -= len(packet.packet)
            due.append(SendTo(packet))
        self._counts[MixerCount.FORWARDED] += len(due)
        return due

    def _open(self, frame: Frame) -> OpenedPacket:
        candidates = self._keys.candidates(frame.rotation)
        if not candidates:
            raise _DroppedError(MixerCount.DROPPED_EXPIRED_KEY)
        for rotation_id, secret in candidates:
            try:
                opened = open_packet(frame.packet, secret)
            except WireError:
                continue
            # Only after the MAC: else strangers could fill the memory with tags of packets that never were.
            if not self._replay.admit(rotation_id, opened.replay_tag):
                raise _DroppedError(MixerCount.DROPPED_REPLAY)
            return opened
        raise _DroppedError(MixerCount.DROPPED_BAD_HEADER)

    def _hold(self, step: Forward, rotation: KeyRotation, now: float) -> None:
        if not self._forwards:
            raise _DroppedError(MixerCount.DROPPED_NOT_FORWARDING)
        if not self._may_send_to(step.next_hop):
            raise _DroppedError(MixerCount.DROPPED_UNKNOWN_HOP)
        if len(self._held) >= self._max_held or self._held_bytes + len(step.packet) > MAX_HELD_BYTES:
            raise _DroppedError(MixerCount.DROPPED_FULL)
        # The sender chooses the delay; without a bound it could hold its place for ever.
        due = now + min(step.delay_ns, MAX_DELAY_NS) * _SECONDS
        packet = MixPacket(step.next_hop, step.packet, rotation)
        # Packets that are due at the same instant leave in random order: the order of arrival must not show. The
        # counter only keeps the heap from comparing packets.
        heapq.heappush(self._held, (due, self._rng.random(), self._counts[MixerCount.RECEIVED], packet))
        self._held_bytes += len(step.packet)

    def _deliver(self, step: Final, frame: Frame) -> list[Effect]:
        if not self._delivers:
            raise _DroppedError(MixerCount.DROPPED_NOT_DELIVERING)
        if frame.size is PacketSize.ACK:
            return self._hand_over(step.destination, step.message)
        try:
            ack, content = split_surb_ack(step.message)
        except WireError:
            raise _DroppedError(MixerCount.DROPPED_BAD_ACK) from None
        return [*self._hand_over(step.destination, content), *self._send_ack(ack, frame.rotation)]

    def _hand_over(self, client: bytes, content: bytes) -> list[Effect]:
        if client == DROP_DESTINATION:
            self._counts[MixerCount.COVER_ENDED] += 1
            return []
        self._counts[MixerCount.DELIVERED] += 1
        return [Push(client, content)]

    def _send_ack(self, ack: MixPacket, rotation: KeyRotation) -> list[Effect]:
        if not self._may_send_to(ack.next_hop):
            self._counts[MixerCount.DROPPED_ACK_UNKNOWN_HOP] += 1
            return []
        self._counts[MixerCount.ACKS_SENT] += 1
        # An ack names no rotation; its sender built it for the one of the packet around it.
        return [SendTo(dataclasses.replace(ack, rotation=rotation))]


def _unwrap(opened: OpenedPacket) -> Forward | Final:
    try:
        return opened.unwrap()
    except WireError:
        raise _DroppedError(MixerCount.DROPPED_BAD_PACKET) from None
