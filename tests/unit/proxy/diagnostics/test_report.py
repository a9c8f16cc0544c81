"""The problem report: it says what is needed, and nothing of what was planted."""

import getpass
import logging
import platform
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nymconnect import __version__
from nymconnect.base58 import b58encode
from nymconnect.crypto import Ed25519Secret, X25519Secret
from nymconnect.endpoints import Endpoint, Upstream
from nymconnect.packet.addressing import Recipient
from nymconnect.reasons import Words
from nymconnect.runtime.clock import clock
from nymconnect_proxy.diagnostics.log_ring import MAX_LENGTH, LogLine, LogRing
from nymconnect_proxy.diagnostics.redact import Scrubber
from nymconnect_proxy.diagnostics.report import LOG_LINES, MAX_STATES, StateHistory, problem_report
from nymconnect_proxy.session.alarms import PacketsDropped
from nymconnect_proxy.session.states import State
from nymconnect_proxy.session.status import Rates, Status
from nymconnect_proxy.settings.config import OPTIONS, Settings
from nymconnect_proxy.settings.networks import NamedNetwork, OwnNetwork

IDENTITY = Ed25519Secret(bytes(range(32))).public
KEY = b58encode(IDENTITY)
RECIPIENT = str(Recipient(IDENTITY, X25519Secret(bytes(range(32))).public, IDENTITY))
SECRETS = (
    KEY,
    RECIPIENT,
    "203.0.113.77",
    "203.0.113.77:9001",
    "2001:db8::c0:ffee",
    "[2001:db8::c0:ffee]:443",
    "secret-host.example.org",
    "wallet.internal:50002",
    "https://directory.example.net/api/v1",
    "socks5://alice:hunter2pass@proxy.example.com:9050",
    "alice@example.org",
    "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
    "dGhpcyBpcyBub3QgYSBzZWNyZXQgYnV0IGxvb2tzIGxpa2Ux",
    "/home/jemandes/.config/nymconnect/settings.toml",
    "C:\\Users\\Jemandes\\AppData\\nymconnect",
    "/Users/jemandes/Library",
)
TELLING = (
    "hunter2",
    "alice",
    "jemandes",
    "Jemandes",
    "secret-host",
    "wallet.internal",
    "c0:ffee",
    "203.0.113",
    KEY[:12],
)


def status(**changes: object) -> Status:
    made = Status(
        State.CONNECTED, clock() - 5, NamedNetwork.MAINNET, Endpoint("127.0.0.1", 1080), "balanced", Rates(50.0, 5.0)
    )
    return replace(made, **changes)  # type: ignore[arg-type]


def lines(texts: Sequence[str]) -> list[LogLine]:
    return [LogLine(number, 1.0, logging.INFO, "nymconnect.client", text) for number, text in enumerate(texts, 1)]


@pytest.mark.parametrize("secret", SECRETS)
@pytest.mark.parametrize("around", ["{}", "the gateway {} is gone", "({})", "'{}',", "to={} failed: [Errno 111]"])
def test_a_planted_secret_is_not_in_the_scrubbed_text(secret: str, around: str) -> None:
    scrubbed = Scrubber()(around.format(secret))
    assert secret not in scrubbed
    assert not [word for word in TELLING if word in scrubbed], scrubbed


@pytest.mark.parametrize(
    "text",
    [
        "session is connecting: no answer from the gateway",
        "cannot listen on 127.0.0.1:1080: another program, perhaps NymConnect itself, uses it",
        "sending cover for 60 seconds before requests are served",
        "task mixnet client: gateway failed: TimeoutError()",
    ],
)
def test_what_is_nobodys_stays_readable(text: str) -> None:
    assert Scrubber()(text) == text


def test_home_user_and_computer_are_taken_out(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    home = tmp_path / "very-own-home"
    monkeypatch.setattr(Path, "home", lambda: home)
    monkeypatch.setattr(getpass, "getuser", lambda: "mallory")
    monkeypatch.setattr(platform, "node", lambda: "mallorys-laptop")
    text = Scrubber()(f"{home}/file of mallory on mallorys-laptop, MALLORY")
    assert text == "~/file of <user> on <computer>, <user>"


def test_a_system_that_knows_no_user_is_no_obstacle(monkeypatch: pytest.MonkeyPatch) -> None:
    def nobody() -> str:
        raise KeyError("uid not found")

    monkeypatch.setattr(getpass, "getuser", nobody)
    assert Scrubber()("text") == "text"


@settings(max_examples=60)
@given(st.binary(min_size=32, max_size=32), st.integers(0, 2**32 - 1), st.text(max_size=20))
def test_keys_and_addresses_never_pass_whatever_stands_around_them(key: bytes, ip: int, around: str) -> None:
    address = ".".join(str(octet) for octet in ip.to_bytes(4, "big"))
    scrubbed = Scrubber()(f"{around} {b58encode(key)} {key.hex()} {address} {around}")
    assert key.hex() not in scrubbed
    assert len(b58encode(key)) < 30 or b58encode(key) not in scrubbed
    assert address.startswith("127.") or address not in scrubbed.split()


def test_the_report_has_what_is_needed_and_nothing_that_was_planted() -> None:
    chosen = Settings(
        network=OwnNetwork("https://directory.example.net/api/v1"),
        gateway=KEY,
        requester=RECIPIENT,
        upstream=Upstream("socks5", "proxy.example.com", 9050, "alice", "hunter2pass"),
    )
    history = StateHistory()
    history.note(status(state=State.CONNECTING))
    history.note(status(state=State.FAILED, reason=Words(f"no answer from {KEY} at 203.0.113.77:9001")))
    seen = status(
        gateway=KEY,
        requester=RECIPIENT,
        suspects=("203.0.113.77:1789",),
        alarms=(PacketsDropped(("203.0.113.77:1789",)),),
        reason=Words("the upstream proxy socks5://proxy.example.com:9050 does not connect"),
        counters={"data_sent": 41, "streams": 2},
    )
    report = problem_report(chosen, seen, history.changes, lines(SECRETS), {"platform plugin": "xcb"}, ["hunter2pass"])
    for secret in (*SECRETS, *TELLING, "example.net", "proxy.example.com"):
        assert secret not in report, secret
    for needed in (__version__, "platform plugin: xcb", "data_sent: 41", "failed: no answer from", "preset: balanced"):
        assert needed in report, needed
    for option in OPTIONS:
        assert f"\n{option.name}: " in report
    assert "upstream: set (socks5, with a login)" in report
    assert "gateway: set" in report
    assert "network: a URL" in report


def test_a_directory_with_a_fingerprint_is_taken_out_in_both_halves() -> None:
    chosen = Settings(network=OwnNetwork("https://directory.example.net/api", "ab" * 32))
    told = lines(["asked https://directory.example.net/api for the nodes", "it shows " + "ab" * 32])
    report = problem_report(chosen, None, log=told)
    assert "example.net" not in report
    assert "abab" not in report


def test_every_setting_of_a_new_installation_is_told_as_it_is() -> None:
    report = problem_report(Settings(), None)
    assert "network: embedded (default)" in report
    assert "socks: 127.0.0.1:1080 (default)" in report
    assert "no session" in report
    assert report.count("\nnothing\n") == 3


def test_a_listener_that_is_not_on_loopback_is_not_told_by_its_address() -> None:
    report = problem_report(Settings(socks=Endpoint("192.168.7.9", 1080)), None)
    assert "192.168.7.9" not in report
    assert "an address of its own, port 1080" in report


def test_only_the_last_lines_of_the_log_are_in_it() -> None:
    report = problem_report(Settings(), None, log=lines([f"number {index}." for index in range(LOG_LINES + 5)]))
    assert "number 4." not in report
    assert "number 5." in report
    assert f"number {LOG_LINES + 4}." in report


def test_a_foreign_logger_that_is_named_after_a_host_is_scrubbed() -> None:
    line = LogLine(1, 0.0, logging.WARNING, "secret-host.example.org", "hello")
    assert "secret-host" not in problem_report(Settings(), None, log=[line])


def test_the_history_notes_changes_only_and_is_bounded() -> None:
    history = StateHistory()
    for _ in range(3):
        history.note(status())
    assert len(history.changes) == 1
    for number in range(MAX_STATES + 10):
        history.note(status(reason=Words(str(number))))
    assert len(history.changes) == MAX_STATES
    assert history.changes[-1].reason == Words(str(MAX_STATES + 9))


# --- the ring ---------------------------------------------------------------------------------------------------


@pytest.fixture
def logger() -> logging.Logger:
    return logging.Logger("test", logging.DEBUG)


def test_the_ring_keeps_the_last_lines_and_numbers_all(logger: logging.Logger) -> None:
    ring = LogRing(3)
    logger.addHandler(ring)
    for number in range(5):
        logger.info("line %d", number)
    assert [(line.number, line.text) for line in ring.after()] == [(3, "line 2"), (4, "line 3"), (5, "line 4")]
    assert [line.number for line in ring.after(4)] == [5]
    ring.clear()
    assert ring.after() == []
    logger.info("again")
    assert [line.number for line in ring.after()] == [6]


def test_every_record_is_one_line_of_bounded_length(logger: logging.Logger) -> None:
    ring = LogRing()
    logger.addHandler(ring)
    try:
        raise ValueError("two\nlines")
    except ValueError:
        logger.exception("it\nbroke %s", "x" * 2 * MAX_LENGTH)
    logger.info("it broke", exc_info=ValueError("two\nlines"))
    logger.info("a %d", "wrong argument")
    texts = [line.text for line in ring.after()]
    assert all("\n" not in text and len(text) <= MAX_LENGTH for text in texts)
    assert texts[1:] == ["it broke: ValueError('two\\nlines')", "a %d"]
    assert ring.after()[0].level == logging.ERROR
