"""What strangers can cause at will does not fill a log."""

import logging

import pytest
from aiohttp.http_exceptions import BadHttpMessage

from nymconnect.runtime.faults import FaultLog
from nymconnect.runtime.http_log import http_log
from nymconnect.runtime.repeats import PAUSE

LOG = logging.getLogger("nymconnect.test")
ADDRESS = "192.0.2.7"


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    moment = [0.0]
    for module in (FaultLog.__module__, http_log.__module__):
        monkeypatch.setattr(f"{module}.clock", lambda: moment[0])
    return moment


def test_a_failure_is_told_a_few_times_a_minute_and_counted(now: list[float], caplog: pytest.LogCaptureFixture) -> None:
    log = FaultLog(LOG, burst=2)
    for _ in range(1000):
        log.note("a request made us fail", ValueError("odd"))
    assert caplog.messages == ["a request made us fail: ValueError: odd"] * 2
    now[0] = PAUSE
    log.note("a request made us fail", ValueError("odd"))
    assert caplog.messages[2] == "a request made us fail: ValueError: odd (times since the last such line: 999)"


def complain(log: logging.Logger, error: Exception) -> None:
    """As aiohttp's server does."""
    try:
        raise error
    except type(error) as caught:
        log.exception("Error handling request from %s", ADDRESS, exc_info=caught)


@pytest.mark.usefixtures("now")
def test_what_is_no_http_is_one_line_without_an_address_and_no_error(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, logger=LOG.name)
    server = http_log("directory", LOG)
    for _ in range(1000):
        complain(server, BadHttpMessage("Bad status line"))
    (line,) = caplog.records
    assert line.levelno == logging.WARNING
    assert "directory: a peer sent what is no HTTP request" in line.getMessage()


@pytest.mark.usefixtures("now")
def test_a_server_that_fails_is_an_error_once_a_minute(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, logger=LOG.name)
    server = http_log("directory", LOG)
    for _ in range(1000):
        complain(server, KeyError("ours"))
    (line,) = caplog.records
    assert line.levelno == logging.ERROR
    assert "KeyError" in line.getMessage()
    assert ADDRESS not in caplog.text


@pytest.mark.usefixtures("now")
def test_who_looks_for_faults_sees_all_of_it_at_debug_level(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, logger=LOG.name)
    server = http_log("directory", LOG)
    for _ in range(3):
        complain(server, BadHttpMessage("Bad status line"))
    assert [record.levelno for record in caplog.records if ADDRESS in record.getMessage()] == [logging.DEBUG] * 3
