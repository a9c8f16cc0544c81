"""What a session writes into the log: each alarm once, as loud as its maker wants."""

import logging
from dataclasses import replace

import pytest

from nymconnect_proxy.session.alarms import PacketsDropped, sentence
from nymconnect_proxy.session.session import Session
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
