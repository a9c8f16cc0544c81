"""The ways into the table of options (`settings`): command line flags, the settings file, the environment.

What counts, in this order: flag, settings file, preset, default of the table.
"""

import argparse
import os
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import tomlkit

from nymconnect.endpoints import Upstream
from nymconnect.errors import UserError
from nymconnect.reasons import Reason
from nymconnect.storage import rights_of_others
from nymconnect_proxy.settings.address_book import Book, book_of
from nymconnect_proxy.settings.options import Option, OptionKind, Secret, Value
from nymconnect_proxy.settings.reasons import (
    OptionWrong,
    RequesterAddressWrong,
    RequesterNameWrong,
    SettingsBroken,
    SettingsOpenToOthers,
    UnknownOption,
    UnknownSection,
)
from nymconnect_proxy.settings.settings import DESKTOP_SECTION, LIVE_OPTIONS, OPTIONS, Settings
from nymconnect_proxy.settings.settings_document import BrokenFileError, change_document, line_of, read_tables

__all__ = [
    "DESKTOP_SECTION",
    "OPTIONS",
    "Settings",
    "add_flags",
    "flag_parser",
    "needs_reconnect",
    "read_settings",
    "settings_from",
    "write_settings",
]

UPSTREAM_LOGIN = "NYMCONNECT_UPSTREAM_LOGIN"  # environment variable: NAME:PASSWORD
PASSWORD = "NYMCONNECT_PASSWORD"  # environment variable
BOOK_SECTION = "requesters"
WRITE_BY_ALL = 0o002

_BY_NAME = {option.name: option for option in OPTIONS}


# --- command line -----------------------------------------------------------------------------------------------


def add_flags(parser: argparse.ArgumentParser, sections: Collection[str] | None = None) -> None:
    """One flag for each option (of `sections`, if given) but secrets, for every user of a machine can read the command
    lines on it. A flag that is not used leaves no attribute."""
    for option in OPTIONS:
        if option.kind is not OptionKind.SECRET and (sections is None or option.section in sections):
            parser.add_argument(
                option.flag,
                type=flag_parser(option),
                default=argparse.SUPPRESS,
                metavar="{" + ",".join(option.choices) + "}" if option.kind is OptionKind.CHOICE else option.kind.name,
                help=f"{option.help} (default: {option.shown_default})".replace("%", "%%"),
            )


def flag_parser(option: Option) -> Callable[[str], Value]:
    """What argparse calls with the text of a flag."""

    def parse(text: str) -> Value:
        try:
            value = option.parse(text)
        except UserError as error:
            named = error.reason
            why = named.reason if isinstance(named, OptionWrong) else named  # argparse says which option it is
            raise argparse.ArgumentTypeError(str(why)) from None
        if isinstance(value, Upstream) and value.username is not None:
            raise argparse.ArgumentTypeError(f"put name and password into {UPSTREAM_LOGIN}")
        return value

    return parse


def settings_from(flags: argparse.Namespace, path: Path | None = None) -> Settings:
    """Flags over the settings file at `path` over the defaults."""
    given = {name: value for name, value in vars(flags).items() if name in _BY_NAME}
    settings = replace(read_settings(path) if path else Settings(), **given)
    login = os.environ.get(UPSTREAM_LOGIN)
    if settings.upstream is not None and login:
        settings = replace(settings, upstream=settings.upstream.with_login(login))
    if password := os.environ.get(PASSWORD):
        settings = replace(settings, password=Secret(password))
    return settings


# --- settings file ----------------------------------------------------------------------------------------------


def read_settings(path: Path) -> Settings:
    """From a TOML file with one table for each section; an absent file means defaults. UserError names file, line and
    key; or says that other users may read the password in the file, or write the file, as ssh refuses it."""
    tables = read_tables(path)
    try:
        settings = _settings_from_tables(tables)
    except UserError as error:
        raise BrokenFileError(SettingsBroken(path, error.reason, line_of(path, *_place_of(error.reason)))) from error
    rights = rights_of_others(path)
    if rights & WRITE_BY_ALL or (rights and _holds_password(settings)):
        raise UserError(SettingsOpenToOthers(path, may_write=bool(rights & WRITE_BY_ALL)))
    return settings


def _place_of(problem: Reason) -> tuple[str, str]:
    """Table and entry of the settings file, where something is wrong."""
    match problem:
        case UnknownSection(section):
            return section, ""
        case UnknownOption(section, name):
            return section, name
        case OptionWrong(name) if name in _BY_NAME:
            return _BY_NAME[name].section, name
        case RequesterNameWrong(name) | RequesterAddressWrong(name):
            return BOOK_SECTION, name
        case _:
            return BOOK_SECTION, ""


def _holds_password(settings: Settings) -> bool:
    upstream, server = settings.upstream, settings.rpc_url
    return (
        settings.password is not None
        or (upstream is not None and upstream.username is not None)
        or (server is not None and urlsplit(server.url).username is not None)
    )


def _settings_from_tables(tables: Mapping[str, object]) -> Settings:
    sections = {option.section for option in OPTIONS}
    values: dict[str, Any] = {}
    for section, table in tables.items():
        if section == DESKTOP_SECTION and isinstance(table, dict):
            continue
        if section == BOOK_SECTION:
            values["address_book"] = book_of(table)
            continue
        if section not in sections or not isinstance(table, dict):
            raise UserError(UnknownSection(section))
        for name, raw in table.items():
            option = _BY_NAME.get(name)
            if option is None or option.section != section:
                raise UserError(UnknownOption(section, name))
            values[name] = option.parse(raw)
    return Settings(**values)


def write_settings(path: Path, settings: Settings) -> None:
    """Bring the file at `path` up to `settings`: comments and order stay, defaults are not written out.

    UserError if the file there does not read: then it stays as it is.
    """
    read_settings(path)

    def change(document: tomlkit.TOMLDocument) -> None:
        for option in OPTIONS:
            value = getattr(settings, option.name)
            table = document.get(option.section, {})
            if option.name in table:
                if value is None:
                    del table[option.name]
                else:
                    table[option.name] = _as_toml(option, value)
            elif value != option.default:
                document.setdefault(option.section, tomlkit.table())[option.name] = _as_toml(option, value)

        _write_book(document, settings.address_book)

    change_document(path, change)


def _write_book(document: tomlkit.TOMLDocument, book: Book) -> None:
    if not book and BOOK_SECTION not in document:
        return
    wanted, table = dict(book), document.setdefault(BOOK_SECTION, tomlkit.table())
    for name in [name for name in table if name not in wanted]:
        del table[name]
    for name, address in book:
        if table.get(name) != address:
            table[name] = address


def needs_reconnect(before: Settings, after: Settings) -> bool:
    """Whether a session that uses `before` has to connect again to use `after`."""
    live = {name: getattr(after, name) for name in LIVE_OPTIONS}
    return replace(before, **live) != after


def _as_toml(option: Option, value: Value) -> str | int | float:
    if isinstance(value, bool):
        return value
    if option.kind in (OptionKind.COUNT, OptionKind.FACTOR) and isinstance(value, int | float):
        return value
    return option.format(value)
