import random

import pytest

from nymconnect.client.parameters import SurbParameters
from nymconnect.client.supply import ReplyKeys
from nymconnect.client.surbs import SurbStock
from nymconnect.packet.addressing import Recipient
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


def stock_of(amount: int) -> SurbStock:
    stock = SurbStock(LIMITS)
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
