"""The choice among requesters: how destinations are spread, who is left out, and when he comes back."""

import random
from collections import Counter

import pytest

from nymconnect.errors import UsageError
from nymconnect_proxy.ingress.requester_choice import (
    FIRST_PAUSE,
    LEAST_BETWEEN_CHECKS,
    LONGEST_PAUSE,
    Health,
    KnownRequester,
    RequesterChoice,
)
from tests.helpers.mixnet_pair import make_recipient

KEY = bytes(range(32))
RNG = random.Random(3)
REQUESTERS = [KnownRequester(f"number {number}", make_recipient(RNG)) for number in range(6)]
HOSTS = [f"host{number}.example" for number in range(3000)]


def choice_of(count: int, in_use: int = 8, key: bytes = KEY) -> RequesterChoice:
    return RequesterChoice(REQUESTERS[:count], key, random.Random(1), in_use)


def spread(choice: RequesterChoice) -> dict[str, KnownRequester]:
    return {host: choice.choose(host) for host in HOSTS}


@pytest.mark.parametrize("count", [1, 2, 3, 5])
def test_no_requester_sees_much_more_than_its_share(count: int) -> None:
    shares = Counter(requester.name for requester in spread(choice_of(count)).values())
    assert len(shares) == count
    assert max(shares.values()) / len(HOSTS) <= 1 / count + 0.05


def test_a_destination_stays_where_it_is_however_it_is_written() -> None:
    choice = choice_of(5)
    assert spread(choice) == spread(choice_of(5))
    assert choice.choose("Host1.Example.") == choice.choose("host1.example")


def test_another_key_or_another_isolation_is_another_spread() -> None:
    choice, other = choice_of(5), choice_of(5, key=bytes(32))
    moved = sum(choice.choose(host) != other.choose(host) for host in HOSTS)
    isolated = sum(choice.choose(host) != choice.choose(host, b"alice") for host in HOSTS)
    assert moved / len(HOSTS) == pytest.approx(0.8, abs=0.05)
    assert isolated / len(HOSTS) == pytest.approx(0.8, abs=0.05)


def test_only_what_a_silent_requester_had_goes_to_others_and_it_comes_back() -> None:
    choice = choice_of(4)
    before = spread(choice)
    silent = REQUESTERS[2]
    choice.take_due(0.0)
    assert choice.failed(silent.address, 0.0)
    assert not choice.failed(silent.address, 1.0)
    during = spread(choice)
    assert silent not in during.values()
    assert all(during[host] == before[host] for host in HOSTS if before[host] != silent)
    assert choice.passed(silent.address)
    assert spread(choice) == before


def test_all_are_asked_at_the_start_and_then_left_alone() -> None:
    choice = choice_of(3)
    assert choice.deadline == 0.0
    assert set(choice.take_due(5.0)) == set(REQUESTERS[:3])
    assert choice.deadline is None
    assert choice.take_due(5.0) == []
    for requester in REQUESTERS[:3]:
        assert not choice.passed(requester.address)
    assert choice.deadline is None
    assert {state.health for state in choice.snapshot()} == {Health.ANSWERS}


def test_a_silent_requester_is_asked_again_after_ever_longer_pauses() -> None:
    choice, now = choice_of(1), 0.0
    pauses = []
    for _ in range(12):
        choice.take_due(now)
        choice.failed(REQUESTERS[0].address, now)
        assert choice.deadline is not None
        pauses.append(choice.deadline - now)
        now = choice.deadline
    assert FIRST_PAUSE * 0.75 <= pauses[0] <= FIRST_PAUSE * 1.25
    assert 1.2 < pauses[1] / pauses[0] < 3.4
    assert LONGEST_PAUSE * 0.75 <= pauses[-1] <= LONGEST_PAUSE * 1.25
    choice.take_due(now)
    choice.passed(REQUESTERS[0].address)
    choice.suspect(REQUESTERS[0].address, now + 1000)
    choice.take_due(now + 1000)
    choice.failed(REQUESTERS[0].address, now + 1000)
    assert choice.deadline is not None
    assert choice.deadline - now - 1000 <= FIRST_PAUSE * 1.25


def test_where_none_answers_all_count() -> None:
    choice = choice_of(3)
    before = spread(choice)
    choice.take_due(0.0)
    for requester in REQUESTERS[:3]:
        choice.failed(requester.address, 0.0)
    assert spread(choice) == before


def test_a_stream_without_an_answer_is_a_reason_to_ask_but_not_all_the_time() -> None:
    choice = choice_of(1)
    address = REQUESTERS[0].address
    choice.take_due(0.0)
    choice.passed(address)
    choice.suspect(address, 10.0)
    assert choice.deadline == LEAST_BETWEEN_CHECKS
    choice.suspect(address, 20.0)
    assert choice.deadline == LEAST_BETWEEN_CHECKS
    assert choice.take_due(LEAST_BETWEEN_CHECKS) == [REQUESTERS[0]]
    choice.passed(address)
    choice.suspect(address, 500.0)
    assert choice.deadline == 500.0


def test_of_many_only_some_are_used_and_the_next_one_steps_in() -> None:
    choice = choice_of(6, in_use=2)
    first, second = choice.in_use
    assert set(spread(choice).values()) == {first, second}
    assert set(choice.take_due(0.0)) == {first, second}
    choice.passed(second.address)
    choice.failed(first.address, 0.0)
    third = next(requester for requester in choice.in_use if requester != second)
    assert third not in (first, second)
    assert choice.take_due(0.0) == [third]
    names = [state.name for state in choice.snapshot()]
    assert names == [second.name, third.name, first.name]
    choice.passed(first.address)
    assert choice.in_use == [first, second]


def test_refusals_of_a_policy_are_counted_by_requester() -> None:
    choice = choice_of(2)
    choice.note_refusal(REQUESTERS[1].address)
    assert {state.name: state.refused for state in choice.snapshot()} == {"number 0": 0, "number 1": 1}


@pytest.mark.parametrize("requesters", [[], [REQUESTERS[0], REQUESTERS[0]]])
def test_a_choice_needs_requesters_that_differ(requesters: list[KnownRequester]) -> None:
    with pytest.raises(UsageError):
        RequesterChoice(requesters, KEY, random.Random(1))
