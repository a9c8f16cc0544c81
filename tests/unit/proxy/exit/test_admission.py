"""Who gets a connection at the exit, and what it remembers of the others."""

import random
from collections import Counter

import pytest

from nymconnect_proxy.exit.admission import (
    CLOSED_MEMORY,
    MAX_CLOSED,
    MAX_ORPHANS,
    SETTLE_TIME,
    AdmissionLimits,
    Admissions,
    InPlaceOf,
    Orphan,
    StreamKey,
    Verdict,
)
from nymconnect_proxy.protocol.requests import Connect, Send
from nymconnect_proxy.protocol.versions import LEGACY
from tests.helpers.mixnet_pair import make_recipient

ALICE, BOB = b"a" * 16, b"b" * 16
HOME = make_recipient(random.Random(1))


def test_equal_ids_of_different_senders_are_different_streams() -> None:
    admissions = Admissions()
    assert admissions.admit(Connect(1, "x:1"), ALICE, 0.0) is Verdict.ADMITTED
    assert admissions.admit(Connect(1, "x:1"), BOB, 0.0) is Verdict.ADMITTED
    assert admissions.admit(Connect(1, "x:1", HOME), None, 0.0) is Verdict.ADMITTED
    assert len(admissions) == 3


def test_a_stream_is_not_replaced() -> None:
    admissions = Admissions()
    admissions.admit(Connect(1, "x:1", HOME), None, 0.0)
    other = make_recipient(random.Random(2))
    assert admissions.admit(Connect(1, "y:1", other), None, 0.0) is Verdict.DUPLICATE


def test_a_connect_that_nobody_could_hear_about_is_dropped() -> None:
    assert Admissions().admit(Connect(1, "x:1"), None, 0.0) is Verdict.UNANSWERABLE


def test_connections_are_limited_per_sender_and_in_all() -> None:
    admissions = Admissions(AdmissionLimits(connections=3, connections_for_newcomers=0, connections_per_sender=2))
    verdicts = [admissions.admit(Connect(number, "x:1"), ALICE, 0.0) for number in range(3)]
    assert verdicts == [Verdict.ADMITTED, Verdict.ADMITTED, Verdict.BUSY]
    assert admissions.admit(Connect(1, "x:1"), BOB, 0.0) is Verdict.ADMITTED
    assert admissions.admit(Connect(2, "x:1"), BOB, 0.0) is Verdict.BUSY
    admissions.release(StreamKey(ALICE, 0), 1.0)
    assert admissions.admit(Connect(3, "x:1"), BOB, 1.0) is Verdict.ADMITTED


def filled(counts: dict[bytes, int], limits: AdmissionLimits, active: dict[StreamKey, float]) -> Admissions:
    """Senders with so many streams each."""
    admissions = Admissions(limits, lambda key: active.get(key, 0.0))
    for sender, count in counts.items():
        for number in range(count):
            assert admissions.admit(Connect(number, "x:1"), sender, 0.0) is Verdict.ADMITTED
    return admissions


def test_four_greedy_senders_keep_no_newcomer_out() -> None:
    admissions = Admissions()
    for sender in range(4):
        for number in range(128):
            admissions.admit(Connect(number, "x:1"), bytes([sender]), 0.0)
    newcomers = [admissions.admit(Connect(1, "x:1"), b"new %d" % number, 1.0) for number in range(200)]
    assert Verdict.BUSY not in newcomers
    assert newcomers.count(Verdict.ADMITTED) == AdmissionLimits().connections_for_newcomers
    assert len(admissions) == AdmissionLimits().connections


def test_the_stream_idle_longest_of_the_sender_with_most_goes() -> None:
    active = {StreamKey(ALICE, 0): 9.0, StreamKey(ALICE, 1): 3.0, StreamKey(ALICE, 2): 5.0, StreamKey(BOB, 0): 1.0}
    limits = AdmissionLimits(connections=4, connections_for_newcomers=0)
    admissions = filled({ALICE: 3, BOB: 1}, limits, active)
    gone = StreamKey(ALICE, 1)
    assert admissions.admit(Connect(1, "x:1"), BOB, 10.0) == InPlaceOf(gone)
    assert len(admissions) == 4
    # Two and two: nobody has to go for a third, and what has gone does not come back.
    assert admissions.admit(Connect(2, "x:1"), BOB, 10.0) is Verdict.BUSY
    assert admissions.admit(Connect(3, "x:1"), ALICE, 10.0) is Verdict.BUSY
    assert not admissions.hold(gone, Send(1, 1), 10.0)
    admissions.release(gone, 11.0)  # as its service ends
    assert len(admissions) == 4


def test_nobody_loses_an_only_stream() -> None:
    limits = AdmissionLimits(connections=2, connections_for_newcomers=0)
    admissions = filled({ALICE: 1, BOB: 1}, limits, {})
    assert admissions.admit(Connect(1, "x:1"), b"c" * 16, 1.0) is Verdict.BUSY


def test_the_last_places_are_for_those_who_have_none() -> None:
    admissions = filled({ALICE: 2}, AdmissionLimits(connections=3, connections_for_newcomers=1), {})
    assert admissions.admit(Connect(2, "x:1"), ALICE, 1.0) is Verdict.BUSY
    assert admissions.admit(Connect(0, "x:1"), BOB, 1.0) is Verdict.ADMITTED


@pytest.mark.parametrize("seed", range(5))
def test_no_course_of_events_takes_from_one_with_fewer_or_exceeds_the_places(seed: int) -> None:
    rng = random.Random(seed)
    limits = AdmissionLimits(connections=40, connections_for_newcomers=5, connections_per_sender=20)
    active: dict[StreamKey, float] = {}
    admissions = Admissions(limits, lambda key: active[key])
    for number in range(3000):
        sender = bytes([min(rng.randrange(12), rng.randrange(12))])
        key = StreamKey(sender, number)
        before = Counter(each.sender_tag for each in active)
        verdict = admissions.admit(Connect(number, "x:1"), sender, number * 1.0)
        if isinstance(verdict, InPlaceOf):
            loser = verdict.displaced.sender_tag
            assert before[loser] == max(before.values()) > before[sender] + 1
            assert active[verdict.displaced] == min(
                at for each, at in active.items() if before[each.sender_tag] == before[loser]
            )
            del active[verdict.displaced]
        if verdict is not Verdict.BUSY:
            active[key] = number * 1.0
        if active and rng.random() < 0.2:
            ended = rng.choice(list(active))
            del active[ended]
            admissions.release(ended, number * 1.0)
        for each in rng.sample(list(active), len(active) // 4):
            active[each] = number + 0.5
        assert len(admissions) == len(active) <= 40


def test_identified_senders_are_counted_by_their_address() -> None:
    admissions = Admissions(AdmissionLimits(connections_per_sender=1))
    assert admissions.admit(Connect(1, "x:1", HOME), None, 0.0) is Verdict.ADMITTED
    assert admissions.admit(Connect(2, "x:1", HOME), ALICE, 0.0) is Verdict.BUSY


def test_a_send_waits_for_its_connect() -> None:
    admissions = Admissions()
    key = StreamKey(ALICE, 1)
    sends = [Send(1, 1, b"x"), Send(1, 0)]
    assert all(admissions.hold(key, send, 0.0) for send in sends)
    assert admissions.take_held(StreamKey(BOB, 1)) == []
    admissions.admit(Connect(1, "x:1"), ALICE, 1.0)
    assert admissions.take_held(key) == sends
    assert admissions.take_held(key) == []


def test_a_send_waits_a_bounded_time() -> None:
    admissions = Admissions()
    key = StreamKey(ALICE, 1)
    admissions.hold(key, Send(1, 0, b"x"), 0.0)
    admissions.hold(StreamKey(ALICE, 2), Send(2, 0), SETTLE_TIME)
    assert admissions.take_held(key) == []


@pytest.mark.parametrize(
    "limits",
    [
        AdmissionLimits(held_messages=2),
        AdmissionLimits(held_bytes=20),
    ],
)
def test_messages_that_wait_are_bounded(limits: AdmissionLimits) -> None:
    admissions = Admissions(limits)
    key = StreamKey(ALICE, 1)
    assert [admissions.hold(key, Send(1, number, bytes(10)), 0.0) for number in range(3)] == [True, True, False]
    admissions.take_held(key)
    assert admissions.hold(StreamKey(BOB, 1), Send(1, 0, bytes(10)), 0.0)


@pytest.mark.parametrize("limits", [AdmissionLimits(held_streams=2), AdmissionLimits(held_bytes_in_all=20)])
def test_of_streams_that_wait_the_longest_waiting_gives_way_and_is_named(limits: AdmissionLimits) -> None:
    admissions = Admissions(limits)
    keys = [StreamKey(ALICE, number) for number in range(3)]
    assert all(admissions.hold(key, Send(key.connection_id, 0, bytes(10)), 0.0) for key in keys)
    assert [orphan.key for orphan in admissions.take_orphans(0.0)] == keys[:1]
    assert [len(admissions.take_held(key)) for key in keys] == [0, 1, 1]
    assert not admissions.hold(keys[0], Send(0, 1), 1.0)


def test_sends_without_a_connect_keep_nobody_out_and_are_named_in_bounded_number() -> None:
    admissions = Admissions()
    for number in range(20_000):
        admissions.hold(StreamKey(b"m" * 16, number), Send(number, 0, bytes(100)), 0.0)
    key = StreamKey(ALICE, 1)
    assert admissions.hold(key, Send(1, 0, b"early"), 0.0)
    assert admissions.deadline == 0.0
    assert len(admissions.take_orphans(0.0)) == MAX_ORPHANS
    assert admissions.deadline == SETTLE_TIME
    assert admissions.admit(Connect(1, "x:1"), ALICE, 1.0) is Verdict.ADMITTED
    assert [message.data for message in admissions.take_held(key)] == [b"early"]


def test_a_flood_of_messages_without_a_connect_ends_nobody_elses_beginning() -> None:
    admissions = Admissions()
    key, early = StreamKey(ALICE, 1), Send(1, 0, bytes(1000))
    assert admissions.hold(key, early, 0.0)
    for number in range(2000):  # more streams than are held
        assert admissions.hold(StreamKey(BOB, number), Send(number, 0), 0.0)
    for number in range(2000, 2100):  # and more bytes
        assert admissions.hold(StreamKey(BOB, number), Send(number, 0, bytes(250_000)), 0.0)
    assert admissions.admit(Connect(1, "x:1"), ALICE, 1.0) is Verdict.ADMITTED
    assert admissions.take_held(key) == [early]


def test_what_comes_for_an_ended_stream_is_dropped_for_a_while() -> None:
    admissions = Admissions()
    key = StreamKey(ALICE, 1)
    admissions.admit(Connect(1, "x:1"), ALICE, 0.0)
    admissions.release(key, 1.0)
    assert not admissions.hold(key, Send(1, 5), 2.0)
    assert admissions.admit(Connect(1, "x:1"), ALICE, 2.0) is Verdict.DUPLICATE
    later = 1.0 + CLOSED_MEMORY
    assert admissions.hold(key, Send(1, 5), later)


def test_what_comes_for_a_refused_stream_is_dropped() -> None:
    admissions = Admissions(AdmissionLimits(connections=0))
    key = StreamKey(ALICE, 1)
    admissions.hold(key, Send(1, 0), 0.0)
    assert admissions.admit(Connect(1, "x:1"), ALICE, 0.0) is Verdict.BUSY
    assert admissions.take_held(key) == []
    assert not admissions.hold(key, Send(1, 1), 1.0)


def test_the_memory_of_ended_streams_is_bounded() -> None:
    admissions = Admissions()
    for number in range(MAX_CLOSED + 1):
        admissions.admit(Connect(number, "x:1"), ALICE, 0.0)
        admissions.release(StreamKey(ALICE, number), 0.0)
    assert admissions.hold(StreamKey(ALICE, 0), Send(0, 0), 0.0)
    assert not admissions.hold(StreamKey(ALICE, 1), Send(1, 0), 0.0)


def test_releasing_twice_counts_once() -> None:
    admissions = Admissions(AdmissionLimits(connections_per_sender=1))
    admissions.admit(Connect(1, "x:1"), ALICE, 0.0)
    for _ in range(2):
        admissions.release(StreamKey(ALICE, 1), 0.0)
    assert admissions.admit(Connect(2, "x:1"), ALICE, 0.0) is Verdict.ADMITTED
    assert admissions.admit(Connect(3, "x:1"), ALICE, 0.0) is Verdict.BUSY


def test_a_stream_that_is_unknown_here_is_told_once_that_it_is_over() -> None:
    admissions = Admissions()
    key = StreamKey(ALICE, 1)
    admissions.hold(key, Send(1, 7, b"x"), 0.0, LEGACY)
    assert admissions.deadline == SETTLE_TIME
    assert admissions.take_orphans(SETTLE_TIME - 0.1) == []
    assert admissions.take_orphans(SETTLE_TIME) == [Orphan(key, LEGACY)]
    assert not admissions.hold(key, Send(1, 8), SETTLE_TIME + 1)
    assert admissions.take_orphans(3 * SETTLE_TIME) == []
    assert admissions.deadline is None


def test_a_stream_whose_connect_comes_late_is_no_orphan() -> None:
    admissions = Admissions()
    admissions.hold(StreamKey(ALICE, 1), Send(1, 1), 0.0)
    assert admissions.admit(Connect(1, "x:1"), ALICE, SETTLE_TIME / 2) is Verdict.ADMITTED
    admissions.take_held(StreamKey(ALICE, 1))
    assert admissions.take_orphans(2 * SETTLE_TIME) == []


def test_nobody_is_told_of_a_stream_that_cannot_be_answered_or_has_closed() -> None:
    admissions = Admissions()
    admissions.hold(StreamKey(b"", 1), Send(1, 1), 0.0)
    admissions.hold(StreamKey(ALICE, 2), Send(2, 1, closed=True), 0.0)
    assert admissions.take_orphans(2 * SETTLE_TIME) == []


def test_a_first_message_that_is_too_long_leaves_nothing_behind() -> None:
    admissions = Admissions(AdmissionLimits(held_bytes=20))
    for number in range(600):
        tag = number.to_bytes(16, "big")
        assert not admissions.hold(StreamKey(1, tag), Send(1, 0, bytes(21)), 0.0)
        assert admissions.deadline is None
        assert admissions.admit(Connect(1, "x:1"), tag, 0.0) in (Verdict.ADMITTED, Verdict.BUSY)
        assert admissions.take_held(StreamKey(1, tag)) == []
        admissions.release(StreamKey(1, tag), 0.0)


def test_an_empty_message_that_waits_alone_can_be_forgotten() -> None:
    admissions = Admissions()
    key = StreamKey(1, bytes(16))
    assert admissions.hold(key, Send(1, 0, b""), 0.0)
    assert [message.data for message in admissions.take_held(key)] == [b""]
    assert admissions.deadline is None
