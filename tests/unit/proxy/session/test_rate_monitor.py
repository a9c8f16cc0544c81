"""Whether the promised rate is kept."""

import pytest

from nymconnect_proxy.session.alarms import MissedBecause, RateMissed
from nymconnect_proxy.session.rate_monitor import LEAST_SLOTS, SPAN, PaceWatch


def counters(used: int, **unused: int) -> dict[str, int]:
    return {"data_sent": used // 4, "cover_sent": used - used // 4, **unused}


def test_nothing_is_said_before_two_looks_and_enough_slots() -> None:
    watch = PaceWatch()
    assert watch.alarm is None
    watch.look(counters(0), 0.0)
    assert watch.alarm is None
    watch.look(counters(0, slots_empty=LEAST_SLOTS - 1), 1.0)
    assert watch.alarm is None
    watch.look(counters(0, slots_empty=LEAST_SLOTS), 2.0)
    assert watch.alarm


def test_a_few_unused_slots_are_nothing() -> None:
    watch = PaceWatch()
    watch.look(counters(0), 0.0)
    watch.look(counters(950, slots_late=50), 10.0)
    assert watch.alarm is None
    watch.look(counters(950, slots_late=51), 11.0)
    assert watch.alarm


@pytest.mark.parametrize(
    ("name", "because"),
    [
        ("slots_empty", MissedBecause.TOO_FEW_MADE),
        ("slots_stalled", MissedBecause.LINE_STALLED),
        ("slots_late", MissedBecause.SENDER_LATE),
    ],
)
def test_the_commonest_reason_is_named_with_the_share(name: str, because: MissedBecause) -> None:
    watch = PaceWatch()
    watch.look(counters(100), 0.0)
    watch.look(counters(170, **{"slots_empty": 1, "slots_stalled": 1, "slots_late": 1, name: 28}), 10.0)
    assert watch.alarm == RateMissed(pytest.approx(0.3), because)


def test_it_is_over_when_the_rate_has_been_kept_for_a_while() -> None:
    watch = PaceWatch()
    watch.look(counters(0), 0.0)
    watch.look(counters(50, slots_empty=50), 2.0)
    assert watch.alarm
    for second in range(4, int(SPAN) + 4, 2):
        watch.look(counters(50 + 50 * second, slots_empty=50), float(second))
    assert watch.alarm is None


def test_a_new_connection_starts_its_counters_again() -> None:
    watch = PaceWatch()
    watch.look(counters(5000, slots_late=400), 0.0)
    watch.look(counters(5100), 2.0)
    assert watch.alarm is None
    watch.look(counters(5200, slots_late=1), 4.0)
    assert watch.alarm is None


def test_a_sender_that_stands_still_is_found_by_the_clock() -> None:
    watch = PaceWatch()
    for second in range(0, 40, 2):
        watch.look(counters(50 * second), float(second), 50.0)
    assert watch.alarm is None
    for second in range(40, 60, 2):
        watch.look(counters(50 * 38), float(second), 50.0)
    assert watch.alarm is not None
    assert watch.alarm.because is MissedBecause.SENDER_LATE
    assert watch.alarm.share > 0.4


def test_chance_is_no_miss_and_where_nothing_is_promised_nothing_is_missed() -> None:
    watch = PaceWatch()
    for second in range(0, 40, 2):
        watch.look(counters(47 * second), float(second), 50.0)
    assert watch.alarm is None
    still = PaceWatch()
    for second in range(0, 40, 2):
        still.look(counters(50), float(second))
    assert still.alarm is None
