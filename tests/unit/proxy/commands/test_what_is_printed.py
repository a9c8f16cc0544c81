"""What `nymconnect connect` and `nymconnect control` print for a person: state, downlink and alarms, each by itself."""

from dataclasses import replace

import pytest

from nymconnect.endpoints import Endpoint
from nymconnect.reasons import Words
from nymconnect_proxy.commands import control
from nymconnect_proxy.commands.connect import _Reporter
from nymconnect_proxy.commands.output import Output
from nymconnect_proxy.ingress.requester_choice import Health, RequesterState
from nymconnect_proxy.session.alarms import (
    MissedBecause,
    PacketsDropped,
    ProfileNotice,
    RateMissed,
    RequesterSilent,
    sentence,
)
from nymconnect_proxy.session.downlink_report import DownlinkCause, DownlinkReport, NoPromise
from nymconnect_proxy.session.reasons import PlainDirectory
from nymconnect_proxy.session.states import State
from nymconnect_proxy.session.status import Rates, Status
from nymconnect_proxy.session.status_json import snapshot
from nymconnect_proxy.settings.config import Settings
from nymconnect_proxy.settings.networks import NamedNetwork, Network, OwnNetwork

UP = "connected: SOCKS5 proxy on 127.0.0.1:1080, gateway G\n"
HIDDEN, SHOWS = (
    "40 packets a second reach you, whatever you receive",
    "your line shows what you receive, because ",
)
CONNECTED = Status(
    State.CONNECTED,
    0.0,
    NamedNetwork.MAINNET,
    Endpoint("127.0.0.1", 1080),
    "nym-compatible",
    Rates(50.0, 5.0),
    gateway="G",
    downlink=DownlinkReport(DownlinkCause.KEPT, promised=40.0),
)
ALARMS = [
    PacketsDropped(("10.0.0.1:1789",)),
    RateMissed(0.3, MissedBecause.LINE_STALLED),
    RequesterSilent("home"),
    ProfileNotice(Words("the profile is in use")),
]


class Printed:
    """The lines for each status."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys
        self._reporter = _Reporter(Output(as_json=False), Settings(network=NamedNetwork.MAINNET))

    def after(self, status: Status) -> str:
        self._reporter.report(status)
        return self._capsys.readouterr().out


@pytest.fixture
def printed(capsys: pytest.CaptureFixture[str]) -> Printed:
    return Printed(capsys)


@pytest.mark.parametrize("alarm", ALARMS)
def test_each_alarm_is_told_once_when_it_begins_and_when_it_has_ended(printed: Printed, alarm: object) -> None:
    assert printed.after(CONNECTED) == UP
    status = replace(CONNECTED, alarms=(alarm,))
    assert printed.after(status) == f"warning: {sentence(alarm)}\n"
    assert printed.after(status) == ""
    assert printed.after(CONNECTED) == f"no longer: {sentence(alarm)}\n"


def test_no_alarm_takes_the_words_of_another_or_of_the_state(printed: Printed) -> None:
    silent = RequesterState("home", "R", Health.SILENT, 0)
    everything = replace(CONNECTED, alarms=tuple(ALARMS), dropping=True, requesters=(silent,))
    lines = printed.after(everything).splitlines()
    assert lines == [UP.strip(), *(f"warning: {sentence(alarm)}" for alarm in ALARMS)]
    assert printed.after(replace(everything, alarms=tuple(ALARMS[1:]))) == f"no longer: {sentence(ALARMS[0])}\n"


def test_figures_alone_are_no_news(printed: Printed) -> None:
    printed.after(replace(CONNECTED, alarms=(RateMissed(0.3, MissedBecause.LINE_STALLED),)))
    assert printed.after(replace(CONNECTED, alarms=(RateMissed(0.4, MissedBecause.LINE_STALLED),))) == ""
    too_few = replace(CONNECTED, alarms=(RateMissed(0.4, MissedBecause.LINE_STALLED),))
    few = DownlinkReport(DownlinkCause.TOO_FEW, arriving=3.0, promised=50.0)
    assert printed.after(replace(too_few, downlink=few)) == SHOWS + "only 3 of 50 answers a second arrive\n"
    assert printed.after(replace(too_few, downlink=replace(few, arriving=4.0))) == ""


def test_it_is_told_when_what_is_received_shows_and_when_it_is_hidden_again(printed: Printed) -> None:
    shows = replace(CONNECTED, downlink=DownlinkReport(DownlinkCause.NOT_COUNTED))
    assert printed.after(shows) == (
        f"{UP}it is not known yet whether your line shows what you receive; "
        "the answers are counted first, usually for 10 to 40 seconds\n"
    )
    assert printed.after(CONNECTED) == f"what you receive is hidden: {HIDDEN}\n"
    other = replace(shows, downlink=DownlinkReport(DownlinkCause.NOT_PROMISED, no_promise=NoPromise.REFUSED))
    assert printed.after(other) == f"{SHOWS}the requester does not grant it\n"
    assert printed.after(CONNECTED) == f"what you receive is hidden: {HIDDEN}\n"


def test_what_is_hidden_from_the_start_is_no_news_and_alarms_that_go_with_the_connection_are_none(
    printed: Printed,
) -> None:
    assert printed.after(replace(CONNECTED, alarms=(PacketsDropped(),))).startswith(UP)
    assert printed.after(replace(CONNECTED, state=State.CONNECTING, reason=Words("lost"))) == "connecting: lost\n"


def test_control_says_that_what_is_received_shows_and_every_alarm() -> None:
    shows = replace(CONNECTED, downlink=DownlinkReport(DownlinkCause.NOT_ASKED), requester="R", alarms=tuple(ALARMS))
    assert control._sentence(snapshot(shows, 0.0)).splitlines() == [
        "connected: SOCKS5 proxy on 127.0.0.1:1080, network mainnet",
        SHOWS + "the requester has not been asked yet",
        *(f"warning: {sentence(alarm)}" for alarm in ALARMS),
    ]
    assert control._sentence(snapshot(replace(CONNECTED, requester="R"), 0.0)).count("\n") == 0


HERE = [
    NamedNetwork.PRACTICE,
    OwnNetwork("http://127.0.0.1:8081"),
    OwnNetwork("http://localhost:8081/api"),
    OwnNetwork("https://[::1]:1", "a" * 64),
]


@pytest.mark.parametrize("network", HERE)
def test_connect_and_control_say_that_a_network_on_this_computer_gives_no_anonymity(
    network: Network, capsys: pytest.CaptureFixture[str]
) -> None:
    status = replace(CONNECTED, network=network, requester="R")
    _Reporter(Output(as_json=False), Settings(network=network)).report(status)
    assert "network on this computer: it gives no anonymity)\n" in capsys.readouterr().out
    values = snapshot(status, 0.0)
    assert values["practice"] is True
    assert control._sentence(values).splitlines()[1:] == ["the network is on this computer: it gives no anonymity"]


def test_what_was_in_the_way_is_told_beside_that(printed: Printed) -> None:
    status = replace(CONNECTED, network=OwnNetwork("http://127.0.0.1:8081"), reason=Words("lost"))
    assert printed.after(status).endswith(", gateway G (lost; network on this computer: it gives no anonymity)\n")


@pytest.mark.parametrize(
    "network",
    [NamedNetwork.MAINNET, OwnNetwork("https://api.example.org"), OwnNetwork("https://127.0.0.1.example.org/")],
)
def test_nothing_of_the_kind_is_said_of_other_networks(network: Network, printed: Printed) -> None:
    status = replace(CONNECTED, network=network)
    assert "anonymity" not in printed.after(status)
    assert snapshot(status, 0.0)["practice"] is False
    assert "anonymity" not in control._sentence(snapshot(status, 0.0))


def test_why_it_has_failed_is_left_to_the_last_line_and_names_the_flag_that_helps(printed: Printed) -> None:
    reason = PlainDirectory("http://192.168.1.5/")
    assert printed.after(replace(CONNECTED, state=State.FAILED, reason=reason)) == "failed\n"
    assert "--plain-http-directory yes" in str(reason)
