"""Requesters by name, and what the option `requester` means with them."""

import random

import pytest

from nymconnect.errors import UserError
from nymconnect_proxy.settings.address_book import MAX_ENTRIES, Book, resolve, with_entry, without_entry
from tests.helpers.mixnet_pair import make_recipient

RNG = random.Random(5)
HOME, WORK, STRANGER = (make_recipient(RNG) for _ in range(3))
BOOK: Book = (("home", str(HOME)), ("work", str(WORK)))


def test_names_and_addresses_mix() -> None:
    assert resolve(f"work, {STRANGER}", BOOK) == [("work", WORK), (f"{str(STRANGER)[:8]}…", STRANGER)]
    assert resolve(str(HOME), BOOK) == [("home", HOME)]


def test_an_unknown_name_says_how_to_add_it() -> None:
    with pytest.raises(UserError, match="nymconnect requester add nobody ADDRESS"):
        resolve("home, nobody", BOOK)


def test_the_same_requester_twice_is_a_mistake() -> None:
    with pytest.raises(UserError, match="twice"):
        resolve(f"home, {HOME}", BOOK)


def test_entries_come_change_and_go() -> None:
    book = with_entry(BOOK, "third", str(STRANGER))
    assert [name for name, _ in book] == ["home", "work", "third"]
    assert with_entry(BOOK, "home", str(STRANGER)) == (("home", str(STRANGER)), ("work", str(WORK)))
    assert without_entry(book, "work") == (("home", str(HOME)), ("third", str(STRANGER)))
    with pytest.raises(UserError, match="no requester is named 'x'"):
        without_entry(book, "x")


@pytest.mark.parametrize("name", ["", "a b", "directory", "x" * 41, "ü", "a.b"])
def test_a_name_is_a_word(name: str) -> None:
    with pytest.raises(UserError, match="1 to 40 letters"):
        with_entry((), name, str(HOME))


def test_a_book_is_bounded() -> None:
    book = tuple((f"n{number}", str(HOME)) for number in range(MAX_ENTRIES))
    with pytest.raises(UserError, match="at most"):
        with_entry(book, "more", str(HOME))
    assert with_entry(book, "n3", str(WORK))[3] == ("n3", str(WORK))
