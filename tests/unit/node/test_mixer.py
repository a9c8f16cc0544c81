"""One hop under a virtual clock: order of checks, delays, replays, bounds, final hop."""

import random
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nymconnect.crypto import X25519Secret
from nymconnect.effects import Effect, Push, SendTo
from nymconnect.node.keys import SphinxKeys
from nymconnect.node.mixer import Mixer, MixerCount
from nymconnect.node.replay import ReplayFilter
from nymconnect.packet.acks import FragmentId, build_surb_ack, seal_ack
from nymconnect.packet.addressing import DROP_DESTINATION, NodeAddress, Recipient
from nymconnect.packet.framing import Frame
from nymconnect.packet.params import ACK_CONTENT_LENGTH, KeyRotation, PacketSize
from nymconnect.packet.route import Hop, Route
from nymconnect.packet.sphinx import Surb, build_packet

RNG = random.Random(11)
HERE = NodeAddress("10.0.0.1", 1789)
NEXT = NodeAddress("10.0.0.2", 1789)
STRANGER = NodeAddress("192.0.2.1", 1789)
KEY, OLD_KEY, NEXT_KEY = (X25519Secret.generate(RNG) for _ in range(3))
CLIENT = RNG.randbytes(32)
ACK_KEY = RNG.randbytes(16)
MS = 1_000_000


def mixer(
    keys: SphinxKeys | None = None,
    *,
    forwards: bool = True,
    delivers: bool = True,
    may_send_to: Callable[[NodeAddress], bool] = lambda address: address in (HERE, NEXT),
    max_held: int = 100,
) -> Mixer:
    return Mixer(
        keys or SphinxKeys(KEY, 6, OLD_KEY),
        ReplayFilter(10_000),
        random.Random(1),
        forwards=forwards,
        delivers=delivers,
        may_send_to=may_send_to,
        max_held=max_held,
    )


def packet_through(
    key: X25519Secret = KEY,
    *,
    delay_ns: int = 50 * MS,
    to: NodeAddress = NEXT,
    size: PacketSize = PacketSize.REGULAR,
    rotation: KeyRotation = KeyRotation.UNKNOWN,
) -> Frame:
    """A packet that we forward to `to`."""
    route = Route((Hop(HERE, key.public), Hop(to, NEXT_KEY.public)), (delay_ns, 0))
    return Frame.of(build_packet(route, CLIENT, b"message", size, RNG), rotation)


def surb_ack(first_hop: NodeAddress = NEXT) -> bytes:
    sender = Recipient(CLIENT, bytes(32), bytes(32))
    route = Route((Hop(first_hop, NEXT_KEY.public), Hop(HERE, KEY.public)), (0, 0))
    return build_surb_ack(sender, ACK_KEY, FragmentId(7, 1), route, RNG)


def packet_for_client(
    plaintext: bytes,
    *,
    size: PacketSize = PacketSize.REGULAR,
    rotation: KeyRotation = KeyRotation.UNKNOWN,
    to: bytes = CLIENT,
) -> Frame:
    """A packet whose last hop we are."""
    route = Route((Hop(HERE, KEY.public),), (0,))
    return Frame.of(build_packet(route, to, plaintext, size, RNG), rotation)


def only_drop(machine: Mixer) -> MixerCount:
    """The one reason that was counted; fails if there is another number of them."""
    (reason,) = [name for name, count in machine.counters.items() if name.startswith("dropped") and count]
    assert machine.counters[reason] == 1
    assert machine.deadline is None
    return reason


def sent(effects: list[Effect]) -> list[NodeAddress]:
    return [effect.packet.next_hop for effect in effects if isinstance(effect, SendTo)]


# --- forwarding -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", list(PacketSize))
def test_forwarded_packet_waits_for_its_delay_and_keeps_its_length(size: PacketSize) -> None:
    machine = mixer()
    assert machine.feed(packet_through(size=size), 100.0) == []
    assert machine.deadline == pytest.approx(100.05)
    assert machine.wake(100.049) == []
    (effect,) = machine.wake(100.0501)
    assert isinstance(effect, SendTo)
    assert effect.packet.next_hop == NEXT
    assert len(effect.packet.packet) == size.packet
    assert machine.deadline is None
    assert (machine.counters[MixerCount.FORWARDED], machine.held) == (1, 0)


@pytest.mark.parametrize("rotation", [KeyRotation.UNKNOWN, KeyRotation.EVEN])
def test_forwarded_packet_keeps_its_label(rotation: KeyRotation) -> None:
    machine = mixer()
    machine.feed(packet_through(rotation=rotation), 0.0)
    (effect,) = machine.wake(1.0)
    assert isinstance(effect, SendTo)
    assert effect.packet.rotation is rotation


@pytest.mark.parametrize("delay_ns", [10_000 * MS, 10_001 * MS, 2**64 - 1])
def test_delay_is_cut_at_ten_seconds(delay_ns: int) -> None:
    machine = mixer()
    machine.feed(packet_through(delay_ns=delay_ns), 5.0)
    assert machine.deadline == pytest.approx(15.0)


def test_packets_leave_by_deadline_not_by_arrival() -> None:
    machine = mixer()
    hops = [NodeAddress("10.0.0.2", port) for port in (1, 2, 3)]
    machine._may_send_to = lambda _: True
    for hop, delay in zip(hops, (30, 10, 20), strict=True):
        machine.feed(packet_through(delay_ns=delay * MS, to=hop), 0.0)
    assert machine.deadline == pytest.approx(0.010)
    assert sent(machine.wake(0.021)) == [hops[1], hops[2]]
    assert sent(machine.wake(0.031)) == [hops[0]]


def test_packets_due_at_once_do_not_leave_in_order_of_arrival() -> None:
    machine = mixer(may_send_to=lambda _: True)
    hops = [NodeAddress("10.0.0.2", port) for port in range(1, 21)]
    for hop in hops:
        machine.feed(packet_through(delay_ns=0, to=hop), 0.0)
    order = sent(machine.wake(0.0))
    assert sorted(order, key=lambda hop: hop.port) == hops
    assert order != hops


def test_next_hop_must_be_known() -> None:
    machine = mixer()
    machine.feed(packet_through(to=STRANGER), 0.0)
    assert only_drop(machine) is MixerCount.DROPPED_UNKNOWN_HOP


def test_node_that_does_not_forward_drops() -> None:
    machine = mixer(forwards=False)
    machine.feed(packet_through(), 0.0)
    assert only_drop(machine) is MixerCount.DROPPED_NOT_FORWARDING


def test_full_mixer_drops_and_counts() -> None:
    machine = mixer(max_held=2)
    for _ in range(3):
        machine.feed(packet_through(), 0.0)
    assert (machine.held, machine.counters[MixerCount.DROPPED_FULL]) == (2, 1)
    assert len(machine.wake(1.0)) == 2
    machine.feed(packet_through(), 2.0)
    assert machine.held == 1


def test_drop_held_empties_the_mixer() -> None:
    machine = mixer()
    machine.feed(packet_through(), 0.0)
    machine.drop_held()
    assert only_drop(machine) is MixerCount.DROPPED_STOPPED
    assert machine.wake(100.0) == []


# --- keys -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("key", "rotation"),
    [
        (KEY, KeyRotation.UNKNOWN),
        (KEY, KeyRotation.EVEN),
        (OLD_KEY, KeyRotation.UNKNOWN),
        (OLD_KEY, KeyRotation.ODD),
    ],
)
def test_packet_of_either_live_key_passes(key: X25519Secret, rotation: KeyRotation) -> None:
    machine = mixer()
    machine.feed(packet_through(key, rotation=rotation), 0.0)
    assert machine.held == 1


@pytest.mark.parametrize(
    ("key", "rotation", "reason"),
    [
        (KEY, KeyRotation.ODD, MixerCount.DROPPED_BAD_HEADER),
        (OLD_KEY, KeyRotation.EVEN, MixerCount.DROPPED_BAD_HEADER),
        (NEXT_KEY, KeyRotation.UNKNOWN, MixerCount.DROPPED_BAD_HEADER),
    ],
)
def test_packet_under_a_wrong_label_or_key_is_dropped(
    key: X25519Secret, rotation: KeyRotation, reason: MixerCount
) -> None:
    machine = mixer()
    machine.feed(packet_through(key, rotation=rotation), 0.0)
    assert only_drop(machine) is reason


def test_label_of_a_key_that_is_gone_is_an_expired_key() -> None:
    machine = mixer(SphinxKeys(KEY, 6))
    machine.feed(packet_through(OLD_KEY, rotation=KeyRotation.ODD), 0.0)
    assert only_drop(machine) is MixerCount.DROPPED_EXPIRED_KEY


def test_rotation_of_keys_is_followed() -> None:
    machine = mixer(SphinxKeys(OLD_KEY, 5).announce(KEY))
    machine.feed(packet_through(KEY), 0.0)
    machine.feed(packet_through(OLD_KEY), 0.0)
    machine.rotate(SphinxKeys(OLD_KEY, 5).announce(KEY).advance())
    machine.feed(packet_through(KEY), 0.0)
    machine.feed(packet_through(OLD_KEY), 0.0)
    assert machine.held == 4
    machine.rotate(SphinxKeys(KEY, 6))
    machine.feed(packet_through(OLD_KEY), 0.0)
    assert (machine.held, machine.counters[MixerCount.DROPPED_BAD_HEADER]) == (4, 1)


# --- replays ----------------------------------------------------------------------------------------------------


def test_replay_is_dropped_whatever_label_or_payload_it_comes_with() -> None:
    machine = mixer()
    frame = packet_through()
    machine.feed(frame, 0.0)
    other_payload = frame.packet[:-1] + bytes([frame.packet[-1] ^ 1])
    for again in (frame, Frame.of(frame.packet, KeyRotation.EVEN), Frame.of(other_payload)):
        machine.feed(again, 100.0)
    assert (machine.held, machine.counters[MixerCount.DROPPED_REPLAY]) == (1, 3)


def test_replay_stays_known_over_a_rotation_of_keys() -> None:
    keys = SphinxKeys(OLD_KEY, 5).announce(KEY)
    machine = mixer(keys)
    frame = packet_through(OLD_KEY)
    machine.feed(frame, 0.0)
    machine.rotate(keys.advance())
    machine.feed(frame, 0.0)
    assert machine.counters[MixerCount.DROPPED_REPLAY] == 1


def test_bad_header_leaves_no_trace_in_the_replay_memory() -> None:
    machine = mixer()
    frame = packet_through()
    damaged = bytearray(frame.packet)
    damaged[100] ^= 1
    machine.feed(Frame.of(bytes(damaged)), 0.0)
    assert only_drop(machine) is MixerCount.DROPPED_BAD_HEADER
    machine.feed(frame, 0.0)
    assert machine.held == 1


def test_memory_of_an_earlier_run_is_used() -> None:
    first, second = mixer(), mixer()
    frame = packet_through()
    first.feed(frame, 0.0)
    second.use_memory(ReplayFilter.restore(first._replay.freeze().encode()))
    second.feed(frame, 0.0)
    assert only_drop(second) is MixerCount.DROPPED_REPLAY


# --- the last hop -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rotation", [KeyRotation.UNKNOWN, KeyRotation.EVEN])
def test_message_goes_to_the_client_and_its_ack_home_at_once(rotation: KeyRotation) -> None:
    machine = mixer()
    blob = surb_ack()
    content = RNG.randbytes(PacketSize.REGULAR.message)
    push, send = machine.feed(packet_for_client(blob + content, rotation=rotation), 0.0)
    assert push == Push(CLIENT, content)
    assert isinstance(send, SendTo)
    assert (send.packet.next_hop, send.packet.rotation) == (NEXT, rotation)
    assert send.packet.packet == blob[19:]
    assert machine.deadline is None
    assert (machine.counters[MixerCount.DELIVERED], machine.counters[MixerCount.ACKS_SENT]) == (1, 1)


def test_ack_packet_goes_to_the_client_whole() -> None:
    content = seal_ack(ACK_KEY, FragmentId(7, 1), RNG)
    assert mixer().feed(packet_for_client(content, size=PacketSize.ACK), 0.0) == [Push(CLIENT, content)]
    assert len(content) == ACK_CONTENT_LENGTH


def test_drop_cover_ends_here_and_its_ack_goes_home_as_any_other() -> None:
    machine = mixer()
    blob, content = surb_ack(), RNG.randbytes(PacketSize.REGULAR.message)
    (send,) = machine.feed(packet_for_client(blob + content, to=DROP_DESTINATION), 0.0)
    assert isinstance(send, SendTo)
    assert send.packet.packet == blob[19:]
    counters = machine.counters
    assert counters[MixerCount.COVER_ENDED] == counters[MixerCount.ACKS_SENT] == 1
    assert counters[MixerCount.DELIVERED] == 0


def test_an_ack_to_nobody_ends_here_too() -> None:
    content = seal_ack(ACK_KEY, FragmentId(7, 1), RNG)
    assert mixer().feed(packet_for_client(content, size=PacketSize.ACK, to=DROP_DESTINATION), 0.0) == []


def test_drop_cover_without_a_readable_ack_is_dropped_like_anything_else() -> None:
    machine = mixer()
    assert machine.feed(packet_for_client(bytes(600), to=DROP_DESTINATION), 0.0) == []
    assert only_drop(machine) is MixerCount.DROPPED_BAD_ACK


def test_ack_towards_a_stranger_is_dropped_but_not_the_message() -> None:
    machine = mixer()
    effects = machine.feed(packet_for_client(surb_ack(STRANGER) + b"message"), 0.0)
    assert effects == [Push(CLIENT, b"message")]
    assert only_drop(machine) is MixerCount.DROPPED_ACK_UNKNOWN_HOP


@pytest.mark.parametrize("plaintext", [b"", b"short", bytes(404), b"\x05" + bytes(600)])
def test_message_without_a_readable_ack_is_dropped(plaintext: bytes) -> None:
    machine = mixer()
    assert machine.feed(packet_for_client(plaintext), 0.0) == []
    assert only_drop(machine) is MixerCount.DROPPED_BAD_ACK


def test_damaged_payload_is_dropped_at_the_last_hop() -> None:
    machine = mixer()
    frame = packet_for_client(surb_ack() + b"message")
    damaged = frame.packet[:-1] + bytes([frame.packet[-1] ^ 1])
    assert machine.feed(Frame.of(damaged), 0.0) == []
    assert only_drop(machine) is MixerCount.DROPPED_BAD_PACKET


def test_a_reply_over_a_surb_of_version_260_is_forwarded_as_any_other_and_dropped_at_its_end() -> None:
    """Only the maker of the SURB could read it, and a gateway is not that: it finds no ack in it."""
    route = Route((Hop(NEXT, NEXT_KEY.public), Hop(HERE, KEY.public)), (50 * MS, 0))
    surb, _ = Surb.create_recoverable(route, CLIENT, b"\x0e" * 16, RNG)
    packet = surb.use(surb_ack() + b"a reply", PacketSize.REGULAR)
    before, here = mixer(SphinxKeys(NEXT_KEY, 6)), mixer()
    before.feed(Frame.of(packet), 0.0)
    (effect,) = before.wake(1.0)
    assert isinstance(effect, SendTo)
    assert effect.packet.next_hop == HERE
    assert here.feed(Frame.of(effect.packet.packet), 1.0) == []
    assert only_drop(here) is MixerCount.DROPPED_BAD_PACKET


def test_node_that_does_not_deliver_drops() -> None:
    machine = mixer(delivers=False)
    assert machine.feed(packet_for_client(surb_ack() + b"message"), 0.0) == []
    assert only_drop(machine) is MixerCount.DROPPED_NOT_DELIVERING


# --- anything ---------------------------------------------------------------------------------------------------


@given(st.sampled_from([PacketSize.REGULAR, PacketSize.ACK]), st.randoms(use_true_random=False))
@settings(max_examples=40)
def test_random_packets_never_raise_and_are_counted(size: PacketSize, rng: random.Random) -> None:
    machine = mixer()
    assert machine.feed(Frame.of(rng.randbytes(size.packet)), 0.0) == []
    assert only_drop(machine) is MixerCount.DROPPED_BAD_HEADER


def test_low_order_point_is_a_bad_header() -> None:
    machine = mixer()
    machine.feed(Frame.of(bytes(PacketSize.REGULAR.packet)), 0.0)
    assert only_drop(machine) is MixerCount.DROPPED_BAD_HEADER


def test_counters_are_a_snapshot() -> None:
    machine = mixer()
    before = machine.counters
    machine.feed(packet_through(), 0.0)
    assert (before[MixerCount.RECEIVED], machine.counters[MixerCount.RECEIVED]) == (0, 1)


def test_held_bytes_are_bounded_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nymconnect.node.mixer.MAX_HELD_BYTES", PacketSize.EXTENDED32.packet + 1000)
    machine = mixer()
    for _ in range(2):
        machine.feed(packet_through(size=PacketSize.EXTENDED32), 0.0)
    assert (machine.held, machine.counters[MixerCount.DROPPED_FULL]) == (1, 1)
    machine.wake(1.0)
    machine.feed(packet_through(size=PacketSize.EXTENDED32), 2.0)
    assert machine.held == 1


def test_error_of_the_replay_memory_is_no_wire_error() -> None:
    """A fault of ours must surface; only what peers send is counted and dropped."""

    class Broken(ReplayFilter):
        def admit(self, rotation_id: int, tag: bytes) -> bool:
            raise RuntimeError

    machine = mixer()
    machine.use_memory(Broken())
    with pytest.raises(RuntimeError):
        machine.feed(packet_through(), 0.0)
