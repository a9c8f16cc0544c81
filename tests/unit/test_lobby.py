"""LobbyLimits for strangers and for the known, with invented clocks and addresses."""

import random

import pytest

from nymconnect.lobby import Admission, Lobby, LobbyLimits

PLACES = LobbyLimits(strangers=6, known=2, per_address=3, spared=60.0)


def lobby(places: LobbyLimits = PLACES) -> Lobby[str]:
    return Lobby(places)


def test_an_address_displaces_its_own_oldest_when_its_quota_is_used_up() -> None:
    door = lobby()
    assert door.enter("other", "10.0.0.2", 0.0) == Admission(True, None)
    for number in range(3):
        assert door.enter(f"guest {number}", "10.0.0.1", 1.0) == Admission(True, None)
    assert door.enter("guest 3", "10.0.0.1", 2.0) == Admission(True, "guest 0")
    assert len(door) == 4


def test_a_guest_is_a_stranger_until_it_has_shown_who_it_is() -> None:
    door = lobby()
    door.enter("guest", "10.0.0.1", 0.0)
    assert door.is_stranger("guest")
    assert door.promote("guest", 1.0).admitted
    assert not door.is_stranger("guest")
    assert not door.is_stranger("somebody who never came")


@pytest.mark.parametrize(
    ("first", "second", "same"),
    [
        ("10.0.0.1", "10.0.0.2", False),
        ("10.0.0.1", "::ffff:10.0.0.1", True),
        ("2001:db8:0:1::1", "2001:db8:0:1:ffff::9", True),
        ("2001:db8:0:1::1", "2001:db8:0:2::1", False),
    ],
)
def test_an_address_is_an_ipv4_address_or_the_site_of_an_ipv6_one(first: str, second: str, same: bool) -> None:
    door = lobby(LobbyLimits(strangers=9, known=0, per_address=1))
    door.enter("first", first, 0.0)
    assert (door.enter("second", second, 0.0).leaving == "first") is same


@pytest.mark.parametrize("address", ["127.0.0.1", "127.8.0.1", "::1", "::ffff:127.0.0.1"])
def test_this_machine_has_no_quota_and_still_shares_the_places(address: str) -> None:
    door = lobby()
    for number in range(6):
        assert door.enter(f"guest {number}", address, 0.0) == Admission(True, None)
    assert door.enter("guest 6", address, 0.0) == Admission(True, "guest 0")


def test_who_holds_most_places_gives_way_when_all_are_taken() -> None:
    door = lobby()
    door.enter("old and alone", "10.0.0.9", 0.0)
    for number in range(2):
        door.enter(f"two {number}", "10.0.0.2", 1.0)
    for number in range(3):
        door.enter(f"three {number}", "10.0.0.3", 2.0)
    assert door.enter("new", "10.0.0.4", 3.0) == Admission(True, "three 0")
    assert door.enter("newer", "10.0.0.5", 3.0) == Admission(True, "two 0")


def test_the_oldest_stranger_gives_way_when_no_address_has_more_than_another() -> None:
    door = lobby()
    for number in range(6):
        door.enter(f"guest {number}", f"10.0.0.{number}", float(number))
    door.heard("guest 0", 9.0)
    assert door.enter("new", "10.0.1.1", 10.0) == Admission(True, "guest 1")


def test_no_number_of_strangers_displaces_somebody_known() -> None:
    door = lobby()
    door.enter("known", "10.0.0.1", 0.0, known=True)
    door.enter("client", "10.0.0.1", 0.0)
    assert door.promote("client", 1.0) == Admission(True, None)
    gone = {door.enter(f"guest {number}", f"10.{number % 200}.0.1", 100.0).leaving for number in range(1000)}
    assert not {"known", "client"} & gone
    assert door.strangers == PLACES.strangers
    assert len(door) == PLACES.strangers + 2


def test_somebody_known_gives_way_to_somebody_known_only_after_a_long_silence() -> None:
    door = lobby()
    for guest in ("one", "two"):
        door.enter(guest, "10.0.0.1", 0.0, known=True)
    door.heard("one", 30.0)
    assert door.enter("three", "10.0.0.1", 59.0, known=True) == Admission(admitted=False)
    assert door.enter("three", "10.0.0.1", 60.0, known=True) == Admission(True, "two")
    assert door.enter("four", "10.0.0.1", 89.0, known=True) == Admission(admitted=False)


def test_an_address_full_of_clients_makes_room_for_those_of_others() -> None:
    door = lobby(LobbyLimits(strangers=9, known=5, per_address=9, shared=True))
    for number in range(4):
        door.enter(f"many {number}", "10.0.0.1", 0.0, known=True)
    door.enter("single", "10.0.0.2", 0.0, known=True)
    door.heard("many 0", 1.0)
    assert door.enter("many 4", "10.0.0.1", 2.0, known=True) == Admission(admitted=False)
    assert door.enter("other", "10.0.0.3", 2.0, known=True) == Admission(True, "many 1")
    assert door.enter("another", "10.0.0.4", 2.0, known=True) == Admission(True, "many 2")
    # Two against none is fair enough: taking turns would help nobody.
    assert door.enter("third", "10.0.0.2", 2.0, known=True) == Admission(admitted=False)


def test_clients_behind_a_reverse_proxy_on_this_machine_make_room_for_nobody() -> None:
    door = lobby(LobbyLimits(strangers=9, known=5, per_address=9, shared=True))
    for number in range(5):
        door.enter(f"client {number}", "127.0.0.1", 0.0, known=True)
    assert door.enter("direct", "10.0.0.1", 1.0, known=True) == Admission(admitted=False)


def test_a_stranger_that_had_to_go_is_not_let_in_by_its_last_words() -> None:
    door = lobby()
    door.enter("guest", "10.0.0.1", 0.0)
    assert door.displace() == "guest"
    assert door.promote("guest", 0.0) == Admission(admitted=False)
    assert len(door) == 0


def test_a_client_for_whom_no_place_is_left_is_told_so_and_keeps_none() -> None:
    door = lobby(LobbyLimits(strangers=2, known=1, per_address=2))
    door.enter("first", "10.0.0.1", 0.0)
    door.enter("second", "10.0.0.1", 0.0)
    assert door.promote("first", 1e9).admitted
    assert door.promote("first", 1e9).admitted
    assert not door.promote("second", 1e9).admitted
    assert len(door) == 1


def test_the_places_of_the_known_can_be_bound_further() -> None:
    door = lobby()
    door.bound(known=1)
    door.bound(known=5)
    assert door.enter("one", "10.0.0.1", 0.0, known=True).admitted
    assert not door.enter("two", "10.0.0.1", 0.0, known=True).admitted


def test_strangers_that_say_nothing_whole_for_too_long_are_late() -> None:
    door = lobby()
    for number in range(3):
        door.enter(f"guest {number}", "10.0.0.1", float(number))
    door.heard("guest 1", 5.0)
    door.enter("known", "10.0.0.1", 0.0, known=True)
    assert door.late(10.0, 8.0) == ["guest 0", "guest 2"]
    assert door.late(12.9, 8.0) == []
    assert door.late(13.0, 8.0) == ["guest 1"]
    assert len(door) == 1


def test_a_lobby_without_places_for_strangers_turns_them_away() -> None:
    assert lobby(LobbyLimits(strangers=0, known=1, per_address=1)).enter("guest", "10.0.0.1", 0.0) == Admission(False)


def test_the_books_stay_right_over_thousands_of_comings_and_goings() -> None:
    rng, here = random.Random(4), set[int]()
    door: Lobby[int] = Lobby(LobbyLimits(20, 5, 4, 10.0))
    for number in range(5000):
        now = number / 10
        entry = door.enter(number, f"10.0.0.{rng.randrange(12)}", now, known=rng.random() < 0.1)
        here -= {entry.leaving if entry.leaving is not None else -1}
        here |= {number} if entry.admitted else set()
        if here and rng.random() < 0.3:
            door.heard(rng.choice(sorted(here)), now)
        if here and rng.random() < 0.2:
            guest = rng.choice(sorted(here))
            door.leave(guest)
            here.discard(guest)
        if rng.random() < 0.05:
            here -= set(door.late(now, 5.0))
        assert len(door) == len(here)
    while (displaced := door.displace()) is not None:
        here.discard(displaced)
    assert door._strangers._by_origin == door._strangers._by_count == {}
    assert len(door) == len(here) <= 5
