"""What goes wrong, in plain words: real errors of the layers below become one clear sentence and a way on."""

import asyncio
import contextlib
import errno
import os
import random
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path

import pytest
from aiohttp import web
from PySide6.QtWidgets import QApplication

from nymconnect.endpoints import Endpoint, Upstream
from nymconnect.link.gateway import messages
from nymconnect.link.gateway.client import ClientState, GatewayClientMachine
from nymconnect.link.gateway.events import LinkGivenUp
from nymconnect.reasons import (
    ClientCrashed,
    DirectoryUnreachable,
    DirectoryUnusable,
    GatewayDenies,
    GatewayGone,
    GatewayNotUnderstood,
    GatewayRefuses,
    GatewaySays,
    GatewaySilent,
    GatewayUnlisted,
    GatewayUnproven,
    GatewayUnreachable,
    GatewayVersion,
    KeysLost,
    LinkBroke,
    LinkFault,
    Moved,
    NoDirectoryUrl,
    NoFingerprint,
    NoGateway,
    NoReply,
    NothingComesBack,
    Reason,
    RepliesLost,
    Several,
    Slept,
    SystemSays,
    Unreachable,
    Wanted,
    Words,
)
from nymconnect.storage import Directories
from nymconnect.system_reasons import CannotListen, FileUnusable, FileUse, NewerFile, OpenToOthers
from nymconnect_gui.app import Program
from nymconnect_gui.pages.home import HomePage
from nymconnect_gui.reasons import AutostartRefused
from nymconnect_gui.text.advice import sentence_case
from nymconnect_gui.text.i18n import install
from nymconnect_gui.text.reasons import advice
from nymconnect_gui.window import PAGES
from nymconnect_proxy.ingress.reasons import LocalPort, NotAnAddress, ReachableByOthers, RpcUrlMissing, RpcUrlPrivate
from nymconnect_proxy.practice.reasons import PracticeEnded, PracticeNotStarted, PracticeTooSlow
from nymconnect_proxy.session.reasons import (
    CoverFirst,
    Crash,
    EnteringElsewhere,
    NoGatewayAnswers,
    NoGatewayIn,
    NoRequester,
    PlainDirectory,
    ProfileInUse,
    RequestersGone,
    RequestersReplaced,
    TooFewNodes,
    TryingAnother,
)
from nymconnect_proxy.session.session import Session
from nymconnect_proxy.session.states import State
from nymconnect_proxy.settings.config import Settings
from nymconnect_proxy.settings.networks import OwnNetwork
from nymconnect_proxy.settings.pasted import Fault, NotPastedWhole, Pasted
from nymconnect_proxy.settings.reasons import (
    BookFull,
    NoBook,
    OptionWrong,
    RequesterAddressWrong,
    RequesterNameWrong,
    RequesterTwice,
    RequesterUnknown,
    SettingsBroken,
    SettingsOpenToOthers,
    TooLong,
    UnknownOption,
    UnknownSection,
    ValueProblem,
    ValueWrong,
)
from tests.helpers.fake_session import FakeSessions, port_in_use
from tests.helpers.gateway_pair import CLIENT_IDENTITY, GATEWAY_IDENTITY
from tests.helpers.targets import unused_port
from tests.helpers.typed import RECIPIENT

URL = "https://a.b/"
DENIED, FULL = (SystemSays(number, os.strerror(number)) for number in (errno.EACCES, errno.ENOSPC))
FILE, SETTINGS = Path("/x/client.json"), Path("/x/settings.toml")
TAKEN = port_in_use().reason
UPSTREAM = GatewayUnreachable("ws://1.2.3.4:9000/", "the upstream proxy x does not connect", by_upstream=True)
VALUES: list[tuple[Reason, str, str]] = [
    (DirectoryUnreachable(URL, Unreachable.NO_NAME, "-"), URL + " was not found", "settings-network"),
    (DirectoryUnreachable(URL, Unreachable.NO_NETWORK, "-"), "no network", ""),
    (DirectoryUnreachable(URL, Unreachable.NO_TLS, "-"), "date and time", "settings-network"),
    (DirectoryUnreachable(URL, Unreachable.OTHER_CERTIFICATE, "-"), "fingerprint", "settings-network"),
    (DirectoryUnreachable(URL, Unreachable.NO_ANSWER, "-"), "does not answer", "settings-network"),
    (DirectoryUnreachable(URL, Unreachable.NO_UPSTREAM, "-"), "proxy on the way", "settings-network"),
    (DirectoryUnreachable(URL, Unreachable.OTHER, "-"), "Nothing answers at", "settings-network"),
    (DirectoryUnusable(URL, "not JSON"), "not the directory", "settings-network"),
    (Several((DirectoryUnusable(URL, "x"), DirectoryUnusable("b", "y"))), URL, "settings-network"),
    (PlainDirectory("http://a.b/"), "on the way to http://a.b/ could change", "settings-network"),
    (NoGateway(Wanted.NAMED), "Check its key", "settings-exits"),
    (NoGateway(Wanted.ANY), "Try again later", ""),
    (NoGateway(Wanted.ANOTHER), "Try again later", ""),
    (NoGatewayIn("CH"), "no gateway in CH", "settings-exits"),
    (NoRequester("mainnet"), "lists no exit. Enter", "settings-exits"),
    (NoRequester("mainnet", "CH"), "no exit in CH", "settings-exits"),
    (TooFewNodes(), "Try again later", ""),
    (NoGatewayAnswers(), "Try again later", ""),
    (GatewayUnlisted(named=True), "Check its key", "settings-exits"),
    (GatewayUnlisted(), "The network no longer lists the gateway.", ""),
    (EnteringElsewhere(GatewayUnlisted()), "no longer lists the gateway. Trying another gateway.", ""),
    (GatewayUnreachable("ws://1.2.3.4:9000/", "timed out"), "choose another gateway", "settings-exits"),
    (UPSTREAM, "proxy on the way", "settings-network"),
    (GatewayGone(3.0), "choose another gateway", "settings-exits"),
    (GatewayGone(3.0, UPSTREAM), "proxy on the way", "settings-network"),
    (GatewaySilent(), "choose another gateway", "settings-exits"),
    (NoReply(), "choose another gateway", "settings-exits"),
    (GatewayNotUnderstood("no JSON"), "another version", "settings-exits"),
    (GatewayVersion(1, too_old=True), "another version", "settings-exits"),
    (GatewayUnproven("wrong signature"), "prove", "settings-exits"),
    (GatewayDenies("registration"), "date and time", "settings-exits"),
    (GatewaySays("the request's timestamp is too far from this gateway's clock"), "date or time", ""),
    (GatewaySays("come back later"), "The gateway refused: “come back later”. Try another gateway.", "settings-exits"),
    (GatewayRefuses(GatewayUnproven("x")), "prove", "settings-exits"),
    (TryingAnother(GatewaySays("full")), "The gateway refused: “full”. Trying another gateway.", "settings-exits"),
    (EnteringElsewhere(NoReply()), "Trying another", "settings-exits"),
    (LinkBroke(LinkFault.CLOSED), "was lost", ""),
    (NothingComesBack(30.0), "was lost", ""),
    (ClientCrashed("x"), "save a problem report", "diagnostics-report"),
    (Crash("the session", "x"), "save a problem report", "diagnostics-report"),
    (PracticeEnded("killed"), "save a problem report", "diagnostics-report"),
    (CoverFirst(60.0), "60 seconds", ""),
    (Slept(300.0), "asleep", ""),
    (Moved(), "another network", ""),
    (RequestersGone(("home",)), "no longer has the exit home", "settings-exits"),
    (RequestersReplaced(), "Taking others", ""),
    (FULL, "disk is full", ""),
    (DENIED, "This user may not do that.", ""),
    (FileUnusable(SETTINGS, FileUse.WRITE, FULL), "disk is full", ""),
    (FileUnusable(FILE, FileUse.READ, DENIED), "/x/client.json cannot be used: this user may not do that.", ""),
    (FileUnusable(FILE, FileUse.READ, SystemSays(None, "quota")), "/x/client.json cannot be used: quota.", ""),
    (NewerFile(SETTINGS), "/x/settings.toml was written by a newer version", ""),
    (OpenToOthers(FILE, "key file"), "the keys in /x/client.json. Run “chmod 600 /x/client.json” to keep them", ""),
    (CannotListen("127.0.0.1", 80, DENIED), "open 127.0.0.1:80: this user may not do that.", "settings-proxy"),
    (CannotListen("192.0.2.1", 80, SystemSays(errno.EADDRNOTAVAIL, "x")), "has no such address", "settings-proxy"),
    (TAKEN, "another program uses it. Choose", "settings-proxy"),
    (NotAnAddress(LocalPort.SOCKS, "localhost"), "takes an IP address", "settings-proxy"),
    (ReachableByOthers(LocalPort.RPC, "0.0.0.0"), "Other computers reach 0.0.0.0", "settings-proxy"),
    (RpcUrlMissing(), "rpc_listen without rpc_url", ""),
    (RpcUrlPrivate("node.lan"), "No exit can look up node.lan", ""),
    (RpcUrlPrivate("10.0.0.7", is_address=True), "10.0.0.7, which the settings file names in rpc_url,", ""),
    (NoDirectoryUrl("ftp://a"), "ftp://a is not the address of a directory", "settings-network"),
    (NoDirectoryUrl("http://a#1", has_no_certificate=True), "Correct http://a#1", "settings-network"),
    (NoFingerprint(), "64 digits", "settings-network"),
    (KeysLost(), "has new ones", ""),
    (RepliesLost(), "Replies to the last session", ""),
    (ProfileInUse(), "runs already", ""),
    (AutostartRefused(DENIED), "starts at login: this user may not do that.", ""),
    (PracticeNotStarted("killed"), "save a problem report", "diagnostics-report"),
    (PracticeTooSlow(60.0), "save a problem report", "diagnostics-report"),
    (RequesterUnknown("home"), "No exit is named home", "settings-exits"),
    (RequesterTwice(), "Remove one of the two", "settings-exits"),
    (
        SettingsBroken(SETTINGS, OptionWrong("socks", ValueWrong(ValueProblem.ENDPOINT, "x"))),
        "the value of socks is wrong",
        "",
    ),
    (SettingsBroken(SETTINGS, Words("Expected '=' (at line 1)")), "cannot be used: Expected '=' (at line 1).", ""),
    (SettingsBroken(SETTINGS, UnknownSection("log"), 7), "settings.toml, line 7: no section is named log.", "settings"),
    (SettingsOpenToOthers(SETTINGS), "password in /x/settings.toml. Run “chmod 600 /x/settings.toml”", "settings"),
    (SettingsOpenToOthers(SETTINGS, may_write=True), "can change the settings in /x/settings.toml", "settings"),
    (OptionWrong("socks", ValueWrong(ValueProblem.PORT, "x")), "The value of socks is wrong", ""),
    (ValueWrong(ValueProblem.SWITCH, "x"), "The value is wrong", ""),
    (NotPastedWhole(Pasted.NYM_ADDRESS, Fault.SHAPE, "ab"), "“ab” is no Nym address", "settings-exits"),
    (NotPastedWhole(Pasted.IDENTITY_KEY, Fault.NO_KEY, "ab"), "“ab” is no key of a gateway", "settings-exits"),
    (UnknownSection("log"), "No section is named log", ""),
    (UnknownOption("socks", "x"), "The section socks has no entry x", ""),
    (NoBook(), "list of exits", ""),
    (RequesterNameWrong("?", "directory"), "the name “?”.", ""),
    (RequesterAddressWrong("home", Words("no key")), "address of the exit home", ""),
    (BookFull(200), "200", ""),
    (TooLong(1024), "too long", ""),
]
KNOWN = [(Words("why"), "Why", ""), *VALUES]


@pytest.mark.parametrize(("reason", "part", "page"), KNOWN)
def test_a_known_reason_is_a_clear_sentence_with_a_way_on(reason: Reason, part: str, page: str) -> None:
    told = advice(reason)
    assert part in told.sentence
    assert told.page == page
    assert told.sentence.endswith(".")
    assert "{" not in told.sentence


@pytest.mark.parametrize("page", sorted({page for _, _, page in VALUES}))
def test_every_page_that_helps_exists(page: str) -> None:
    assert page in {"", *(spec.key for spec in PAGES)}


def test_an_unknown_reason_is_shown_as_it_is() -> None:
    assert advice(Words("something new happened")).sentence == "Something new happened."
    assert advice(Words("")).sentence == ""
    assert advice(Words("it is {broken} %s")).sentence == "It is {broken} %s."


@pytest.mark.parametrize("refuses", [False, True])
@pytest.mark.parametrize(
    "words", ["no space left on device", "{url} internal error %s", "cannot read /x: Permission denied", "a\u2028b “c”"]
)
def test_the_words_of_a_gateway_are_quoted_and_mean_nothing_else(refuses: bool, words: str) -> None:
    said = GatewaySays(words)
    told = advice(GatewayRefuses(said) if refuses else said)
    assert told.sentence == f"The gateway refused: “{words}”. Try another gateway."
    assert told.page == "settings-exits"


def test_what_a_gateway_says_is_told_as_its_words() -> None:
    machine = GatewayClientMachine(CLIENT_IDENTITY, GATEWAY_IDENTITY.public, random.Random(1), 0.0)
    machine.start(0.0)
    machine.state = ClientState.READY
    (close,) = machine.feed_text(messages.encode(messages.Error("we close for lunch")), 1.0)
    assert isinstance(close, LinkGivenUp)
    assert isinstance(close.reason, Reason)
    assert advice(close.reason).sentence == "The gateway refused: “we close for lunch”. Try another gateway."


# --- all of them ----------------------------------------------------------------------------------------------------


def kinds(base: type[Reason] = Reason) -> set[str]:
    """The names of all that there are. Names, for the class that a dataclass with slots is made from may linger."""
    return {name for sub in base.__subclasses__() for name in (sub.__name__, *kinds(sub))}


def test_every_kind_of_reason_is_here() -> None:
    assert {type(reason).__name__ for reason, _, _ in KNOWN} == kinds()


def test_every_value_has_a_line_in_english_and_a_sentence_in_the_window_and_in_german(qapp: QApplication) -> None:
    english = [advice(reason).sentence for reason, _, _ in VALUES]
    install(qapp, "de")
    try:
        german = [advice(reason).sentence for reason, _, _ in VALUES]
    finally:
        install(qapp, "en")
    for (reason, _, _), source, text in zip(VALUES, english, german, strict=True):
        assert str(reason)
        assert str(reason)[-1] not in ".!?"
        assert source != sentence_case(str(reason)), f"{reason!r} is shown in the words of the log"
        assert text != source, f"{reason!r} has no German"
        assert " the " not in text


@pytest.mark.parametrize("number", [errno.EACCES, errno.EROFS, errno.ENOTDIR, errno.EISDIR, errno.ENOENT])
def test_what_the_system_says_of_a_file_is_said_in_other_words(number: int) -> None:
    words = os.strerror(number)
    told = advice(FileUnusable(FILE, FileUse.READ, SystemSays(number, words))).sentence
    assert told.startswith("/x/client.json cannot be used: ")
    assert words not in told


@pytest.mark.parametrize("problem", ValueProblem)
def test_each_problem_of_an_option_is_one_line_in_english(problem: ValueProblem) -> None:
    said = str(OptionWrong("socks", ValueWrong(problem, "{given}", "10")))
    assert said.startswith("socks: ")
    assert "{detail}" not in said
    assert ("'{given}'" in said) is ("{given}" in problem.value)


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


async def failure(settings: Settings, files: Directories | None = None) -> Reason:
    """Why a real session with these settings fails."""
    session = Session(replace(settings, socks=Endpoint("127.0.0.1", 0)), directories=files)
    await session.connect()
    try:
        async with asyncio.timeout(60):
            reason = (await session.wait(State.FAILED)).reason
            assert reason is not None
            return reason
    finally:
        await session.disconnect()


async def test_a_directory_that_is_not_there() -> None:
    told = advice(await failure(Settings(network=OwnNetwork(f"http://127.0.0.1:{unused_port()}"), requester=RECIPIENT)))
    assert "Nothing answers at" in told.sentence
    assert told.page == "settings-network"


@pytest.mark.parametrize("text", ["not a directory", "{}"])
async def test_a_server_that_is_no_directory(text: str) -> None:
    async with directory(lambda: web.Response(text=text, content_type="application/json")) as url:
        told = advice(await failure(Settings(network=OwnNetwork(url), requester=RECIPIENT)))
    assert "is not the directory of a mixnet" in told.sentence
    assert told.page == "settings-network"


async def test_a_name_that_does_not_resolve() -> None:
    told = advice(await failure(Settings(network=OwnNetwork("https://no-such-name.invalid"), requester=RECIPIENT)))
    assert "no-such-name.invalid" in told.sentence
    assert told.page == "settings-network"


async def test_an_upstream_proxy_that_is_away() -> None:
    upstream = Upstream("socks5", "127.0.0.1", unused_port())
    told = advice(
        await failure(Settings(network=OwnNetwork("https://a.invalid"), requester=RECIPIENT, upstream=upstream))
    )
    assert "proxy on the way" in told.sentence


async def test_an_exit_that_is_not_in_the_address_book() -> None:
    told = advice(await failure(Settings(network=OwnNetwork("https://a.invalid"), requester="nobody")))
    assert "nobody" in told.sentence
    assert told.page == "settings-exits"


async def test_a_data_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("in the way")
    told = advice(
        await failure(
            Settings(network=OwnNetwork("https://a.invalid"), requester=RECIPIENT), Directories.under(tmp_path)
        )
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
    reason: Reason, part: str, page: str, home: HomePage, program: Program, sessions: FakeSessions
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
