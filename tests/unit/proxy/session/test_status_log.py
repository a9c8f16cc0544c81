"""What a session writes into the log beside its states: news once, and an alarm as loud as its maker wants."""

import logging
from dataclasses import replace

import pytest

from nymconnect_proxy.session.alarms import PacketsDropped, sentence
from nymconnect_proxy.session.downlink_report import DownlinkCause, DownlinkReport
from nymconnect_proxy.session.downlink_report import sentence as downlink_sentence
from nymconnect_proxy.session.session import Session
from nymconnect_proxy.session.states import State
from nymconnect_proxy.session.status_log import StatusLog
from nymconnect_proxy.settings.config import Settings


@pytest.mark.parametrize("level", [logging.INFO, logging.WARNING])
async def test_an_alarm_stands_in_the_log_once_at_the_level_that_is_wanted(
    level: int, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    session = Session(Settings(), alarm_level=level)
    session._status = replace(session._status, alarms=(PacketsDropped(),))
    session._report()
    session._report()
    assert [(line.levelno, line.getMessage()) for line in caplog.records] == [(level, sentence(PacketsDropped()))]
    session._status = replace(session._status, alarms=())
    session._report()
    assert caplog.records[1].getMessage() == f"no longer: {sentence(PacketsDropped())}"


async def test_the_downlink_is_spoken_of_while_the_port_serves_and_when_it_changes(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    kept, not_asked = DownlinkReport(DownlinkCause.KEPT), DownlinkReport(DownlinkCause.NOT_ASKED)
    connecting = replace(Session(Settings()).status, state=State.CONNECTING, downlink=kept)
    connected = replace(connecting, state=State.CONNECTED)
    log = StatusLog(logging.WARNING)
    for status in (connecting, connected, connected, replace(connected, downlink=not_asked), connected):
        log.note(status)
    expected = [downlink_sentence(kept), downlink_sentence(not_asked), downlink_sentence(kept)]
    assert [line.getMessage() for line in caplog.records] == expected
