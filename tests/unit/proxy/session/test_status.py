"""The snapshot as JSON, as docs/cli.md explains it."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from nymconnect.client.parameters import TrafficParameters
from nymconnect.endpoints import Endpoint
from nymconnect.reasons import Words
from nymconnect_proxy.session.alarms import PacketsDropped
from nymconnect_proxy.session.downlink_report import DownlinkCause, DownlinkReport
from nymconnect_proxy.session.states import State
from nymconnect_proxy.session.status import Rates, Status
from nymconnect_proxy.session.status_json import measured, snapshot
from nymconnect_proxy.settings.networks import NamedNetwork

REPOSITORY = Path(__file__).parents[4]
OFFSET = 1_000_000.0  # of Unix time
PLAIN = Status(
    State.CONNECTING, 0.0, NamedNetwork.MAINNET, Endpoint("127.0.0.1", 1080), "nym-compatible", Rates(50.0, 5.0)
)
FULL = replace(
    PLAIN,
    gateway="G",
    gateway_port=9000,
    requester="R",
    reason=Words("why"),
    loss=0.01,
    delay=0.2,
    dropping=True,
    suspects=("10.0.0.1:1789",),
    queue=3,
    streams=2,
    bytes_up=10,
    bytes_down=20,
    alarms=(PacketsDropped(),),
    downlink=DownlinkReport(DownlinkCause.NOT_ASKED),
)


def test_every_field_of_a_status_is_documented() -> None:
    manual = (REPOSITORY / "docs" / "cli.md").read_text(encoding="utf-8")
    assert all(f"`{name}`" in manual for name in snapshot(FULL, OFFSET))


def test_a_status_is_json() -> None:
    values = json.loads(json.dumps(snapshot(FULL, OFFSET)))
    assert values["rates"] == {"main": 50.0, "loop": 5.0}
    assert values["since"] == FULL.since + OFFSET
    assert values["downlink_hidden"] is False
    assert values["downlink"].endswith("because the requester has not been asked yet")
    assert values["downlink_cause"] == "not_asked"
    assert values["alarms"] == ["somebody drops packets; data goes around it where it can"]
    assert values["packet_version"] == 259
    assert values["suspects"] == ["10.0.0.1:1789"]
    assert measured(FULL).items() <= snapshot(FULL, OFFSET).items()


def test_what_there_is_nothing_to_say_about_is_left_out() -> None:
    assert not {"gateway", "gateway_port", "requester", "reason", "suspects", "alarms"} & set(snapshot(PLAIN, OFFSET))


@pytest.mark.parametrize(
    ("traffic", "rates"),
    [
        (TrafficParameters(), Rates(50.0, 5.0)),
        (TrafficParameters(paced=False), Rates(None, 5.0)),
        (TrafficParameters(loop_cover=False), Rates(50.0, None)),
    ],
)
def test_rates_are_those_of_the_traffic_parameters(traffic: TrafficParameters, rates: Rates) -> None:
    assert Rates.of(traffic) == rates
