import random
from dataclasses import replace

import pytest

from nymconnect.client.parameters import SurbParameters
from nymconnect.client.surbs.issued import IssuedKey, ReplyKeys
from nymconnect.client.surbs.received import RATE_MEMORY, ReceivedSurbs, Standing
from nymconnect.packet.addressing import Recipient
from nymconnect.packet.params import KeyRotation
from nymconnect.packet.replies import ReplySurb
from tests.helpers.networks import known_network

TAG = b"t" * 16
LIMITS = SurbParameters()
NETWORK = known_network()
RNG = random.Random(3)
OWNER = Recipient(NETWORK.gateways[0].identity, b"e" * 32, NETWORK.gateways[0].identity)


def surbs(amount: int) -> list[ReplySurb]:
    route = NETWORK.topology.route_to(OWNER.gateway, 0.0, RNG)
    return [ReplySurb.create(OWNER, route, RNG) for _ in range(amount)]


def stock_of(amount: int) -> ReceivedSurbs:
    stock = ReceivedSurbs(LIMITS)
    stock.add(TAG, surbs(amount), 0.0)
    return stock


def test_the_reserve_is_kept_for_requests():
    stock = stock_of(LIMITS.reserve + 1)
    assert stock.take(TAG) is not None
    assert stock.take(TAG) is None
    assert stock.take(TAG, reserve=True) is not None
    assert stock.available(TAG) == LIMITS.reserve - 1


@pytest.mark.parametrize(
    ("held", "queued", "asked"),
    [(20, 0, 0), (20, 5, 0), (20, 11, 10), (20, 40, 30), (20, 500, 50), (200, 500, 0), (9, 0, 10)],
)
def test_the_amount_asked_for_follows_queue_and_stock(held, queued, asked):
    assert stock_of(held).amount_to_request(TAG, queued, 1.0) == asked


def test_what_is_on_the_way_is_not_asked_for_again_until_it_counts_as_lost():
    stock = stock_of(20)
    assert stock.amount_to_request(TAG, 50, 1.0) == 40
    assert stock.amount_to_request(TAG, 50, 2.0) == 0
    assert stock.amount_to_request(TAG, 50, 1.5 + LIMITS.rerequest_after) == 40


def test_an_empty_stock_cannot_ask():
    assert stock_of(0).amount_to_request(TAG, 50, 1.0) == 0


def test_the_stock_is_bounded():
    stock = stock_of(0)
    for _ in range(5):
        stock.add(TAG, surbs(1) * LIMITS.maximum_stock, 0.0)
    assert stock.available(TAG) == 2 * LIMITS.maximum_stock


def test_a_silent_sender_is_named_and_dropped():
    stock = stock_of(1)
    assert stock.silent(LIMITS.drop_after) == []
    assert stock.silent(LIMITS.drop_after + 1) == [TAG]
    stock.drop(TAG)
    assert not stock.knows(TAG)


def test_a_reply_key_opens_one_reply():
    keys = ReplyKeys(60.0)
    (surb,) = surbs(1)
    keys.add(surb, OWNER, 0.0)
    assert keys.take(surb.digest) == (surb.key, OWNER)
    assert keys.take(surb.digest) is None


def test_old_reply_keys_are_purged():
    keys = ReplyKeys(60.0)
    old, young = surbs(2)
    keys.add(old, OWNER, 0.0)
    keys.add(young, OWNER, 50.0)
    keys.purge(100.0)
    assert len(keys) == 1
    assert keys.take(young.digest) is not None


# --- strangers ------------------------------------------------------------------------------------------------------


def flood(stock: ReceivedSurbs, tags: int, each: int, now: float) -> None:
    """So many new tags, each with as many SURBs."""
    batch = surbs(1) * each
    for number in range(tags):
        stock.add(b"flood" + number.to_bytes(11, "big"), batch, now)


def test_a_held_tag_outlives_any_number_of_others() -> None:
    stock = stock_of(20)
    stock.hold(TAG)
    flood(stock, 5000, 3, 1.0)
    assert stock.available(TAG) == 20
    assert stock.evicted == 5000 - Standing.STRANGER.most_tags
    assert len(stock) == Standing.STRANGER.most_tags + 1


def test_a_tag_is_held_until_its_last_stream_has_ended_and_outlives_strangers_then_too() -> None:
    stock = stock_of(20)
    stock.hold(TAG)
    stock.hold(TAG)
    stock.release(TAG)
    assert stock.silent(LIMITS.drop_after + 1) == []
    stock.release(TAG)
    flood(stock, 5000, 3, 1.0)
    assert stock.available(TAG) == 20
    assert TAG in stock.silent(LIMITS.drop_after + 1)


def test_tags_that_were_served_compete_among_themselves() -> None:
    stock = stock_of(20)
    stock.hold(TAG)
    stock.release(TAG)
    (surb,) = surbs(1)
    for number in range(Standing.SERVED.most_tags):
        other = number.to_bytes(16, "big")
        stock.hold(other)
        stock.add(other, [surb], 1.0)
        stock.release(other)
    assert not stock.knows(TAG)
    assert len(stock) == Standing.SERVED.most_tags


def test_a_stranger_keeps_nothing_from_others() -> None:
    stock = stock_of(20)
    flood(stock, 5000, 3, 1.0)
    assert not stock.knows(TAG)
    stock.add(TAG, surbs(1), 2.0)
    assert stock.knows(TAG)


def test_what_strangers_give_is_bounded_in_bytes() -> None:
    stock = ReceivedSurbs(LIMITS)
    flood(stock, 400, LIMITS.most_held, 0.0)
    assert 0.9 * Standing.STRANGER.most_bytes < stock.held_bytes <= Standing.STRANGER.most_bytes
    assert stock.evicted > 200


def test_of_held_tags_the_one_that_gave_most_loses_some_of_it() -> None:
    stock = stock_of(40)
    stock.hold(TAG)
    for number in range(400):
        stock.hold(b"flood" + number.to_bytes(11, "big"))
    flood(stock, 400, LIMITS.most_held, 1.0)
    assert stock.held_bytes <= Standing.HELD.most_bytes
    assert stock.available(TAG) == 40
    assert len(stock) == 401


def test_a_hold_comes_before_the_surbs_too() -> None:
    stock = ReceivedSurbs(LIMITS)
    stock.hold(TAG)
    stock.add(TAG, surbs(2), 0.0)
    flood(stock, 5000, 3, 1.0)
    assert stock.available(TAG) == 2


def test_the_books_are_empty_when_all_is_used_and_dropped() -> None:
    stock = stock_of(12)
    stock.hold(TAG)
    while stock.take(TAG, reserve=True) is not None:
        pass
    stock.release(TAG)
    stock.drop(TAG)
    assert (len(stock), stock.held_bytes) == (0, 0)


def test_the_arrival_rate_follows_what_comes_and_fades_when_nothing_does() -> None:
    stock = ReceivedSurbs(LIMITS)
    batch = surbs(1) * 3
    for number in range(600):
        stock.add(TAG, batch, number / 10)
    assert stock.arrival_rate(TAG, 60.0) == pytest.approx(30.0, rel=0.05)
    assert stock.arrival_rate(TAG, 60.0 + 3 * RATE_MEMORY) < 2.0
    assert stock.arrival_rate(b"n" * 16, 60.0) == 0.0


# --- when the nodes change their keys -------------------------------------------------------------------------------


def made_for(rotation: KeyRotation, amount: int) -> list[ReplySurb]:
    return [replace(surb, rotation=rotation) for surb in surbs(amount)]


def test_old_surbs_are_replaced_at_once_and_serve_until_then() -> None:
    stock = ReceivedSurbs(LIMITS)
    stock.add(TAG, made_for(KeyRotation.ODD, 50), 0.0)
    assert stock.amount_to_request(TAG, 0, 1.0) == 0
    stock.rotated(KeyRotation.EVEN)
    assert stock.available(TAG) == 50
    assert stock.amount_to_request(TAG, 0, 1.0) == LIMITS.reserve
    stock.add(TAG, made_for(KeyRotation.EVEN, LIMITS.reserve - 1), 2.0)
    assert stock.available(TAG) == 50 + LIMITS.reserve - 1
    stock.add(TAG, made_for(KeyRotation.EVEN, 1), 2.0)
    assert stock.available(TAG) == LIMITS.reserve
    surb = stock.take(TAG, reserve=True)
    assert surb is not None
    assert surb.rotation is KeyRotation.EVEN


def test_an_old_surb_that_is_used_no_longer_counts_as_old() -> None:
    stock = ReceivedSurbs(LIMITS)
    stock.add(TAG, made_for(KeyRotation.ODD, 2), 0.0)
    stock.rotated(KeyRotation.EVEN)
    for _ in range(2):
        assert stock.take(TAG, reserve=True) is not None
    stock.add(TAG, made_for(KeyRotation.EVEN, 20), 1.0)
    assert stock.available(TAG) == 20
    assert stock.amount_to_request(TAG, 0, 1.0) == 0


def test_surbs_of_the_new_keys_and_of_unknown_ones_are_not_old() -> None:
    stock = ReceivedSurbs(LIMITS)
    stock.add(TAG, [*made_for(KeyRotation.EVEN, 6), *made_for(KeyRotation.UNKNOWN, 6)], 0.0)
    stock.rotated(KeyRotation.EVEN)
    assert stock.amount_to_request(TAG, 0, 1.0) == 0


def test_a_bounded_stock_throws_old_surbs_away_first() -> None:
    stock = ReceivedSurbs(LIMITS)
    stock.add(TAG, made_for(KeyRotation.ODD, 5), 0.0)
    stock.rotated(KeyRotation.EVEN)
    stock.add(TAG, made_for(KeyRotation.EVEN, 1) * 3 * LIMITS.maximum_stock, 0.0)
    assert stock.available(TAG) == 2 * LIMITS.maximum_stock
    surb = stock.take(TAG)
    assert surb is not None
    assert surb.rotation is KeyRotation.EVEN


# --- keys that outlive a run ----------------------------------------------------------------------------------------


def test_keys_of_an_earlier_run_open_what_still_comes() -> None:
    before, after = ReplyKeys(60.0), ReplyKeys(60.0)
    old, young = surbs(2)
    before.add(old, OWNER, 0.0)
    before.add(young, OWNER, 40.0)
    issued = before.issued(50.0)
    assert [each.age for each in issued] == [50.0, 10.0]
    after.reinstate([replace(each, age=each.age + 20.0) for each in reversed(issued)], 7.0)
    assert len(after) == 1  # the other is too old by now
    assert after.take(young.digest) == (young.key, OWNER)


def test_reinstated_keys_expire_with_their_own_age() -> None:
    keys = ReplyKeys(60.0)
    old, fresh = surbs(2)
    keys.reinstate([IssuedKey(old.key, OWNER, 50.0)], 0.0)
    keys.add(fresh, OWNER, 1.0)
    keys.purge(11.0)
    assert keys.take(old.digest) is None
    assert keys.take(fresh.digest) is not None


def test_a_key_that_is_out_is_not_shown() -> None:
    key = IssuedKey(b"k" * 16, OWNER, 1.0)
    assert "kkkk" not in repr(key)
