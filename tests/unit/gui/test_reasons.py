"""What goes wrong, in plain words: real errors of the layers below become one clear sentence and a way on."""

import asyncio
import contextlib
import errno
import os
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from nymconnect.config import Settings
from nymconnect.options import Endpoint, Upstream
from nymconnect.storage import Directories
from nymconnect_gui import reasons
from nymconnect_gui.app import Program
from nymconnect_gui.pages.home import HomePage
from nymconnect_gui.reasons import RULES, advice
from nymconnect_gui.window import PAGES
from nymconnect_proxy.session import Session
from nymconnect_proxy.states import State
from tests.helpers.fake_session import FakeSessions, port_in_use
from tests.helpers.targets import unused_port
from tests.unit.gui.test_fields import RECIPIENT

KNOWN = [
    ("cannot write /x/settings.toml: No space left on device", "disk is full", ""),
    ("cannot listen on 127.0.0.1:80: Permission denied", "127.0.0.1:80", "settings-proxy"),
    ("directory http://a.b/ cannot be reached: its name does not resolve", "http://a.b/", "settings-network"),
    ("directory http://a.b/ cannot be reached: Network is unreachable", "no network", ""),
    ("directory https://a.b/ cannot be reached: no trusted TLS connection", "date and time", "settings-network"),
    ("directory http://a.b/ cannot be reached: no answer within 30 s", "does not answer", "settings-network"),
    ("directory http://a.b/ gave no usable answer: not JSON", "not the directory", "settings-network"),
    ("the directory lists no such gateway", "Check its key", "settings-exits"),
    ("the directory lists no usable gateway", "Try again later", ""),
    ("the directory lists too few nodes to route through; try again later", "Try again later", ""),
    ("the network mainnet lists no requester: give the address of one", "no exit", "settings-exits"),
    ("no requester is named 'home': add it with …", "home", "settings-exits"),
    ("the gateway did not accept our authentication", "date and time", "settings-exits"),
    ("the gateway could not prove its identity: wrong signature", "prove", "settings-exits"),
    (
        "cannot reach the gateway at ws://1.2.3.4:9000: timed out; trying another gateway",
        "Trying another",
        "settings-exits",
    ),
    ("the gateway closed the connection", "was lost", ""),
    ("the practice network has ended: killed", "save a problem report", "diagnostics-report"),
    ("internal error: 'NoneType' object has no attribute 'x'", "save a problem report", "diagnostics-report"),
    ("sending cover for 60 seconds before requests are served", "60 seconds", ""),
    ("somebody drops packets, probably at 1.2.3.4:1789; data goes around it", "1.2.3.4:1789", "diagnostics"),
    ("this computer has slept for 300 seconds", "asleep", ""),
]


@pytest.mark.parametrize(("reason", "part", "page"), KNOWN)
def test_a_known_reason_is_a_clear_sentence_with_a_way_on(reason: str, part: str, page: str) -> None:
    told = advice(reason)
    assert part in told.sentence
    assert told.page == page
    assert told.sentence.endswith(".")
    assert "{" not in told.sentence


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.text[:30])
def test_every_rule_is_hit_by_its_own_example_and_leads_to_a_page_that_exists(rule: Any) -> None:
    placeholders = {name for name in rule.pattern.groupindex if "{" + name + "}" in rule.text}
    assert placeholders <= set(rule.pattern.groupindex)
    assert rule.page in {"", *(spec.key for spec in PAGES)}


def test_an_unknown_reason_is_shown_as_it_is() -> None:
    assert advice("something new happened").sentence == "Something new happened."
    assert advice("").sentence == ""
    assert advice("it is {broken} %s").sentence == "It is {broken} %s."


# --- the real errors ------------------------------------------------------------------------------------------------


@contextlib.asynccontextmanager
async def directory(answer: Callable[[], web.Response]) -> AsyncIterator[str]:
    async def reply(_: web.Request) -> web.Response:
        return answer()

    application = web.Application()
    application.router.add_route("*", "/{path:.*}", reply)
    runner = web.AppRunner(application)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


async def failure(settings: Settings, files: Directories | None = None) -> str:
    """Why a real session with these settings fails."""
    session = Session(replace(settings, socks=Endpoint("127.0.0.1", 0)), directories=files)
    await session.connect()
    try:
        async with asyncio.timeout(60):
            return (await session.wait(State.FAILED)).reason
    finally:
        await session.disconnect()


async def test_a_directory_that_is_not_there() -> None:
    told = advice(await failure(Settings(network=f"http://127.0.0.1:{unused_port()}", requester=RECIPIENT)))
    assert "Nothing answers at" in told.sentence
    assert told.page == "settings-network"


@pytest.mark.parametrize("text", ["not a directory", "{}"])
async def test_a_server_that_is_no_directory(text: str) -> None:
    async with directory(lambda: web.Response(text=text, content_type="application/json")) as url:
        told = advice(await failure(Settings(network=url, requester=RECIPIENT)))
    assert "is not the directory of a mixnet" in told.sentence
    assert told.page == "settings-network"


async def test_a_name_that_does_not_resolve() -> None:
    told = advice(await failure(Settings(network="http://no-such-name.invalid", requester=RECIPIENT)))
    assert "no-such-name.invalid" in told.sentence
    assert told.page == "settings-network"


async def test_an_upstream_proxy_that_is_away() -> None:
    upstream = Upstream("socks5", "127.0.0.1", unused_port())
    told = advice(await failure(Settings(network="http://a.invalid", requester=RECIPIENT, upstream=upstream)))
    assert "proxy on the way" in told.sentence


async def test_an_exit_that_is_not_in_the_address_book() -> None:
    told = advice(await failure(Settings(network="http://a.invalid", requester="nobody")))
    assert "nobody" in told.sentence
    assert told.page == "settings-exits"


async def test_a_data_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("in the way")
    told = advice(await failure(Settings(network="http://a.invalid", requester=RECIPIENT), Directories.under(tmp_path)))
    assert "cannot be used" in told.sentence


# --- on Home --------------------------------------------------------------------------------------------------------


@pytest.fixture
def home(program: Program) -> HomePage:
    program.window.show()
    page = program.window.page("home")
    assert isinstance(page, HomePage)
    return page


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110 -- the bridge's tasks do not call back
            await asyncio.sleep(0)


@pytest.mark.parametrize(("reason", "part", "page"), [row for row in KNOWN if row[2]])
async def test_a_failure_offers_the_page_that_helps(
    reason: str, part: str, page: str, home: HomePage, program: Program, sessions: FakeSessions
) -> None:
    program.bridge.connect_now()
    await until(lambda: bool(sessions.made))
    sessions.last.become(State.FAILED, reason=reason)
    assert part in home.sentence.text()
    assert home.try_again.isVisible()
    assert home.help.isVisible()
    home.help.click()
    assert program.window.current == page
    await program.bridge.close()


async def test_a_port_that_is_taken_offers_the_next_one(
    home: HomePage, program: Program, sessions: FakeSessions
) -> None:
    sessions.refusal = port_in_use()
    program.bridge.connect_now()
    await until(lambda: program.bridge.problem is not None)
    assert home.other_port.isVisible()
    assert not home.help.isVisible()
    sessions.refusal = None
    home.other_port.click()
    await until(lambda: len(sessions.made) == 2)
    assert program.bridge.settings.socks.port > 1080
    await program.bridge.close()


@pytest.mark.parametrize(
    "error", [OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)), RuntimeError("a bug"), MemoryError()]
)
async def test_a_crash_inside_the_session_is_told_and_a_new_attempt_is_possible(
    error: Exception, home: HomePage, program: Program, sessions: FakeSessions
) -> None:
    sessions.refusal = error
    program.bridge.connect_now()
    await until(lambda: program.bridge.problem is not None)
    assert home.sentence.text()
    assert home.try_again.isVisible()
    sessions.refusal = None
    home.try_again.click()
    await until(lambda: len(sessions.made) == 2)
    await program.bridge.close()


def test_the_sentences_of_the_table_are_sentences() -> None:
    for text in (*(rule.text for rule in RULES), reasons.TRIES_ANOTHER):
        assert text.endswith(".")
        assert text[0].isupper() or text.startswith("{")
