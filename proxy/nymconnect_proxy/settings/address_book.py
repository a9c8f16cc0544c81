"""Requesters by name: the user's address book, and what the option `requester` means with it."""

from collections.abc import Mapping

from nymconnect.errors import UserError
from nymconnect.packet.addressing import Recipient
from nymconnect_proxy.settings.options import DIRECTORY, is_name
from nymconnect_proxy.settings.pasted import nym_address
from nymconnect_proxy.settings.reasons import (
    BookFull,
    NoBook,
    RequesterAddressWrong,
    RequesterNameWrong,
    RequesterTwice,
    RequesterUnknown,
)

MAX_ENTRIES = 200

Book = tuple[tuple[str, str], ...]


def book_of(table: object) -> Book:
    """From the table `[requesters]` of a settings file; UserError names the entry that is wrong."""
    if not isinstance(table, Mapping):
        raise UserError(NoBook())
    book: Book = ()
    for name, address in table.items():
        book = with_entry(book, str(name), str(address))
    return book


def with_entry(book: Book, name: str, address: str) -> Book:
    """The book with one more requester, or another address for one that is there; UserError if it cannot be."""
    if not is_name(name) or name == DIRECTORY:
        raise UserError(RequesterNameWrong(name, DIRECTORY))
    try:
        entry = (name, str(nym_address(address.strip())))
    except UserError as error:
        raise UserError(RequesterAddressWrong(name, error.reason)) from error
    known = [old if old[0] != name else entry for old in book]
    if len(known) >= MAX_ENTRIES and entry not in known:
        raise UserError(BookFull(MAX_ENTRIES))
    return tuple(known if entry in known else [*known, entry])


def without_entry(book: Book, name: str) -> Book:
    """The book without one requester; UserError if it is not there."""
    if name not in dict(book):
        raise UserError(RequesterUnknown(name))
    return tuple(entry for entry in book if entry[0] != name)


def resolve(chosen: str, book: Book) -> list[tuple[str, Recipient]]:
    """The requesters that the option `requester` names, each with a name to show. UserError if one is unknown."""
    known, found = dict(book), list[tuple[str, Recipient]]()
    named = {address: name for name, address in book}
    for part in chosen.split(", "):
        if is_name(part) and part not in known:
            raise UserError(RequesterUnknown(part, wanted=True))
        address = known.get(part, part)
        name = part if part in known else named.get(address, f"{address[:8]}…")
        found.append((name, Recipient.parse(address)))
    if len({address for _, address in found}) < len(found):
        raise UserError(RequesterTwice())
    return found
