"""The pacer under a virtual clock: its rates, and that nothing shows when it has data and when it does not."""

import itertools
import math
import random
from collections.abc import Callable

import pytest

from nymconnect.client.pacer.machine import (
    CONTROL_LIMIT,
    COVER_LIMIT,
    DATA_LIMIT,
    TOLERANCE,
    Departure,
    FrameKind,
    Pacer,
    SlotGaps,
    Unused,
)
from nymconnect.errors import UsageError

NYM = SlotGaps(main=0.020, loop=0.200)
START = 1000.0


class Link:
    """A pacer that is woken at its deadlines; the producer keeps `covers` and `data` frames ready, if there is data."""

    def __init__(
        self, rates: SlotGaps = NYM, *, seed: int = 5, covers: int = 4, data: Callable[[float], int] | None = None
    ):
        self.pacer = Pacer(random.Random(seed))
        self.pacer.begin(rates, START)
        self.now = START
        self.left: list[tuple[float, Departure]] = []
        self._covers, self._data = covers, data
        self._serials = itertools.count(1)

    def fill(self) -> None:
        data, covers, _ = self.pacer.stocks
        for _ in range(covers, self._covers):
            self.pacer.offer(FrameKind.COVER, next(self._serials), b"cover")
        for _ in range(data, self._data(self.now) if self._data else 0):
            self.pacer.offer(FrameKind.DATA, next(self._serials), b"data")

    def run(self, seconds: float) -> None:
        end = self.now + seconds
        while True:
            self.fill()
            due = self.pacer.deadline
            if due is None or due > end:
                self.now = end
                return
            self.wake(max(due, self.now))

    def wake(self, now: float, *, writable: bool = True) -> list[Departure]:
        self.now = now
        leaving = self.pacer.wake(now, writable=writable)
        self.left += [(now, departure) for departure in leaving]
        return leaving

    @property
    def times(self) -> list[float]:
        return [at for at, _ in self.left]

    def count(self, kind: FrameKind) -> int:
        return sum(departure.kind is kind for _, departure in self.left)


def ks_distance(gaps: list[float], rate: float) -> float:
    """Kolmogorov and Smirnov's distance between the gaps and Exp(rate)."""
    gaps = sorted(gaps)
    fitted = [1 - math.exp(-rate * gap) for gap in gaps]
    return max(max(abs(f - n / len(gaps)), abs(f - (n + 1) / len(gaps))) for n, f in enumerate(fitted))


# --- when -----------------------------------------------------------------------------------------------------------


def test_gaps_are_exponential_at_the_sum_of_the_rates():
    link = Link()
    link.run(200.0)
    gaps = [later - earlier for earlier, later in itertools.pairwise(link.times)]
    assert len(gaps) == pytest.approx(200 * 55, rel=0.03)
    assert ks_distance(gaps, 55.0) < 1.63 / math.sqrt(len(gaps))  # 1 % level


def test_data_takes_the_place_of_cover_at_the_same_times():
    idle = Link()
    busy = Link(data=lambda _: 5)
    on_and_off = Link(data=lambda now: 5 if int(now) % 2 else 0)
    for link in (idle, busy, on_and_off):
        link.run(30.0)
    assert idle.times == busy.times == on_and_off.times
    assert idle.count(FrameKind.DATA) == 0
    assert busy.count(FrameKind.DATA) == pytest.approx(1500, rel=0.1)
    assert busy.count(FrameKind.COVER) == pytest.approx(150, rel=0.3)  # the loop stream carries no data
    assert 0 < on_and_off.count(FrameKind.DATA) < busy.count(FrameKind.DATA)


def test_a_clock_that_looks_late_changes_neither_rate_nor_schedule():
    exact, coarse = Link(covers=100), Link(covers=100)
    exact.run(20.0)
    for tick in range(1, 20 * 50 + 1):
        coarse.fill()
        coarse.wake(START + tick / 50)
    assert len(coarse.left) == len(exact.left)
    assert all(0 <= late - due <= 0.02 + 1e-9 for due, late in zip(exact.times, coarse.times, strict=True))


def test_nothing_but_control_leaves_before_the_start():
    pacer = Pacer(random.Random(1))
    pacer.offer(FrameKind.DATA, 1, b"data")
    pacer.offer(FrameKind.COVER, 2, b"cover")
    assert pacer.deadline is None
    pacer.control(b"hello")
    assert pacer.deadline == -math.inf
    assert pacer.wake(START) == [Departure(FrameKind.CONTROL, 0, b"hello")]
    assert pacer.wake(START + 10.0) == []
    assert pacer.unused == Unused()


# --- what the pacer does not wait for -------------------------------------------------------------------------------


def test_slots_without_a_frame_pass_and_are_counted():
    full, empty = Link(), Link(covers=0)
    full.run(10.0)
    empty.run(10.0)
    assert empty.left == []
    assert empty.pacer.unused == Unused(empty=len(full.left))


def test_data_does_not_take_the_slots_of_the_loop_stream():
    link = Link(covers=0, data=lambda _: 5)
    link.run(20.0)
    assert link.count(FrameKind.DATA) == pytest.approx(1000, rel=0.1)
    assert link.pacer.unused.empty == pytest.approx(100, rel=0.3)


def test_a_stalled_link_loses_its_slots_and_gets_no_burst_afterwards():
    link, free = Link(data=lambda _: 5), Link(data=lambda _: 5)
    free.run(20.0)
    link.run(5.0)
    end = link.now + 5.0
    while (due := link.pacer.next_slot) is not None and due <= end:
        assert link.wake(due, writable=False) == []
    link.now = end
    assert link.wake(end) == []
    link.run(10.0)
    assert link.times == [at for at in free.times if not START + 5.0 < at <= START + 10.0]
    assert link.pacer.unused == Unused(stalled=len(free.left) - len(link.left))


@pytest.mark.parametrize("pause", [TOLERANCE * 3, 0.9, 5.0, 3600.0])
def test_a_pacer_that_was_held_up_does_not_catch_up(pause):
    link = Link(covers=200, data=lambda _: DATA_LIMIT)
    link.fill()
    leaving = link.wake(START + pause)
    assert len(leaving) <= 15  # the slots of the last tenth of a second
    assert link.pacer.unused.late > 0
    assert link.pacer.deadline is not None
    assert link.pacer.deadline > START + pause


def test_control_frames_leave_first_and_wait_for_a_stalled_link():
    link = Link()
    link.fill()
    link.pacer.control(b"one")
    link.pacer.control(b"two")
    due = link.pacer.next_slot
    assert due is not None
    assert link.wake(due, writable=False) == []
    assert [departure.frame for departure in link.wake(due)] == [b"one", b"two"]


# --- stocks ---------------------------------------------------------------------------------------------------------


def test_frames_of_a_kind_leave_in_their_order():
    link = Link(covers=50, data=lambda _: 5)
    link.run(5.0)
    for kind in (FrameKind.DATA, FrameKind.COVER):
        serials = [departure.serial for _, departure in link.left if departure.kind is kind]
        assert serials == sorted(serials)


def test_stocks_are_bounded():
    pacer = Pacer(random.Random(1))
    for kind, limit in ((FrameKind.DATA, DATA_LIMIT), (FrameKind.COVER, COVER_LIMIT), (FrameKind.LOOP, COVER_LIMIT)):
        for serial in range(limit):
            pacer.offer(kind, serial, b"x")
        with pytest.raises(UsageError):
            pacer.offer(kind, limit, b"x")
    assert pacer.stocks == (DATA_LIMIT, COVER_LIMIT, COVER_LIMIT)
    for _ in range(CONTROL_LIMIT):
        pacer.control(b"x")
    with pytest.raises(UsageError):
        pacer.control(b"x")


def test_stale_covers_leave_until_newer_ones_have_taken_their_place():
    pacer = Pacer(random.Random(1))
    pacer.begin(NYM, START)
    for serial in range(4):
        pacer.offer(FrameKind.COVER, serial, b"old")
    pacer.expire_covers()
    leaving: list[Departure] = []
    while not leaving:
        leaving = pacer.wake(pacer.deadline or 0.0)
    assert leaving[0].serial == 0  # better than an empty slot
    for serial in range(10, 16):
        pacer.offer(FrameKind.COVER, serial, b"new")
    assert pacer.stocks == (0, 6, 0)
    now = pacer.deadline or 0.0
    left = []
    while len(left) < 6:
        left += pacer.wake(now)
        now = pacer.deadline or 0.0
    assert [departure.serial for departure in left] == [10, 11, 12, 13, 14, 15]


@pytest.mark.parametrize(
    ("rates", "data", "cover", "loops"),
    [
        (NYM, 5, 126, 14),
        (SlotGaps(0.25, 2.5), 1, 11, 2),
        (SlotGaps(0.004, 0.2), DATA_LIMIT, 626, 14),
        (SlotGaps(0.0001, None), DATA_LIMIT, COVER_LIMIT, 0),
        (SlotGaps(60.0, None), 1, 2, 0),
        (SlotGaps(None, 0.2), DATA_LIMIT, 0, 14),
        (SlotGaps(None, None), DATA_LIMIT, 0, 0),
    ],
)
def test_stocks_last_for_two_seconds_of_cover_and_a_moment_of_data(rates, data, cover, loops):
    assert (rates.data_stock, rates.cover_stock, rates.loop_stock) == (data, cover, loops)
    for gap, stock in ((rates.main, cover), (rates.loop, loops)):
        assert stock == COVER_LIMIT or stock >= (2 / gap if gap else 0)
    for gap, stock, spare in ((rates.main, cover, rates.cover_spare), (rates.loop, loops, rates.loop_spare)):
        assert stock == COVER_LIMIT or stock - spare >= (2 / gap if gap else 0), "even before it is filled up"
        assert spare < max(stock, 1)


def test_each_stream_takes_its_own_kind_of_cover_whatever_data_there_is():
    for data in (0, 5):
        pacer = Pacer(random.Random(4))
        pacer.begin(NYM, START)
        loops, serials = [], itertools.count()
        while (now := pacer.deadline or 0.0) < START + 60.0:
            ready = pacer.stocks
            for kind, wanted in ((FrameKind.DATA, data), (FrameKind.COVER, 4), (FrameKind.LOOP, 4)):
                for _ in range(ready[kind - 1], wanted):
                    pacer.offer(kind, next(serials), b"x")
            loops += [now for departure in pacer.wake(now) if departure.kind is FrameKind.LOOP]
        assert len(loops) == pytest.approx(300, rel=0.2)


def test_cover_and_loops_stand_in_for_each_other():
    for kind in (FrameKind.COVER, FrameKind.LOOP):
        pacer = Pacer(random.Random(4))
        pacer.begin(NYM, START)
        for serial in range(40):
            pacer.offer(kind, serial, b"x")
        left = 0
        while left < 40:
            left += len(pacer.wake(pacer.deadline or 0.0))
        assert pacer.unused.empty == 0


# --- without a main stream ------------------------------------------------------------------------------------------


def test_without_a_main_stream_data_leaves_at_once_and_cover_in_its_slots():
    link = Link(SlotGaps(None, 0.2))
    for serial in range(3):
        link.pacer.offer(FrameKind.DATA, serial, b"data")
    assert link.pacer.deadline == -math.inf
    assert link.wake(START, writable=False) == []
    assert [departure.kind for departure in link.wake(START)] == [FrameKind.DATA] * 3
    link.run(20.0)
    assert link.count(FrameKind.DATA) == 3
    assert link.count(FrameKind.COVER) == pytest.approx(100, rel=0.3)


def test_without_any_stream_there_is_no_deadline():
    link = Link(SlotGaps(None, None))
    assert link.pacer.deadline is None
    assert link.wake(START + 1.0) == []


# --- a main stream that adapts --------------------------------------------------------------------------------------

ADAPTIVE = SlotGaps(main=0.020, loop=0.200, adaptive=True)


def drive(link: Link, seconds: float, packets_per_second: float) -> None:
    """The link takes so many packets a second and no more; the pacer is woken for each, and for each slot."""
    end, room_at = link.now + seconds, link.now
    while link.now < end:
        link.fill()
        slot = link.pacer.next_slot
        assert slot is not None
        waits = link.pacer.deadline == -math.inf
        now = max(link.now, min(slot, room_at) if waits else slot)
        if link.wake(now, writable=now >= room_at):
            room_at = now + 1 / packets_per_second


def test_on_a_free_link_an_adaptive_pacer_sends_what_any_other_does():
    plain, adaptive = Link(covers=20), Link(ADAPTIVE, covers=20)
    plain.run(60.0)
    adaptive.run(60.0)
    assert plain.times == adaptive.times


def test_an_adaptive_stream_slows_down_to_what_the_link_takes_and_recovers():
    link = Link(ADAPTIVE, covers=50)
    drive(link, 30.0, packets_per_second=20)
    assert len(link.left) == pytest.approx(30 * 20, rel=0.1)
    before, stalled = len(link.left), link.pacer.unused.stalled
    drive(link, 30.0, packets_per_second=20)
    # 50/3 + 5 slots a second nearly fit the link; 55 would lose 35 of them each second
    assert link.pacer.unused.stalled - stalled < 30 * 10
    assert len(link.left) - before == pytest.approx(30 * 20, rel=0.1)
    drive(link, 30.0, packets_per_second=1000)
    before = len(link.left)
    drive(link, 30.0, packets_per_second=1000)
    assert len(link.left) - before == pytest.approx(30 * 55, rel=0.1)


def test_no_more_than_nyms_queue_leaves_at_once_after_a_stall_and_one_by_one():
    link = Link(ADAPTIVE, covers=200)
    link.fill()
    while link.now < START + 10.0:
        link.fill()
        assert link.wake(link.pacer.next_slot or 0.0, writable=False) == []
    after: list[Departure] = []
    while link.pacer.deadline == -math.inf:
        leaving = link.wake(link.now)
        assert len(leaving) == 1
        after += leaving
    assert len(after) == 32
    assert link.pacer.unused.stalled > 400
    assert [departure.serial for departure in after] == sorted(departure.serial for departure in after)


def test_a_total_stall_changes_nothing_that_an_adaptive_stream_does_afterwards_for_long():
    """Nothing is looked at while the main stream waits, so a stall of a minute counts as one look."""
    link = Link(ADAPTIVE, covers=50)
    while link.now < START + 60.0:
        link.fill()
        link.wake(link.pacer.next_slot or 0.0, writable=False)
    link.run(10.0)
    before = len(link.left)
    link.run(20.0)
    assert len(link.left) - before == pytest.approx(20 * 55, rel=0.15)


def test_other_presets_keep_their_rate_on_a_slow_link():
    link = Link(covers=50)
    drive(link, 30.0, packets_per_second=20)
    slots = len(link.left) + link.pacer.unused.stalled + link.pacer.unused.empty
    assert slots == pytest.approx(30 * 55, rel=0.1)
