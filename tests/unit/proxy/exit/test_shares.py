"""How places are shared between owners."""

import pytest

from nymconnect_proxy.exit.shares import Shares


def filled(shares: Shares, owner: bytes) -> int:
    """How many places an owner gets that takes what it can."""
    count = 0
    while shares.take(owner):
        count += 1
    return count


def test_one_owner_alone_gets_a_sixteenth() -> None:
    shares = Shares(256)
    assert filled(shares, b"a") == 16
    assert shares.free == 240


def test_many_greedy_owners_leave_one_for_each_newcomer() -> None:
    shares = Shares(256)
    for number in range(100):
        assert filled(shares, b"greedy %d" % number) >= 1
    assert shares.take(b"newcomer")


def test_the_last_places_go_one_by_one_until_none_is_left() -> None:
    shares = Shares(3)
    assert [filled(shares, bytes([number])) for number in range(5)] == [1, 1, 1, 0, 0]


def test_what_is_given_back_can_be_taken_again() -> None:
    shares = Shares(1)
    shares.take(b"a")
    assert not shares.take(b"b")
    shares.give_back(b"a")
    assert shares.free == 1
    assert shares.take(b"b")


@pytest.mark.parametrize("places", [8, 64, 256, 512])
def test_no_order_of_taking_and_giving_back_exceeds_the_places(places: int) -> None:
    shares = Shares(places)
    taken = sum(filled(shares, bytes([number % 251])) for number in range(2000))
    assert taken <= places
    assert shares.free == places - taken
