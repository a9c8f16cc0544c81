"""A rate that this machine cannot keep, on a real network: the status says so."""

from dataclasses import replace

from nymconnect.embedded import EmbeddedNetwork
from nymconnect_proxy.requester import embedded_requester
from nymconnect_proxy.session import Session
from nymconnect_proxy.states import State
from tests.helpers.stage import FAST, eventually, reach, settings_for

BEYOND_ANY_MACHINE = replace(FAST, paced=True, message_sending_average_delay=1 / 20_000)


async def test_a_rate_that_cannot_be_kept_is_an_alarm() -> None:
    network = EmbeddedNetwork(embedded_requester, 1, 2, requester_traffic=FAST)
    await network.start()
    told: list[tuple[str, ...]] = []
    session = Session(settings_for(network), lambda status: told.append(status.alarms), BEYOND_ANY_MACHINE)
    try:
        await session.connect()
        await reach(session, State.CONNECTED)
        await eventually(lambda: any("packets that should leave" in alarm for alarm in session.status.alarms))
        assert any("packets that should leave" in alarm for alarms in told for alarm in alarms)
    finally:
        await session.disconnect()
        await network.stop()
    assert session.status.alarms == ()
