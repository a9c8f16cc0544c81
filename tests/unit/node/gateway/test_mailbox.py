"""The mailbox: order, quotas, expiry, and what goes to disk when."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nymconnect.node.gateway import mailbox as module
from nymconnect.node.gateway.mailbox import (
    EXPIRY,
    IN_FLIGHT_LEAST,
    Mail,
    Mailbox,
    MailboxLimits,
    MailGroup,
    MailSummary,
)
from nymconnect.packet.params import PacketSize

ALICE, BOB = b"a" * 32, b"b" * 32
ENTRY = 128  # bytes that an empty message is charged
PACKET = bytes(PacketSize.REGULAR.message)


def read(mailbox: Mailbox, client: bytes, now: float, limit: int = 100, behind: int = 0) -> list[bytes | None]:
    return [mailbox.content(client, number) for number in mailbox.waiting(client, behind, now, limit)]


def take(mailbox: Mailbox, client: bytes, now: float, limit: int = 100) -> list[bytes | None]:
    numbers = mailbox.waiting(client, 0, now, limit)
    taken = [mailbox.content(client, number) for number in numbers]
    for number in numbers:
        mailbox.delete(client, number)
    return taken


def stored(mailbox: Mailbox, client: bytes, content: bytes, now: float = 0.0) -> Mail:
    mail = mailbox.store(client, content, now)
    assert mail is not None
    return mail


def test_messages_are_read_in_order_and_stay_until_they_are_deleted() -> None:
    mailbox = Mailbox()
    mails = [stored(mailbox, ALICE, content) for content in (b"1", b"22", b"")]
    stored(mailbox, BOB, b"bob")
    assert read(mailbox, ALICE, 1.0) == [b"1", b"22", b""]
    assert read(mailbox, ALICE, 1.0, limit=1, behind=mails[0].number) == [b"22"]
    mailbox.delete(ALICE, mails[1].number)
    assert read(mailbox, ALICE, 1.0) == [b"1", b""]
    assert take(mailbox, BOB, 1.0) == [b"bob"]
    assert len(mailbox) == 2


def test_nobody_deletes_a_message_of_another() -> None:
    mailbox = Mailbox()
    mail = stored(mailbox, ALICE, b"1")
    mailbox.delete(BOB, mail.number)
    mailbox.delete(ALICE, mail.number + 1)
    assert read(mailbox, ALICE, 0.0) == [b"1"]


def test_client_has_a_limit_of_its_own() -> None:
    mailbox = Mailbox(MailboxLimits(per_client=2 * (ENTRY + 10), strangers=10_000, total=10_000))
    results = [mailbox.store(ALICE, bytes([number]) * 10, 0.0) is not None for number in range(3)]
    assert results == [True, True, False]
    assert mailbox.refused == 1
    assert mailbox.store(BOB, bytes(10), 0.0)
    assert read(mailbox, ALICE, 0.0) == [b"\0" * 10, b"\1" * 10]


def filled(mailbox: Mailbox, newcomers: range) -> list[int]:
    """Each client of `newcomers` stores real packets until it is refused: how many each got in."""
    had = []
    for number in newcomers:
        count = 0
        while mailbox.store(number.to_bytes(32, "big"), PACKET, 0.0):
            count += 1
        had.append(count)
    return had


def test_a_quota_shrinks_as_the_mailbox_fills_and_a_newcomer_finds_room_for_a_whole_packet() -> None:
    """Free registrations that fill whatever they may. docs/threat-model.md has these numbers."""
    mailbox = Mailbox()
    had = filled(mailbox, range(9300))
    assert had == sorted(had, reverse=True)
    assert (had[0], had[89], had[1000]) == (9473, 18, 11)
    assert sum(count > 0 for count in had) == 9215
    assert mailbox.used <= MailboxLimits().total
    assert mailbox.store(BOB, PACKET, 0.0) is None
    take(mailbox, (0).to_bytes(32, "big"), 0.0)
    assert mailbox.store(BOB, PACKET, 0.0)


def test_a_full_mailbox_stops_nobody_who_is_connected() -> None:
    mailbox = Mailbox()
    filled(mailbox, range(9300))
    for number in range(8192):
        client = (10_000 + number).to_bytes(32, "big")
        assert mailbox.store(client, PACKET, 0.0) is None
        for _ in range(IN_FLIGHT_LEAST // (len(PACKET) + ENTRY)):
            assert mailbox.store(client, PACKET, 0.0, connected=True)
    greedy = 0
    while mailbox.store(ALICE, PACKET, 0.0, connected=True):
        greedy += 1
    assert greedy * len(PACKET) <= IN_FLIGHT_LEAST


def test_what_is_in_flight_is_in_order_with_the_rest_and_ends_with_the_connection() -> None:
    mailbox = Mailbox(MailboxLimits(per_client=2 * ENTRY, strangers=10_000, total=10_000), durable=True)
    mails = [mailbox.store(ALICE, bytes([number]), 0.0, connected=True) for number in range(4)]
    assert read(mailbox, ALICE, 0.0) == [b"\0", b"\1", b"\2", b"\3"]
    assert [mail and mailbox.is_in_flight(ALICE, mail.number) for mail in mails] == [False, True, True, True]
    mailbox.handed(ALICE, 2)
    assert [row.number for row in mailbox.close_group().rows] == [1]
    mailbox.delete(ALICE, 2)
    assert read(mailbox, ALICE, 0.0) == [b"\0", b"\2", b"\3"]
    mailbox.take_back(ALICE)
    assert read(mailbox, ALICE, 0.0) == [b"\0"]
    assert mailbox.used == ENTRY + 1
    mailbox.delete(ALICE, 1)
    assert (len(mailbox), mailbox.used) == (0, 0)


def test_strangers_cannot_fill_the_mailbox_of_registered_clients() -> None:
    mailbox = Mailbox(MailboxLimits(per_client=10_000, strangers=20 * ENTRY, total=100_000))
    accepted = [
        mailbox.store(number.to_bytes(32, "big"), b"", 0.0, registered=False) is not None for number in range(40)
    ]
    assert 0 < sum(accepted) < 20
    assert mailbox.store(ALICE, bytes(5000), 0.0)
    for number in range(40):
        take(mailbox, number.to_bytes(32, "big"), 0.0)
    assert mailbox.store(BOB, b"", 0.0, registered=False)


def test_messages_expire_after_a_day() -> None:
    mailbox = Mailbox()
    stored(mailbox, ALICE, b"old")
    stored(mailbox, ALICE, b"new", 10.0)
    stored(mailbox, BOB, b"old")
    assert len(read(mailbox, ALICE, EXPIRY - 1)) == 2
    mailbox.purge(EXPIRY)
    assert mailbox.expired == 2
    assert read(mailbox, BOB, EXPIRY) == []
    assert read(mailbox, ALICE, EXPIRY) == [b"new"]


def test_expired_messages_are_not_handed_out_even_without_a_purge() -> None:
    mailbox = Mailbox()
    stored(mailbox, ALICE, b"old")
    assert read(mailbox, ALICE, EXPIRY) == []
    assert (len(mailbox), mailbox.used) == (0, 0)


def test_forget_removes_a_client_and_its_bytes() -> None:
    mailbox = Mailbox()
    stored(mailbox, ALICE, b"1")
    mailbox.forget(ALICE)
    mailbox.forget(BOB)
    assert (read(mailbox, ALICE, 0.0), mailbox.used) == ([], 0)


# --- what goes to disk ------------------------------------------------------------------------------------------


def contents(group: MailGroup) -> list[bytes]:
    return [row.content for row in group.rows]


def test_a_message_goes_to_disk_once_and_its_content_leaves_the_memory() -> None:
    mailbox = Mailbox(durable=True)
    mail = stored(mailbox, ALICE, b"1", 5.0)
    group = mailbox.close_group()
    assert [(row.number, row.client, row.stored_at) for row in group.rows] == [(mail.number, ALICE, 5.0)]
    assert mailbox.content(ALICE, mail.number) == b"1"
    mailbox.committed(group)
    assert mailbox.content(ALICE, mail.number) is None
    assert mailbox.waiting(ALICE, 0, 5.0, 10) == [mail.number]
    assert mailbox.close_group() == MailGroup((), ())


def test_a_message_that_the_client_has_in_time_never_touches_the_disk() -> None:
    mailbox = Mailbox(durable=True)
    mail = stored(mailbox, ALICE, b"1")
    mailbox.delete(ALICE, mail.number)
    assert mailbox.close_group() == MailGroup((), ())


@pytest.mark.parametrize("while_writing", [True, False])
def test_a_message_on_disk_is_removed_there_when_the_client_has_it(while_writing: bool) -> None:
    mailbox = Mailbox(durable=True)
    mail = stored(mailbox, ALICE, b"1")
    group = mailbox.close_group()
    if while_writing:
        mailbox.delete(ALICE, mail.number)
    mailbox.committed(group)
    mailbox.delete(ALICE, mail.number)
    assert mailbox.close_group() == MailGroup((), (mail.number,))
    assert mailbox.used == 0


def test_what_the_kernel_has_goes_to_disk_only_if_the_connection_breaks() -> None:
    mailbox = Mailbox(durable=True)
    mail = stored(mailbox, ALICE, b"1")
    mailbox.handed(ALICE, mail.number)
    assert contents(mailbox.close_group()) == []
    mailbox.take_back(ALICE)
    assert contents(mailbox.close_group()) == [b"1"]


def test_slow_clients_keep_no_more_than_a_bound_in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_HANDED", 3 * ENTRY)
    mailbox = Mailbox(durable=True)
    for _ in range(5):
        mailbox.handed(ALICE, stored(mailbox, ALICE, b"").number)
    assert [row.number for row in mailbox.close_group().rows] == [4, 5]


def test_a_failed_group_gives_its_messages_up_and_removes_again_what_is_done() -> None:
    mailbox = Mailbox(durable=True)
    done = stored(mailbox, ALICE, b"done")
    mailbox.committed(mailbox.close_group())
    mailbox.delete(ALICE, done.number)
    stored(mailbox, ALICE, b"lost")
    handed = stored(mailbox, ALICE, b"handed")
    mailbox.handed(ALICE, handed.number)
    group = mailbox.close_group()
    assert contents(group) == [b"lost"]
    mailbox.failed(group)
    assert mailbox.failed_writes == 1
    assert read(mailbox, ALICE, 0.0) == [b"handed"]
    assert mailbox.close_group() == MailGroup((), (done.number,))


def test_a_failed_group_keeps_what_was_handed_over_once_for_its_ack_may_have_left() -> None:
    mailbox = Mailbox(durable=True)
    mailbox.handed(ALICE, stored(mailbox, ALICE, b"promised").number)
    mailbox.take_back(ALICE)
    stored(mailbox, ALICE, b"lost")
    for _ in range(2):
        group = mailbox.close_group()
        assert contents(group)[:1] == [b"promised"]
        mailbox.failed(group)
    assert read(mailbox, ALICE, 0.0) == [b"promised"]
    mailbox.committed(mailbox.close_group())
    assert mailbox.waiting(ALICE, 0, 0.0, 10) == [1]
    assert mailbox.content(ALICE, 1) is None


def test_while_the_disk_stands_still_the_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_FRESH", 3 * ENTRY)
    mailbox = Mailbox(durable=True)
    assert [mailbox.store(ALICE, b"", 0.0) is not None for _ in range(4)] == [True] * 3 + [False]
    mailbox.committed(mailbox.close_group())
    assert mailbox.store(ALICE, b"", 0.0)
    assert all(Mailbox().store(ALICE, b"", 0.0) for _ in range(4))


def test_what_was_on_disk_keeps_its_order_its_quota_and_its_age() -> None:
    mailbox = Mailbox(MailboxLimits(per_client=300, strangers=300, total=10_000), durable=True)
    mailbox.load(
        [
            MailSummary(7, ALICE, True, 10.0, 0),
            MailSummary(9, ALICE, True, 99.0, 0),
            MailSummary(8, BOB, False, 1.0, 5),
        ],
        20.0,
    )
    assert mailbox.used == 3 * ENTRY + 5
    assert mailbox.store(ALICE, b"", 20.0) is None
    mailbox.delete(ALICE, 7)
    assert stored(mailbox, ALICE, b"").number == 10
    assert mailbox.waiting(ALICE, 0, 20.0, 10) == [9, 10]
    mailbox.purge(EXPIRY + 20.0)  # 99.0 was in the future: the clock had been ahead
    assert mailbox.waiting(ALICE, 0, EXPIRY, 10) == []
    assert sorted(mailbox.close_group().gone) == [7, 8, 9]


@given(st.integers(0, 2**32))
@settings(max_examples=40)
def test_bytes_in_use_always_add_up_and_stay_within_limits(seed: int) -> None:
    """Against a plain list for each client, and a plain set for the disk."""
    rng = random.Random(seed)
    limits = MailboxLimits(per_client=3000, strangers=8000, total=16_000)
    mailbox = Mailbox(limits, durable=True)
    model: dict[bytes, list[Mail]] = {}
    disk: set[int] = set()
    for now in range(80):
        client = bytes([rng.randrange(4)]) * 32
        have = model.setdefault(client, [])
        match rng.randrange(6):
            case 0 | 1:
                mail = mailbox.store(
                    client, rng.randbytes(rng.randrange(500)), float(now), registered=rng.random() < 0.5
                )
                have += [mail] if mail else []
            case 2 if have:
                mailbox.delete(client, have.pop(rng.randrange(len(have))).number)
            case 3 if have:
                mailbox.handed(client, rng.choice(have).number)
            case 4:
                mailbox.take_back(client)
            case 5:
                group = mailbox.close_group()
                disk |= {row.number for row in group.rows}
                disk -= set(group.gone)
                mailbox.committed(group)
        for one, mails in model.items():
            assert mailbox.waiting(one, 0, float(now), 1000) == [mail.number for mail in mails]
        assert mailbox.used == sum(len(mail.content) + ENTRY for mails in model.values() for mail in mails)
        assert mailbox.used <= limits.total
    for client in model:
        mailbox.take_back(client)
    group = mailbox.close_group()
    disk = (disk | {row.number for row in group.rows}) - set(group.gone)
    mailbox.committed(group)
    assert disk == {mail.number for mails in model.values() for mail in mails}
