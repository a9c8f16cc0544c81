"""Traffic over the last two minutes."""

from hypothesis import given, settings
from hypothesis import strategies as st

from nymconnect_gui.model.history import MOST_SAMPLES, SPAN, History, PacketRates
from tests.helpers.fake_session import counters


def test_rates_are_packets_a_second() -> None:
    history = History()
    history.add(counters(0), 10.0)
    history.add(counters(2), 12.0)
    (sample,) = history.samples
    assert (sample.up, sample.down) == (PacketRates(5, 50), PacketRates(5, 50))
    assert sample.up.total == 55


def test_retransmissions_are_data() -> None:
    history = History()
    history.add(counters(0), 0.0)
    history.add(counters(0) | {"retransmitted": 7}, 1.0)
    assert history.samples[0].up.data == 7


def test_what_goes_and_comes_whether_one_does_anything_or_not_is_cover() -> None:
    history = History()
    history.add(counters(0), 0.0)
    more = {"data_sent": 20, "steady_supply_sent": 18, "reply_cover_received": 9, "padding_received": 4}
    history.add(counters(0) | more, 1.0)
    assert (history.samples[0].up, history.samples[0].down) == (PacketRates(2, 18), PacketRates(0, 13))


def test_a_new_client_starts_its_counters_again_without_a_dip() -> None:
    history = History()
    history.add(counters(100), 0.0)
    history.add(counters(0), 1.0)
    history.add(counters(1), 2.0)
    assert [sample.up.total for sample in history.samples] == [0, 55]


def test_without_a_client_there_is_a_gap() -> None:
    history = History()
    history.add(counters(1), 0.0)
    history.add({"streams": 0}, 1.0)
    history.add(counters(1), 2.0)
    assert history.samples == ()


@settings(max_examples=40)
@given(st.lists(st.floats(0.01, 5.0), max_size=400))
def test_it_is_bounded_in_time_and_number(steps: list[float]) -> None:
    history, now = History(), 0.0
    for number, step in enumerate(steps):
        now += step
        history.add(counters(number), now)
    assert len(history.samples) <= MOST_SAMPLES
    assert all(now - sample.end <= SPAN for sample in history.samples)


def test_clear_forgets() -> None:
    history = History()
    history.add(counters(0), 0.0)
    history.add(counters(1), 1.0)
    history.clear()
    history.add(counters(2), 2.0)
    assert history.samples == ()
