"""Whose name an exit looks up next."""

import random
from collections.abc import Iterable

from nymconnect_proxy.exit.lookups import Answer, Ask, LookupEffect, LookupLimits, Lookups, Refuse

ALICE, BOB, CAROL = b"a" * 16, b"b" * 16, b"c" * 16
ONE = LookupLimits(under_way=1)


def names(effects: Iterable[LookupEffect]) -> list[str]:
    return [effect.name for effect in effects if isinstance(effect, Ask)]


def tickets(effects: Iterable[LookupEffect]) -> list[int]:
    return [effect.ticket for effect in effects if isinstance(effect, Answer)]


def refused(effects: Iterable[LookupEffect]) -> list[int]:
    return [effect.ticket for effect in effects if isinstance(effect, Refuse)]


def test_a_question_is_asked_at_once_and_its_answer_handed_on() -> None:
    lookups = Lookups()
    assert lookups.want(1, ALICE, "A.example", 0.0) == [Ask("a.example")]
    assert lookups.answered("a.example", ("1.1.1.1",), 0.1) == [Answer(1, ("1.1.1.1",))]
    assert len(lookups) == 0


def test_a_name_asked_by_several_is_looked_up_once() -> None:
    lookups = Lookups()
    lookups.want(1, ALICE, "a.example", 0.0)
    assert lookups.want(2, BOB, "A.EXAMPLE", 0.0) == []
    assert lookups.want(3, ALICE, "a.example", 0.0) == []
    assert tickets(lookups.answered("a.example", ("1.1.1.1",), 0.1)) == [1, 2, 3]


def test_a_hundred_dead_names_of_one_asker_hold_up_nobody_else() -> None:
    lookups = Lookups()
    begun = [name for number in range(100) for name in names(lookups.want(number, ALICE, f"{number}.dead", 0.0))]
    assert len(begun) == 16
    assert names(lookups.want(1000, BOB, "live.example", 0.0)) == ["live.example"]


def test_dead_names_of_a_hundred_askers_hold_up_nobody_else() -> None:
    lookups = Lookups()
    for number in range(400):
        lookups.want(number, b"asker %d" % (number % 100), f"{number}.dead", 0.0)
    assert names(lookups.want(1000, BOB, "live.example", 0.0)) == ["live.example"]


def test_askers_take_turns() -> None:
    lookups = Lookups(ONE)
    lookups.want(0, ALICE, "a0", 0.0)
    for number in (1, 2, 3):
        lookups.want(number, ALICE, f"a{number}", 0.0)
    lookups.want(4, BOB, "b4", 0.0)
    lookups.want(5, CAROL, "c5", 0.0)
    order, current = [], "a0"
    while current:
        (*_, current) = [*names(lookups.answered(current, ("1.1.1.1",), 0.0)), ""][:1]
        order.append(current)
    assert order == ["a1", "b4", "c5", "a2", "a3", ""]


def test_one_who_waits_for_a_question_of_another_hears_its_answer_and_keeps_the_turn() -> None:
    lookups = Lookups(ONE)
    lookups.want(0, ALICE, "first", 0.0)
    lookups.want(1, ALICE, "shared", 0.0)
    lookups.want(2, BOB, "shared", 0.0)
    lookups.want(3, BOB, "own", 0.0)
    assert names(lookups.answered("first", ("1.1.1.1",), 0.0)) == ["shared"]
    effects = lookups.answered("shared", ("1.1.1.1",), 0.0)
    assert tickets(effects) == [1, 2]
    assert names(effects) == ["own"]


def test_a_dead_name_is_not_asked_again_for_a_moment() -> None:
    lookups = Lookups()
    lookups.want(1, ALICE, "a.dead", 0.0)
    lookups.answered("a.dead", (), 20.0)
    assert lookups.want(2, BOB, "A.dead", 29.9) == [Answer(2, ())]
    assert lookups.want(3, BOB, "a.dead", 30.0) == [Ask("a.dead")]


def test_a_positive_answer_is_not_kept() -> None:
    lookups = Lookups()
    lookups.want(1, ALICE, "a.example", 0.0)
    lookups.answered("a.example", ("1.1.1.1",), 0.0)
    assert lookups.want(2, ALICE, "a.example", 0.0) == [Ask("a.example")]


def test_the_memory_of_dead_names_is_bounded() -> None:
    lookups = Lookups(LookupLimits(dead_names=2))
    for number in range(3):
        lookups.want(number, ALICE, f"{number}.dead", 0.0)
        lookups.answered(f"{number}.dead", (), 0.0)
    assert names(lookups.want(3, ALICE, "0.dead", 1.0)) == ["0.dead"]
    assert names(lookups.want(4, ALICE, "1.dead", 1.0)) == []


def test_who_leaves_is_asked_for_no_more_and_hears_nothing() -> None:
    lookups = Lookups(ONE)
    lookups.want(1, ALICE, "under.way", 0.0)
    lookups.want(2, ALICE, "waiting", 0.0)
    lookups.leave(1)
    lookups.leave(2)
    lookups.leave(2)
    assert lookups.answered("under.way", ("1.1.1.1",), 0.0) == []
    assert len(lookups) == 0


def test_a_question_that_all_have_left_is_still_not_asked_twice() -> None:
    lookups = Lookups()
    lookups.want(1, ALICE, "slow", 0.0)
    lookups.leave(1)
    assert lookups.want(2, BOB, "slow", 1.0) == []
    assert tickets(lookups.answered("slow", ("1.1.1.1",), 2.0)) == [2]


def test_an_asker_with_too_many_waiting_is_refused() -> None:
    lookups = Lookups(LookupLimits(under_way=1, waiting_per_asker=2))
    effects = [effect for number in range(4) for effect in lookups.want(number, ALICE, f"{number}.dead", 0.0)]
    assert refused(effects) == [3]
    assert refused(lookups.want(4, BOB, "b", 0.0)) == []


def test_where_all_places_to_wait_are_taken_the_one_with_most_loses_its_newest() -> None:
    lookups = Lookups(LookupLimits(under_way=1, waiting=4))
    for number in range(5):
        lookups.want(number, ALICE, f"{number}.dead", 0.0)
    assert lookups.want(5, ALICE, "5.dead", 0.0) == [Refuse(5)]
    assert lookups.want(6, BOB, "b6", 0.0) == [Refuse(4)]
    assert lookups.want(7, BOB, "b7", 0.0) == [Refuse(3)]
    assert lookups.want(8, BOB, "b8", 0.0) == [Refuse(8)]  # two and two


def test_any_course_of_events_ends_with_an_empty_table() -> None:
    rng = random.Random(3)
    lookups = Lookups(LookupLimits(under_way=5, waiting=20, waiting_per_asker=6, dead_time=1.0))
    under_way: list[str] = []
    open_tickets: set[int] = set()
    answered = 0

    def take(effects: list[LookupEffect]) -> None:
        nonlocal answered
        for effect in effects:
            if isinstance(effect, Ask):
                assert effect.name not in under_way
                under_way.append(effect.name)
            else:
                open_tickets.remove(effect.ticket)
                answered += 1

    for step in range(5000):
        assert len(under_way) <= 5
        draw = rng.random()
        if draw < 0.5:
            open_tickets.add(step)
            take(lookups.want(step, bytes([rng.randrange(6)]), f"{rng.randrange(40)}.example", step * 0.1))
        elif draw < 0.9 and under_way:
            name = under_way.pop(rng.randrange(len(under_way)))
            take(lookups.answered(name, ("1.1.1.1",) if rng.random() < 0.5 else (), step * 0.1))
        elif open_tickets:
            ticket = rng.choice(sorted(open_tickets))
            open_tickets.remove(ticket)
            lookups.leave(ticket)
    while under_way:
        take(lookups.answered(under_way.pop(), ("1.1.1.1",), 1000.0))
    assert len(lookups) == 0
    assert not open_tickets
    assert answered > 1000
