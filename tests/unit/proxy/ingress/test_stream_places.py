"""Places at a requester: how many, in which order, and when one is free again."""

from hypothesis import given, settings
from hypothesis import strategies as st

from nymconnect_proxy.ingress.stream_places import SenderPlaces

SETTLE = 5.0


def test_the_first_ones_have_places_and_the_others_follow_in_order() -> None:
    places = SenderPlaces[str, int](2, SETTLE)
    assert [places.enter("a", number) for number in range(5)] == [True, True, False, False, False]
    assert places.enter("b", 100)
    places.leave("a", 1, 10.0)
    assert places.deadline == 10.0 + SETTLE
    assert places.wake(10.0 + SETTLE - 0.1) == []
    places.leave("a", 0, 11.0)
    assert places.wake(10.0 + SETTLE) == [2]
    assert places.wake(11.0 + SETTLE) == [3]
    assert places.deadline is None


def test_who_comes_when_places_are_promised_waits_behind_the_others() -> None:
    places = SenderPlaces[str, int](1, SETTLE)
    assert [places.enter("a", number) for number in range(2)] == [True, False]
    places.leave("a", 0, 0.0)
    assert not places.enter("a", 2)
    assert places.wake(SETTLE) == [1]
    places.leave("a", 1, SETTLE)
    assert places.wake(2 * SETTLE) == [2]


def test_who_does_not_wait_any_more_takes_no_place() -> None:
    places = SenderPlaces[str, int](1, SETTLE)
    assert [places.enter("a", number) for number in range(4)] == [True, False, False, False]
    places.leave("a", 1, 0.0)
    places.leave("a", 0, 0.0)
    places.leave("a", 3, 0.0)
    assert places.wake(SETTLE) == [2]
    places.leave("a", 2, SETTLE)
    assert places.wake(2 * SETTLE) == []
    assert places.enter("a", 4)


@settings(max_examples=60)
@given(
    st.lists(st.tuples(st.sampled_from("ab"), st.integers(0, 11), st.sampled_from([0.0, 1.0, 3.0, 6.0])), max_size=60)
)
def test_no_order_of_events_exceeds_the_limit_or_forgets_anybody(steps: list[tuple[str, int, float]]) -> None:
    places = SenderPlaces[str, tuple[str, int]](3, SETTLE)
    now, inside, waiting = 0.0, dict[str, list[float]](), dict[str, list[tuple[str, int]]]()
    holds: set[tuple[str, int]] = set()

    def admitted(ticket: tuple[str, int]) -> None:
        holds.add(ticket)

    for key, number, passing in steps:
        now += passing
        for ticket in places.wake(now):
            assert waiting[ticket[0]].pop(0) == ticket
            admitted(ticket)
        settling = inside.setdefault(key, [])
        settling[:] = [until for until in settling if until > now]
        ticket = key, number
        if ticket in holds:
            holds.remove(ticket)
            settling.append(now + SETTLE)
            places.leave(key, ticket, now)
        elif ticket in waiting.setdefault(key, []):
            waiting[key].remove(ticket)
            places.leave(key, ticket, now)
        elif places.enter(key, ticket):
            admitted(ticket)
        else:
            waiting[key].append(ticket)
        taken = sum(held[0] == key for held in holds) + len(settling)
        assert taken <= 3
        assert taken == 3 or not waiting[key]
