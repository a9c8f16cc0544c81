"""Balances and what they cost."""

import pytest

from nymconnect.link.gateway.bandwidth import FREE_BANDWIDTH, Registration, balance, charge, grant_free, utc_day

KEY = bytes(range(32))


@pytest.mark.parametrize(("unix_time", "day"), [(0.0, 0), (86399.999, 0), (86400.0, 1), (1_700_000_000.0, 19675)])
def test_utc_day_changes_at_midnight(unix_time: float, day: int) -> None:
    assert utc_day(unix_time) == day


def test_a_claim_grants_64_gib_for_today() -> None:
    granted = grant_free(Registration(KEY, last_timestamp=7), today=10)
    assert granted == Registration(KEY, 7, 68_719_476_736, 10)
    assert balance(granted, today=10) == FREE_BANDWIDTH
    assert balance(granted, today=11) == 0


def test_claims_of_one_day_add_up_and_those_of_another_do_not() -> None:
    once = grant_free(Registration(KEY), today=10)
    assert grant_free(once, today=10).available == 2 * FREE_BANDWIDTH
    assert grant_free(once, today=11).available == FREE_BANDWIDTH


def test_claims_never_leave_the_range_of_the_wire() -> None:
    full = Registration(KEY, available=2**62, expires_day=10)
    assert grant_free(full, today=10).available == 2**62


@pytest.mark.parametrize(("amount", "left"), [(0, 100), (99, 1), (100, 0), (101, None)])
def test_charge_takes_what_is_there_or_nothing(amount: int, left: int | None) -> None:
    paid = charge(Registration(KEY, available=100, expires_day=10), amount, today=10)
    assert (paid.available if paid else None) == left


def test_charge_finds_nothing_after_midnight() -> None:
    assert charge(Registration(KEY, available=100, expires_day=10), 1, today=11) is None


def test_repr_shows_no_key() -> None:
    assert "shared_key" not in repr(Registration(KEY))
    assert str(KEY) not in repr(Registration(KEY))
