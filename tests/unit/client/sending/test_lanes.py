"""Lanes, and whose turn a data slot is, with real SURBs and promises."""

import random
from collections import Counter

import pytest

from nymconnect.client.parameters import SurbParameters
from nymconnect.client.sending.lanes import (
    MAXIMUM_PACED_RUN,
    MAXIMUM_SUPPLY_RUN,
    RETRANSMISSION,
    SURB_REQUEST,
    SURB_SUPPLY,
    Answering,
    Destination,
    Lanes,
    Outgoing,
    Scheduler,
)
from nymconnect.client.sending.paced_replies import PacedReplies
from nymconnect.client.surbs.issued import IssuedSurbs
from nymconnect.client.surbs.received import ReceivedSurbs
from nymconnect.crypto import X25519Secret
from nymconnect.packet.addressing import NodeAddress, Recipient
from nymconnect.packet.chunking import Fragment, FragmentHeader
from nymconnect.packet.replies import ReplySurb
from tests.helpers.networks import known_network

TAG, OTHER = b"t" * 16, b"o" * 16
RNG = random.Random(1)


def outgoing(lane: int, number: int = 1, destination: bytes = b"t" * 16) -> Outgoing:
    return Outgoing(Fragment(FragmentHeader(lane + 1, 255, number), b"x"), destination, lane)


def always(_: Outgoing) -> bool:
    return True


def test_a_lane_is_first_in_first_out():
    lanes = Lanes()
    for number in (1, 2, 3):
        lanes.push(outgoing(0, number))
    taken = [lanes.pop(RNG, always) for _ in range(3)]
    assert [item.fragment.header.number for item in taken if item] == [1, 2, 3]
    assert lanes.pop(RNG, always) is None
    assert len(lanes) == 0


def test_a_short_lane_gets_its_share_beside_a_long_one():
    lanes = Lanes()
    for number in range(1, 201):
        lanes.push(outgoing(0, number))
    for number in range(1, 21):
        lanes.push(outgoing(1, number))
    first_forty = Counter(item.lane for item in (lanes.pop(RNG, always) for _ in range(40)) if item)
    assert first_forty[1] > 10


def test_a_lane_that_may_not_go_holds_up_nobody_else():
    lanes = Lanes()
    lanes.push(outgoing(0))
    lanes.push(outgoing(1))
    taken = lanes.pop(RNG, lambda item: item.lane == 1)
    assert taken is not None
    assert taken.lane == 1
    assert lanes.pop(RNG, lambda item: item.lane == 1) is None


def test_dropping_counts_what_is_forgotten():
    lanes = Lanes()
    lanes.push(outgoing(0, destination=b"a" * 16))
    lanes.push(outgoing(0, destination=b"b" * 16))
    lanes.push(outgoing(1, destination=b"b" * 16))
    assert lanes.queued_for(b"b" * 16) == 2
    assert lanes.drop_lane(0) == 2
    assert lanes.drop_destination(b"b" * 16) == 1
    assert lanes.drop_destination(b"b" * 16) == 0
    assert len(lanes) == lanes.queued_for(b"b" * 16) == 0
    assert lanes.tags() == []


def test_a_fragment_that_waits_to_be_sent_again_can_be_taken_back():
    lanes = Lanes()
    header = FragmentHeader(9, 255, 7)
    repeat = Outgoing(Fragment(header, b"x"), b"a" * 16, RETRANSMISSION, attempt=1)
    first = outgoing(0)
    lanes.push(first)
    lanes.push(repeat)
    assert lanes.take_repeat(first.fragment.fid) is None
    assert lanes.take_repeat(repeat.fragment.fid) == repeat
    assert lanes.take_repeat(repeat.fragment.fid) is None
    assert len(lanes) == 1
    assert lanes.queued_for(b"a" * 16) == 0


# --- whose turn it is ------------------------------------------------------------------------------------------------


class Table:
    """All that `Scheduler` draws from; `window` is the answer to whether there is room for more fragments."""

    def __init__(self) -> None:
        self.rng = random.Random(3)
        self.network = known_network(2, 2)
        self.to = self.recipient(1)
        self.window = True
        self.lanes, self.stock = Lanes(), ReceivedSurbs(SurbParameters())
        self.replying = PacedReplies(self.rng, self.stock.arrival_rate)
        self.supply = IssuedSurbs(SurbParameters(), self.surb, self.rng)
        self.counters: Counter[str] = Counter()
        self.turns = Scheduler(
            self.lanes,
            Answering(self.supply, self.stock, self.replying),
            self.rng,
            lambda: self.window,
            self.counters,
        )

    def recipient(self, gateway: int) -> Recipient:
        key = X25519Secret.generate(self.rng).public
        return Recipient(self.rng.randbytes(32), key, self.network.gateways[gateway].identity)

    def surb(self, _suspects: frozenset[NodeAddress] = frozenset()) -> ReplySurb:
        route = self.network.topology.route_to(self.to.gateway, 0.0, self.rng)
        return ReplySurb.create(self.to, route, self.rng)

    def stock_up(self, tag: bytes, amount: int) -> None:
        self.stock.add(tag, [self.surb() for _ in range(amount)], 0.0)

    def push(self, destination: Destination, lane: int = 0, amount: int = 1) -> None:
        for number in range(1, amount + 1):
            fragment = Fragment(FragmentHeader(self.rng.randrange(1, 2**31), 255, number), b"x")
            self.lanes.push(Outgoing(fragment, destination, lane))

    def drawn(self, amount: int, now: float = 0.0) -> list[tuple[Destination, int] | bytes | None]:
        """Destination and lane of each fragment drawn; a bare tag for cover."""
        turns = [self.turns.next(now) for _ in range(amount)]
        return [(turn.destination, turn.lane) if isinstance(turn, Outgoing) else turn for turn in turns]


@pytest.fixture(name="table")
def _table() -> Table:
    return Table()


def test_nobody_has_a_turn_where_nothing_waits(table: Table) -> None:
    assert table.drawn(2) == [None, None]


def test_nothing_goes_while_the_window_is_full(table: Table) -> None:
    table.push(table.to)
    table.window = False
    assert table.drawn(1) == [None]
    table.window = True
    assert table.drawn(1) == [(table.to, 0)]


def test_an_answer_waits_for_surbs_above_the_reserve_and_a_request_does_not(table: Table) -> None:
    reserve = SurbParameters().reserve
    table.stock_up(TAG, reserve)
    table.push(TAG)
    assert table.drawn(1) == [None]
    table.push(TAG, SURB_REQUEST)
    assert table.drawn(2) == [(TAG, SURB_REQUEST), None]
    table.stock_up(TAG, 1)
    assert table.drawn(1) == [(TAG, 0)]


def test_a_steady_supply_goes_first_and_leaves_each_third_turn_to_others(table: Table) -> None:
    table.supply.supply_steadily(table.to, 50.0, 0.0)
    table.push(table.to, SURB_SUPPLY, 10)
    table.push(table.recipient(0), 5, 3)
    lanes = [turn[1] for turn in table.drawn(9) if isinstance(turn, tuple)]
    assert lanes == ([SURB_SUPPLY] * MAXIMUM_SUPPLY_RUN + [5]) * 3
    assert table.drawn(5) == [(table.to, SURB_SUPPLY)] * 4 + [None]


def test_surbs_that_were_asked_for_have_no_precedence(table: Table) -> None:
    table.push(table.to, SURB_SUPPLY, 40)
    table.push(table.to, 5, 40)
    lanes = Counter(turn[1] for turn in table.drawn(30) if isinstance(turn, tuple))
    assert lanes[5] > 5


def test_a_slot_of_a_promise_takes_an_answer_and_cover_where_there_is_none(table: Table) -> None:
    table.stock_up(TAG, 40)
    table.replying.pace(TAG, 100.0, 60.0, 0.0)
    table.replying.wake(0.05)
    table.push(TAG)
    turns = [turn for turn in table.drawn(20, 0.05) if turn is not None]
    assert turns[0] == (TAG, 0)
    assert turns[1:]
    assert set(turns[1:]) == {TAG}


def test_what_waits_for_a_promised_tag_waits_for_its_slots(table: Table) -> None:
    table.stock_up(TAG, 40)
    table.replying.pace(TAG, 1.0, 60.0, 0.0)
    table.push(TAG)
    assert table.drawn(1) == [None]


def test_slots_leave_a_turn_to_others_after_so_many(table: Table) -> None:
    table.stock_up(TAG, 60)
    table.stock_up(OTHER, 60)
    table.replying.pace(TAG, 100.0, 60.0, 0.0)
    table.replying.wake(0.4)
    table.push(OTHER, amount=3)
    turns = table.drawn(2 * (MAXIMUM_PACED_RUN + 1), 0.4)
    assert turns == ([TAG] * MAXIMUM_PACED_RUN + [(OTHER, 0)]) * 2


def test_slots_go_on_where_nobody_else_has_anything(table: Table) -> None:
    table.stock_up(TAG, 60)
    table.replying.pace(TAG, 100.0, 60.0, 0.0)
    table.replying.wake(0.4)
    assert table.drawn(MAXIMUM_PACED_RUN + 3, 0.4) == [TAG] * (MAXIMUM_PACED_RUN + 3)


def test_slots_without_a_surb_are_counted_and_hold_up_nobody(table: Table) -> None:
    table.replying.pace(TAG, 100.0, 60.0, 0.0)
    table.replying.wake(0.4)
    table.push(table.to)
    assert table.drawn(2, 0.4) == [(table.to, 0), None]
    assert table.counters["reply_slots_starved"] > 20
