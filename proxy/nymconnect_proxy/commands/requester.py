"""``nymconnect requester``: the address book, requesters that the directory lists, and what one says of itself."""

import argparse
import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace

import msgspec

from nymconnect.errors import NymError, UserError
from nymconnect.runtime.clock import SYSTEM_RNG
from nymconnect.storage import Directories
from nymconnect_proxy.commands.connect import settings_file
from nymconnect_proxy.commands.output import Output
from nymconnect_proxy.ingress.multiplexer import Exchange
from nymconnect_proxy.ingress.requester_choice import KnownRequester
from nymconnect_proxy.protocol.queries import (
    DescriptionAnswer,
    ExitPolicyAnswer,
    OpenProxyAnswer,
    Query,
    QueryErrorAnswer,
)
from nymconnect_proxy.protocol.requests import ControlRequest
from nymconnect_proxy.protocol.responses import BinaryInfo, ControlError, Response, SupportedVersions
from nymconnect_proxy.session.connector import Passage, Watcher
from nymconnect_proxy.settings.address_book import with_entry, without_entry
from nymconnect_proxy.settings.config import Settings, settings_from, write_settings
from nymconnect_proxy.settings.options import DIRECTORY

PATIENCE = 60.0  # seconds for an answer
MAX_TEXT = 500  # characters of a requester's own words
_QUESTIONS = (
    ControlRequest.BINARY_INFO,
    ControlRequest.SUPPORTED_VERSIONS,
    Query.DESCRIPTION,
    Query.OPEN_PROXY,
    Query.EXIT_POLICY,
)


async def run(flags: argparse.Namespace) -> int:
    """One action; UserError if it fails, or if nobody answers."""
    output = Output(flags.json)
    if flags.action in ("add", "remove"):
        _change_book(flags, output)
        return 0
    settings = settings_from(flags, settings_file(flags.settings))
    if flags.action == "list":
        await _list(settings, output, from_directory=flags.directory)
        return 0
    return await _query(settings, flags.name, output)


def _change_book(flags: argparse.Namespace, output: Output) -> None:
    path = settings_file(flags.settings)
    settings = settings_from(argparse.Namespace(), path)
    if flags.action == "add":
        book = with_entry(settings.address_book, flags.name, flags.address)
        sentence = f"{flags.name} is in the address book; use it with --requester {flags.name}"
    else:
        book = without_entry(settings.address_book, flags.name)
        sentence = f"{flags.name} is no longer in the address book"
    write_settings(path, replace(settings, address_book=book))
    output.event(flags.action, {"name": flags.name}, sentence)


async def _list(settings: Settings, output: Output, *, from_directory: bool) -> None:
    rows = list(settings.address_book)
    if from_directory:
        async with contextlib.AsyncExitStack() as stack:
            passage = _passage(replace(settings, requester=DIRECTORY))
            await passage.open(stack)
            rows = [(known.name, str(known.address)) for known in passage.requesters]
    for name, address in rows:
        output.event("requester", {"name": name, "address": address}, f"{name}  {address}")
    if not rows:
        output.event("none", {}, "the address book is empty: nymconnect requester add NAME ADDRESS")


# --- query ------------------------------------------------------------------------------------------------------


async def _query(settings: Settings, name: str | None, output: Output) -> int:
    """Ask one requester, or each that the settings name, through the mixnet."""
    silent: list[str] = []
    async with _joined(settings if name is None else replace(settings, requester=name)) as (exchange, requesters):
        for requester in requesters:
            answers = await _answers(exchange, requester)
            if not answers:
                silent.append(requester.name)
                continue
            values = {"name": requester.name, "address": str(requester.address), **_values(answers)}
            output.event("requester", values, "\n".join(_page(values)))
    if silent:
        raise UserError(f"no answer within {PATIENCE:g} seconds from {', '.join(silent)}")
    return 0


@contextlib.asynccontextmanager
async def _joined(settings: Settings) -> AsyncIterator[tuple[Exchange, list[KnownRequester]]]:
    """A client in the mixnet, and whom to ask."""
    async with contextlib.AsyncExitStack() as stack:
        passage = _passage(settings)
        await passage.open(stack)
        client = await passage.enter(stack)
        choice = passage.choice(client)
        exchange = Exchange(client, choice, replace(passage.exchange_options, check_timeout=None), SYSTEM_RNG)
        exchange.start()
        stack.push_async_callback(exchange.stop)
        yield exchange, choice.in_use


def _passage(settings: Settings) -> Passage:
    quiet = Watcher(lambda _up, _reason: None, lambda _loops: None, lambda _reason: None, lambda _part, _error: None)
    return Passage(settings, None, Directories.of_user(), quiet)


async def _answers(exchange: Exchange, requester: KnownRequester) -> list[Response]:
    """What it has answered in time; other software need not know all questions."""
    questions = [asyncio.ensure_future(exchange.ask(requester.address, question)) for question in _QUESTIONS]
    done, late = await asyncio.wait(questions, timeout=PATIENCE)
    for question in late:
        question.cancel()
    await asyncio.gather(*late, return_exceptions=True)
    answered: list[Response] = []
    for question in questions:
        if question in done:
            with contextlib.suppress(NymError):
                answered.append(question.result())
    return answered


def _values(answers: list[Response]) -> dict[str, object]:
    """The JSON of the answers; `docs/cli.md` explains the fields."""
    values: dict[str, object] = {}
    for answer in answers:
        match answer:
            case BinaryInfo(name, build):
                values |= {"software": _shown(name), "version": _shown(build.build_version)}
            case SupportedVersions(interface, provider):
                values |= {"interface": _version(interface), "protocol": _version(provider)}
            case DescriptionAnswer(text):
                values["description"] = _shown(text)
            case OpenProxyAnswer(is_open):
                values["open_proxy"] = is_open
            case ExitPolicyAnswer(enabled, upstream, policy):
                values |= {"policy_enabled": enabled, "policy_source": _shown(upstream)}
                values["policy"] = [str(rule) for rule in policy.rules] if policy else None
            case QueryErrorAnswer(text) | ControlError(text):
                values["error"] = _shown(text)
    return values


def _page(values: Mapping[str, object]) -> list[str]:
    """For a person; the policy comes last, for it may be long."""
    rules = values.get("policy")
    lines = [f"requester: {values['name']}", f"address: {values['address']}"]
    lines += [
        f"{caption}: {values[key]}"
        for key, caption in (
            ("software", "software"),
            ("version", "version"),
            ("interface", "interface version"),
            ("protocol", "SOCKS5 protocol version"),
            ("description", "says of itself"),
            ("policy_source", "exit policy from"),
            ("error", "error"),
        )
        if values.get(key)
    ]
    if "open_proxy" in values:
        lines.append("connects to every public address" if values["open_proxy"] else "connects where its policy allows")
    return lines + (["exit policy, the first rule that matches decides:", *rules] if isinstance(rules, list) else [])


def _version(text: str) -> str:
    """A version as a person reads it; it comes as JSON in a text."""
    try:
        version = msgspec.json.decode(text)
    except (msgspec.MsgspecError, RecursionError):
        return _shown(text)
    if isinstance(version, dict) and version.get("type") == "Versioned":
        return _shown(str(version.get("version")))
    return "legacy" if version == {"type": "Legacy"} else _shown(text)


def _shown(text: str) -> str:
    """Somebody else's words: cut, and without what a terminal would obey."""
    return "".join(character if character.isprintable() else " " for character in text[:MAX_TEXT])
