import random
from collections import Counter

from nymconnect.client.sending.lanes import RETRANSMISSION, Lanes, Outgoing
from nymconnect.packet.chunking import Fragment, FragmentHeader

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
