"""The mailbox: order, bounds, expiry."""

import random
from collections import deque

from hypothesis import given, settings
from hypothesis import strategies as st

from nymconnect.node.mailbox import EXPIRY, Mailbox, MailboxLimits

ALICE, BOB = b"a" * 32, b"b" * 32
ENTRY = 128  # what an entry counts besides its content


def test_mailbox_returns_what_was_stored_in_order_and_once() -> None:
    mailbox = Mailbox()
    for content in (b"1", b"22", b"", b"1"):
        assert mailbox.store(ALICE, content, 0.0)
    mailbox.store(BOB, b"bob", 0.0)
    assert mailbox.take(ALICE, 1.0, 3) == [b"1", b"22", b""]
    assert mailbox.take(ALICE, 1.0, 3) == [b"1"]
    assert mailbox.take(ALICE, 1.0, 3) == []
    assert len(mailbox) == 1
    mailbox.take(BOB, 1.0, 1)
    assert mailbox.used == 0


def test_full_box_of_one_client_refuses_the_newest_and_leaves_others_alone() -> None:
    mailbox = Mailbox(MailboxLimits(per_client=2 * (ENTRY + 10), strangers=10_000, total=10_000))
    results = [mailbox.store(ALICE, bytes([number]) * 10, 0.0) for number in range(3)]
    assert results == [True, True, False]
    assert mailbox.refused == 1
    assert mailbox.store(BOB, bytes(10), 0.0)
    assert mailbox.take(ALICE, 0.0, 10) == [b"\0" * 10, b"\1" * 10]


def test_total_is_bounded() -> None:
    mailbox = Mailbox(MailboxLimits(per_client=10_000, strangers=10_000, total=3 * ENTRY))
    stored = [mailbox.store(number.to_bytes(32, "big"), b"", 0.0) for number in range(5)]
    assert stored == [True] * 3 + [False] * 2


def test_strangers_cannot_fill_the_mailbox_of_registered_clients() -> None:
    mailbox = Mailbox(MailboxLimits(per_client=10_000, strangers=2 * ENTRY, total=10_000))
    stored = [mailbox.store(number.to_bytes(32, "big"), b"", 0.0, registered=False) for number in range(5)]
    assert stored == [True, True, False, False, False]
    assert mailbox.store(ALICE, b"", 0.0)
    mailbox.take((0).to_bytes(32, "big"), 0.0, 10)
    assert mailbox.store(BOB, b"", 0.0, registered=False)


def test_messages_expire_after_a_day() -> None:
    mailbox = Mailbox()
    mailbox.store(ALICE, b"old", 0.0)
    mailbox.store(ALICE, b"new", 10.0)
    mailbox.store(BOB, b"old", 0.0)
    assert mailbox.take(ALICE, EXPIRY - 1, 0) == []
    mailbox.purge(EXPIRY)
    assert mailbox.expired == 2
    assert mailbox.take(BOB, EXPIRY, 10) == []
    assert mailbox.take(ALICE, EXPIRY, 10) == [b"new"]


def test_expired_messages_are_not_handed_out_even_without_a_purge() -> None:
    mailbox = Mailbox()
    mailbox.store(ALICE, b"old", 0.0)
    assert mailbox.take(ALICE, EXPIRY, 10) == []
    assert (len(mailbox), mailbox.used) == (0, 0)


def test_put_back_messages_come_first_and_nothing_expires_early() -> None:
    mailbox = Mailbox()
    mailbox.store(ALICE, b"3", 5.0)
    mailbox.put_back(ALICE, deque([b"1", b"2"]), 100.0)
    assert mailbox.take(ALICE, EXPIRY, 10) == [b"1", b"2", b"3"]
    mailbox.put_back(BOB, deque([b"1"]), 100.0)
    assert mailbox.take(BOB, EXPIRY + 99, 10) == [b"1"]


def test_put_back_messages_hold_up_no_expiry() -> None:
    mailbox = Mailbox()
    mailbox.store(ALICE, b"later", 5.0)
    mailbox.put_back(ALICE, [b"earlier"], 100.0)
    mailbox.purge(EXPIRY + 5.0)
    assert (len(mailbox), mailbox.used, mailbox.expired) == (0, 0, 2)


def test_forget_removes_a_client_and_its_bytes() -> None:
    mailbox = Mailbox()
    mailbox.store(ALICE, b"1", 0.0)
    mailbox.forget(ALICE)
    mailbox.forget(BOB)
    assert (mailbox.take(ALICE, 0.0, 10), mailbox.used) == ([], 0)


@given(st.integers(0, 2**32))
@settings(max_examples=40)
def test_bytes_in_use_always_add_up_and_stay_within_limits(seed: int) -> None:
    rng = random.Random(seed)
    limits = MailboxLimits(per_client=3000, strangers=2000, total=5000)
    mailbox = Mailbox(limits)
    model: dict[bytes, list[bytes]] = {}
    for now in range(60):
        client = bytes([rng.randrange(4)]) * 32
        match rng.randrange(4):
            case 0 | 1:
                content = rng.randbytes(rng.randrange(500))
                if mailbox.store(client, content, float(now), registered=rng.random() < 0.5):
                    model.setdefault(client, []).append(content)
            case 2:
                limit = rng.randrange(4)
                expected = model.get(client, [])[:limit]
                assert mailbox.take(client, float(now), limit) == expected
                model[client] = model.get(client, [])[limit:]
            case 3:
                mailbox.forget(client)
                model.pop(client, None)
        assert mailbox.used == sum(len(content) + ENTRY for box in model.values() for content in box) <= limits.total
    for client, contents in model.items():
        assert mailbox.take(client, 60.0, 1000) == contents
    assert mailbox.used == 0
