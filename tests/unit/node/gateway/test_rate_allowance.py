"""Which clients of a gateway are delivered to at constant rates, in virtual time."""

import random

import pytest

from nymconnect.client.presets import PRESETS
from nymconnect.link.gateway.events import DeliveryRates
from nymconnect.node.gateway.rate_allowance import NOTHING, REVIEW, SHOWN_AFTER, TOTAL_RATE, DeliveryAllowance, Granted
from nymconnect.packet.params import ACK_CONTENT_LENGTH, PacketSize

RATES = DeliveryRates(55.0, 61.1)
REGULAR = PacketSize.REGULAR.packet
A, B = b"a" * 32, b"b" * 32


class Gateway:
    """An allowance, and clients that send steadily."""

    def __init__(self) -> None:
        self.allowance = DeliveryAllowance()
        self.sending: dict[bytes, float] = {}
        self.paced: set[bytes] = set()
        self.changes = 0
        self.now = 0.0

    def ask(self, client: bytes, rates: DeliveryRates = RATES, sending: float = 0.0) -> None:
        self.allowance.ask(client, rates, self.now)
        self.sending[client] = sending

    def run(self, seconds: float, size: int = REGULAR) -> None:
        """Each client sends at even gaps; a review a second."""
        for _ in range(int(seconds / REVIEW)):
            for client, rate in self.sending.items():
                for number in range(int(rate)):
                    self.allowance.sent(client, size, self.now + number / rate)
            self.now += REVIEW
            for change in self.allowance.review(self.now):
                self.changes += 1
                (self.paced.discard if change.rates == NOTHING else self.paced.add)(change.client)


@pytest.mark.parametrize("name", [name for name, each in PRESETS.items() if each.traffic.needs_paced_delivery])
def test_a_client_of_each_preset_is_granted_its_wish_soon_and_keeps_it(name: str) -> None:
    traffic = PRESETS[name].traffic
    gateway = Gateway()
    gateway.ask(A, DeliveryRates(traffic.downlink_rate, traffic.ack_rate), traffic.packet_rate)
    gateway.run(2 * SHOWN_AFTER)
    assert gateway.paced == {A}
    gateway.run(600.0)
    assert (gateway.paced, gateway.changes) == ({A}, 1)


def test_nothing_is_granted_before_it_is_shown() -> None:
    gateway = Gateway()
    gateway.ask(A, sending=55.0)
    gateway.run(SHOWN_AFTER - 1)
    assert gateway.paced == set()


@pytest.mark.parametrize("sending", [0.0, 10.0, 35.0])
def test_a_client_that_sends_less_than_it_wants_gets_nothing(sending: float) -> None:
    gateway = Gateway()
    gateway.ask(A, sending=sending)
    gateway.run(120.0)
    assert gateway.paced == set()


def test_short_packets_count_for_their_part() -> None:
    gateway = Gateway()
    gateway.ask(A, sending=55.0)
    gateway.run(60.0, size=REGULAR // 5)
    assert gateway.paced == set()


def test_who_stops_sending_loses_it_and_a_pause_of_some_seconds_does_not_matter() -> None:
    gateway = Gateway()
    gateway.ask(A, sending=55.0)
    gateway.run(60.0)
    gateway.sending[A] = 0.0
    gateway.run(5.0)
    gateway.sending[A] = 55.0
    gateway.run(60.0)
    assert (gateway.paced, gateway.changes) == ({A}, 1)
    gateway.sending[A] = 0.0
    gateway.run(15.0)
    assert gateway.paced == set()


@pytest.mark.parametrize("rates", [RATES, DeliveryRates(30.0, 1000.0), DeliveryRates(200.0, 1.0)])
@pytest.mark.parametrize("share", [0.4, 0.7, 0.9, 1.1])
def test_nobody_is_delivered_more_bytes_than_he_sends_however_he_goes_about_it(
    rates: DeliveryRates, share: float
) -> None:
    """Bursts and pauses, and wishes made anew."""
    rng = random.Random(11)
    allowance = DeliveryAllowance()
    line = rates.messages * PacketSize.REGULAR.message + rates.acks * ACK_CONTENT_LENGTH
    sent = delivered = 0.0
    acks = packets = 0.0
    paced = False
    allowance.ask(A, rates, 0.0)
    for second in range(500):
        if rng.random() < 0.01:
            allowance.ask(A, rates, float(second))
            paced = False
        if paced:
            delivered += line
            acks += rates.acks
        rate = 1.6 if second % 60 < 10 else share  # he shows it, and then he saves
        burst = int(rate * line / REGULAR / 0.5) if rng.random() < 0.5 else 0
        for number in range(burst):
            allowance.sent(A, REGULAR, second + number / burst)
        sent += burst * REGULAR
        packets += burst
        for change in allowance.review(second + 1.0):
            paced = change.rates != NOTHING
        assert delivered <= sent + 2 * line
        assert acks <= 2 * packets + 2 * rates.acks


def test_a_busy_computer_that_sends_four_fifths_keeps_what_it_was_granted() -> None:
    gateway = Gateway()
    gateway.ask(A, sending=55.0)
    gateway.run(10.0)
    gateway.sending[A] = 44.0
    gateway.run(600.0)
    assert (gateway.paced, gateway.changes) == ({A}, 1)


def test_who_has_shown_it_and_then_sends_half_loses_it() -> None:
    gateway = Gateway()
    gateway.ask(A, sending=55.0)
    gateway.run(20.0)
    gateway.sending[A] = 27.0
    gateway.run(60.0)
    assert gateway.paced == set()


@pytest.mark.parametrize("name", ["high", "wallet"])
def test_the_chance_in_a_poisson_stream_does_not_take_a_wish_away(name: str) -> None:
    traffic = PRESETS[name].traffic
    rng = random.Random(12)
    allowance = DeliveryAllowance()
    allowance.ask(A, DeliveryRates(traffic.downlink_rate, traffic.ack_rate), 0.0)
    changes = 0
    due = 0.0
    for second in range(1, 1200):
        while due < second:
            allowance.sent(A, REGULAR, due)
            due += rng.expovariate(traffic.packet_rate)
        changes += len(allowance.review(float(second)))
    assert changes == 1


def test_all_together_stay_within_a_total() -> None:
    gateway = Gateway()
    for number in range(100):
        gateway.ask(bytes([number]) * 32, sending=60.0)
    gateway.run(20.0)
    granted = len(gateway.paced) * (RATES.messages + RATES.acks)
    assert TOTAL_RATE - 120 < granted <= TOTAL_RATE


def test_who_wants_no_more_than_a_fair_share_is_granted_it_beside_the_greedy() -> None:
    gateway = Gateway()
    for number in range(5):
        gateway.ask(bytes([number]) * 32, DeliveryRates(900.0, 900.0), sending=900.0)
    gateway.run(20.0)
    assert len(gateway.paced) == 1
    modest = [bytes([100 + number]) * 32 for number in range(10)]
    for client in modest:
        gateway.ask(client, sending=55.0)
    gateway.run(20.0)
    assert gateway.paced == set(modest)


def test_among_equals_who_has_it_keeps_it() -> None:
    gateway = Gateway()
    first = {bytes([number]) * 32 for number in range(17)}
    for client in first:
        gateway.ask(client, sending=55.0)
    gateway.run(20.0)
    assert gateway.paced == first
    for number in range(100, 117):
        gateway.ask(bytes([number]) * 32, sending=55.0)
    gateway.run(20.0)
    assert gateway.paced == first


def test_what_one_leaves_is_for_others() -> None:
    gateway = Gateway()
    wish = DeliveryRates(TOTAL_RATE / 2, TOTAL_RATE / 2)
    gateway.ask(A, wish, TOTAL_RATE)
    gateway.run(10.0)
    gateway.ask(B, wish, TOTAL_RATE)
    gateway.run(10.0)
    assert gateway.paced == {A}
    gateway.allowance.leave(A)
    del gateway.sending[A]
    assert gateway.allowance.review(gateway.now) == [Granted(B, wish)]
