"""What goes wrong, in plain words: real errors of the layers below become one clear sentence and a way on."""

import ast
import asyncio
import contextlib
import errno
import os
import random
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from nymconnect.effects import Close
from nymconnect.endpoints import Endpoint, Upstream
from nymconnect.link.gateway import messages
from nymconnect.link.gateway.client import ClientState, GatewayClientMachine
from nymconnect.storage import Directories
from nymconnect_gui.app import Program
from nymconnect_gui.pages.home import HomePage
from nymconnect_gui.text import reasons
from nymconnect_gui.text.reasons import RULES, advice
from nymconnect_gui.window import PAGES
from nymconnect_proxy.session.session import Session
from nymconnect_proxy.session.states import State
from nymconnect_proxy.settings.config import Settings
from tests.helpers.fake_session import FakeSessions, port_in_use
from tests.helpers.gateway_pair import CLIENT_IDENTITY, GATEWAY_IDENTITY
from tests.helpers.targets import unused_port
from tests.unit.gui.model.test_fields import RECIPIENT

REPOSITORY = Path(__file__).parents[4]
REFUSES, SAYS = "the gateway refuses this client: ", "the gateway says: "
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
    (REFUSES + "the gateway did not accept our authentication", "date and time", "settings-exits"),
    (SAYS + "the request's timestamp is too far from this gateway's clock", "date or time", ""),
    (REFUSES + "the gateway could not prove its identity: wrong signature", "prove", "settings-exits"),
    (REFUSES + "the gateway speaks protocol version 1, which is too old", "another version", "settings-exits"),
    ("the gateway is not understood: no JSON", "another version", "settings-exits"),
    (REFUSES + "we are full", "The gateway refused: “we are full”. Try another gateway.", "settings-exits"),
    (SAYS + "come back later", "The gateway refused: “come back later”. Try another gateway.", "settings-exits"),
    (
        SAYS + "we are full; trying another gateway",
        "The gateway refused: “we are full”. Trying another gateway.",
        "settings-exits",
    ),
    (
        "cannot reach the gateway at ws://1.2.3.4:9000: timed out; trying another gateway",
        "Trying another",
        "settings-exits",
    ),
    ("the gateway does not answer", "choose another gateway", "settings-exits"),
    ("the gateway closed the connection", "was lost", ""),
    ("the practice network has ended: killed", "save a problem report", "diagnostics-report"),
    ("internal error: 'NoneType' object has no attribute 'x'", "save a problem report", "diagnostics-report"),
    ("sending cover for 60 seconds before requests are served", "60 seconds", ""),
    ("this computer has slept for 300 seconds", "asleep", ""),
    (
        "the directory http://192.168.1.2/api speaks plain http, so anybody on the way to it could name the nodes: use "
        "https, with a fingerprint if need be, or set plain_http_directory",
        "on the way to http://192.168.1.2/api could change",
        "settings-network",
    ),
    (
        "key file /x/client.json is open to other users of this computer; delete it for new keys, or keep them by: "
        "chmod 600 /x/client.json",
        "the keys in /x/client.json. Run “chmod 600 /x/client.json” to keep them",
        "",
    ),
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


@pytest.mark.parametrize("begin", [REFUSES, SAYS])
@pytest.mark.parametrize(
    "words", ["no space left on device", "{url} internal error %s", "cannot read /x: Permission denied", "a\u2028b “c”"]
)
def test_the_words_of_a_gateway_are_quoted_and_mean_nothing_else(begin: str, words: str) -> None:
    told = advice(begin + words)
    assert told.sentence == f"The gateway refused: “{words}”. Try another gateway."
    assert told.page == "settings-exits"


def test_what_a_gateway_says_is_told_as_its_words() -> None:
    machine = GatewayClientMachine(CLIENT_IDENTITY, GATEWAY_IDENTITY.public, random.Random(1), 0.0)
    machine.start(0.0)
    machine.state = ClientState.READY
    (close,) = machine.feed_text(messages.encode(messages.Error("we close for lunch")), 1.0)
    assert isinstance(close, Close)
    assert advice(close.reason).sentence == "The gateway refused: “we close for lunch”. Try another gateway."


# --- all of them ----------------------------------------------------------------------------------------------------

# Who tells a session why something does not work, and how.
TELLERS = (
    "proxy/nymconnect_proxy/session/session.py",
    "proxy/nymconnect_proxy/session/connector.py",
    "proxy/nymconnect_proxy/session/gateway_selection.py",
    "proxy/nymconnect_proxy/ingress/local_ports.py",
    "proxy/nymconnect_proxy/ingress/listener.py",
    "proxy/nymconnect_proxy/ingress/rpc.py",
    "proxy/nymconnect_proxy/practice/network_process.py",
    "nymconnect/client/client.py",
    "nymconnect/client/pacer/transport.py",
    "nymconnect/client/gateway/connection.py",
    "nymconnect/client/pacer/parent.py",
    "nymconnect/client/pacer/child.py",
    "nymconnect/client/gateway/profile.py",
    "nymconnect/client/gateway/network_change.py",
    "nymconnect/client/gateway/topology_refresh.py",
    "proxy/nymconnect_proxy/settings/address_book.py",
    "nymconnect/runtime/outbound.py",
    "nymconnect/runtime/sockets.py",
    "gui/nymconnect_gui/platform/autostart.py",
)
ERRORS = frozenset({"UserError", "LinkLostError", "_end", "on_end", "_tell", "tell", "_read"})
ELSEWHERE = {  # what comes not to a window but to a command line or a wallet, and what other reasons stand in
    "[requesters] is not a table",
    "a requester's name has 1 to 40 letters, digits, - and _, and is not {}: '{}'",
    "an address book holds at most {} requesters",
    "the requester {}: {}",
    "NymConnect could not reach the server: it is not connected, or the requester cannot connect there.",
    "The server's certificate is not trusted.",
    "{}; entering by another one",
    "{}; trying another gateway",
}


def templates(path: Path, tellers: frozenset[str] = ERRORS) -> Iterator[str]:
    """Texts of errors and farewells in a module, and of functions that return a reason; values as {}."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        values: list[ast.expr] = []
        if isinstance(node, ast.Call):
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            values = node.args if name in tellers else []
        elif isinstance(node, ast.Return) and node.value is not None:
            values = [node.value]
        for value in values:
            if isinstance(value, ast.Constant) and isinstance(value.value, str):
                yield value.value
            elif isinstance(value, ast.JoinedStr):
                yield "".join(map(_part, value.values))


def _part(part: ast.expr) -> str:
    if isinstance(part, ast.Constant):
        return str(part.value)
    return "'{}'" if isinstance(part, ast.FormattedValue) and part.conversion == ord("r") else "{}"


def told_reasons() -> list[str]:
    found = (text for path in TELLERS for text in templates(REPOSITORY / path))
    return sorted({text for text in found if " " in text and text not in ELSEWHERE})


@pytest.mark.parametrize("template", told_reasons())
def test_every_reason_that_a_session_can_have_is_in_the_table(template: str) -> None:
    reason = template.replace("{}", "7")
    assert any(rule.pattern.search(reason) for rule in RULES), "it would be shown in English: add a rule"


@pytest.mark.parametrize(("verb", "begin"), [("_refuse", REFUSES), ("_give_up", "")])
def test_what_we_say_of_a_gateway_is_not_quoted_as_its_own_words(verb: str, begin: str) -> None:
    found = set(templates(REPOSITORY / "nymconnect/link/gateway/client.py", frozenset({verb})))
    own = {begin + text.replace("{}", "7") for text in found if not text.startswith(SAYS)}
    assert own
    for reason in own:
        assert any(rule.pattern.search(reason) for rule in RULES), reason
        assert "“" not in advice(reason).sentence, reason


def test_half_sentences_are_found_whatever_their_case() -> None:
    assert advice("cannot read /x/a: Permission denied").sentence == "/x/a cannot be used: this user may not do that."
    assert advice("cannot read /x/a: quota").sentence == "/x/a cannot be used: quota."


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
    told = advice(await failure(Settings(network="https://no-such-name.invalid", requester=RECIPIENT)))
    assert "no-such-name.invalid" in told.sentence
    assert told.page == "settings-network"


async def test_an_upstream_proxy_that_is_away() -> None:
    upstream = Upstream("socks5", "127.0.0.1", unused_port())
    told = advice(await failure(Settings(network="https://a.invalid", requester=RECIPIENT, upstream=upstream)))
    assert "proxy on the way" in told.sentence


async def test_an_exit_that_is_not_in_the_address_book() -> None:
    told = advice(await failure(Settings(network="https://a.invalid", requester="nobody")))
    assert "nobody" in told.sentence
    assert told.page == "settings-exits"


async def test_a_data_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("in the way")
    told = advice(
        await failure(Settings(network="https://a.invalid", requester=RECIPIENT), Directories.under(tmp_path))
    )
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
