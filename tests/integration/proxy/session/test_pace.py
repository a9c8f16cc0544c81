"""A rate that this machine cannot keep, on a real network: the status says so."""

from dataclasses import replace

import pytest

from nymconnect_proxy.exit.requester import embedded_requester
from nymconnect_proxy.practice.embedded import EmbeddedNetwork
from nymconnect_proxy.session.alarms import Alarm, RateMissed
from nymconnect_proxy.session.session import Session
from nymconnect_proxy.session.states import State
from tests.helpers.stage import FAST, eventually, reach, settings_for

BEYOND_ANY_MACHINE = replace(FAST, paced=True, message_sending_average_delay=1 / 20_000)


async def test_a_rate_that_cannot_be_kept_is_an_alarm_and_stands_in_the_log_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    network = EmbeddedNetwork(embedded_requester, 1, 2, requester_traffic=FAST)
    await network.start()
    told: list[tuple[Alarm, ...]] = []
    session = Session(settings_for(network), lambda status: told.append(status.alarms), BEYOND_ANY_MACHINE)
    try:
        await session.connect()
        await reach(session, State.CONNECTED)
        await eventually(lambda: any(isinstance(alarm, RateMissed) for alarm in session.status.alarms))
        assert any(isinstance(alarm, RateMissed) for alarms in told for alarm in alarms)
    finally:
        await session.disconnect()
        await network.stop()
    assert session.status.alarms == ()
    said = [line.getMessage() for line in caplog.records if line.name == "nymconnect_proxy.session.status_log"]
    assert sum("of the packets that should leave are missing" in line for line in said) == 1, said
