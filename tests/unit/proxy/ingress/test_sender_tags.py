"""Sender tags: what shares one, how many there are, and when one is never used again."""

import random

from hypothesis import given, settings
from hypothesis import strategies as st

from nymconnect.client.surbs.aliases import Alias, real
from nymconnect.packet.addressing import Recipient
from nymconnect_proxy.ingress.sender_tags import IDLE_TIME, MAX_IDLE, MAX_TAGS, SenderTags, TagUse
from tests.helpers.mixnet_pair import make_recipient

CAPACITY = 5
TO, OTHER = (make_recipient(random.Random(seed)) for seed in (1, 2))


def tags(use: TagUse = TagUse.DESTINATION) -> SenderTags:
    return SenderTags(use, random.Random(1), CAPACITY)


def test_a_host_has_one_tag_and_another_host_another() -> None:
    lender = tags()
    first = lender.lend(TO, "a.example", b"", 0.0)
    assert lender.lend(TO, "A.example.", b"", 0.0) == first
    others = [
        lender.lend(TO, "b.example", b"", 0.0),
        lender.lend(TO, "a.example", b"alice", 0.0),
        lender.lend(OTHER, "a.example", b"", 0.0),
    ]
    assert len({first, *others}) == 4
    assert real(first) == TO
    assert TO not in (first, *others)


def test_a_tag_is_used_again_for_a_while_and_then_never() -> None:
    lender = tags()
    first = lender.lend(TO, "a.example", b"", 0.0)
    lender.give_back(first, 10.0)
    assert lender.lend(TO, "a.example", b"", 10.0 + IDLE_TIME - 1) == first
    lender.give_back(first, 200.0)
    assert lender.take_retired() == []
    assert lender.lend(TO, "a.example", b"", 200.0 + IDLE_TIME) != first
    assert lender.live == 1
    assert lender.take_retired() == [first]
    assert lender.take_retired() == []


def test_a_tag_in_use_does_not_age() -> None:
    lender = tags()
    first = lender.lend(TO, "a.example", b"", 0.0)
    assert lender.lend(TO, "a.example", b"", 1e6) == first
    lender.give_back(first, 1e6)
    assert lender.lend(TO, "a.example", b"", 2e6) == first


def test_hosts_beyond_the_bound_share_within_their_isolation() -> None:
    lender = tags()
    few = {lender.lend(TO, f"{number}.example", b"", 0.0) for number in range(MAX_TAGS)}
    assert len(few) == MAX_TAGS
    assert lender.lend(TO, "one more", b"", 0.0) in few
    assert lender.lend(TO, "one more", b"alice", 0.0) not in few


def test_further_hosts_share_a_tag_that_can_take_one_more() -> None:
    lender = tags()
    for number in range(MAX_TAGS):
        for _ in range(CAPACITY if number else CAPACITY - 1):
            lender.lend(TO, f"{number}.example", b"", 0.0)
    assert lender.lend(TO, "one more", b"", 0.0) == lender.lend(TO, "0.example", b"", 0.0)
    assert isinstance(lender.lend(TO, "and when all are full", b"", 0.0), Alias)


def test_an_idle_tag_makes_room() -> None:
    lender = tags()
    held = [lender.lend(TO, f"{number}.example", b"", 0.0) for number in range(MAX_TAGS)]
    lender.give_back(held[3], 1.0)
    fresh = lender.lend(TO, "one more", b"", 2.0)
    assert fresh not in held
    assert lender.live == MAX_TAGS


def test_other_uses() -> None:
    assert tags(TagUse.ONE).lend(TO, "a", b"alice", 0.0) == TO
    lender = tags(TagUse.STREAM)
    streams = {lender.lend(TO, "a", b"", 0.0) for _ in range(20)}
    assert len(streams) == 20
    for alias in streams:
        lender.give_back(alias, 0.0)
    assert lender.live == 0
    assert set(lender.take_retired()) == streams


def test_with_a_tag_for_each_user_name_the_nameless_share_the_plain_address() -> None:
    lender = tags(TagUse.USER)
    assert {lender.lend(TO, host, b"", 0.0) for host in ("a", "b")} == {TO}
    assert not lender.are_several(0.0)
    alice = lender.lend(TO, "a", b"alice", 0.0)
    assert lender.lend(TO, "b", b"alice", 0.0) == alice
    assert len({TO, alice, lender.lend(TO, "a", b"bob", 0.0), lender.lend(OTHER, "a", b"alice", 0.0)}) == 4
    assert lender.are_several(1e6)


def test_tags_are_several_until_the_last_of_a_user_name_is_forgotten() -> None:
    lender = tags(TagUse.USER)
    lender.give_back(lender.lend(TO, "a", b"alice", 0.0), 10.0)
    assert lender.are_several(10.0 + IDLE_TIME - 1)
    assert not lender.are_several(10.0 + IDLE_TIME)
    assert tags(TagUse.STREAM).are_several(0.0)
    assert tags().are_several(0.0)
    assert not tags(TagUse.ONE).are_several(0.0)


def test_giving_back_what_was_never_lent_is_nothing() -> None:
    lender = tags()
    lender.give_back(TO, 0.0)
    lender.give_back(Alias.of(TO, 77), 0.0)
    assert lender.live == 0


@settings(max_examples=60)
@given(
    st.lists(
        st.tuples(st.integers(0, 40), st.sampled_from([b"", b"x"]), st.booleans(), st.integers(0, 90)), max_size=80
    )
)
def test_tags_stay_few_and_what_is_given_back_is_forgotten(steps: list[tuple[int, bytes, bool, int]]) -> None:
    lender, held, now = tags(), list[Recipient](), 0.0
    for host, isolation, ends, passing in steps:
        now += passing
        held.append(lender.lend(TO, str(host), isolation, now))
        if ends:
            lender.give_back(held.pop(0), now)
        assert lender.live <= 2 * MAX_TAGS
    for alias in held:
        lender.give_back(alias, now)
    last = lender.lend(OTHER, "z", b"", now + IDLE_TIME)
    assert lender.live == 1
    lender.give_back(last, now)


def test_idle_tags_are_few_over_all_isolations() -> None:
    lender = tags()
    for number in range(500):
        lender.give_back(lender.lend(TO, "a", b"%d" % number, 0.0), 0.0)
    assert lender.live <= MAX_IDLE
