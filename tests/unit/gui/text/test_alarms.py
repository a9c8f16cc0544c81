"""Every alarm and every report on the downlink has one sentence in English, one in the window, and one in German."""

from typing import get_args

import pytest
from PySide6.QtWidgets import QApplication

from nymconnect_gui.text.alarms import alarm_text, downlink_text
from nymconnect_gui.text.i18n import install
from nymconnect_proxy.session import alarms, downlink_report
from nymconnect_proxy.session.alarms import (
    Alarm,
    EntryIsExit,
    MissedBecause,
    PacketsDropped,
    ProfileNotice,
    RateMissed,
    RequesterSilent,
    WithoutEffect,
)
from nymconnect_proxy.session.downlink_report import DownlinkCause, DownlinkReport, NoPromise
from nymconnect_proxy.session.reasons import ProfileInUse

ALARMS: list[Alarm] = [
    *(RateMissed(0.07, because) for because in MissedBecause),
    PacketsDropped(),
    PacketsDropped(("10.0.0.1:1789", "10.0.0.2:1789")),
    RequesterSilent("home"),
    EntryIsExit("home"),
    WithoutEffect("gateway_country"),
    ProfileNotice(ProfileInUse()),
]
IMPOSSIBLE = {(DownlinkCause.FOLLOWS_DATA, True), (DownlinkCause.GATEWAY_UNPACED, False)}
REPORTS = [
    *(
        DownlinkReport(cause, by_gateway, 3.0, 50.0)
        for cause in DownlinkCause
        for by_gateway in (False, True)
        if (cause, by_gateway) not in IMPOSSIBLE and cause is not DownlinkCause.NOT_PROMISED
    ),
    *(DownlinkReport(DownlinkCause.NOT_PROMISED, no_promise=lack) for lack in NoPromise),
]


def test_every_class_of_alarm_is_here() -> None:
    assert {type(alarm) for alarm in ALARMS} == set(get_args(Alarm))


def all_texts() -> list[str]:
    return [*map(alarm_text, ALARMS), *map(downlink_text, REPORTS)]


def test_every_value_has_a_sentence_of_its_own_in_the_window() -> None:
    for text in all_texts():
        assert text.endswith(".")
        assert "{" not in text
    assert len(set(all_texts())) == len(all_texts())
    told = {*map(alarms.sentence, ALARMS), *map(downlink_report.sentence, REPORTS)}
    assert len(told) == len(all_texts())


def test_every_value_has_a_sentence_in_german(qapp: QApplication) -> None:
    english = all_texts()
    install(qapp, "de")
    try:
        translated = all_texts()
    finally:
        install(qapp, "en")
    for source, text in zip(english, translated, strict=True):
        assert text != source
        assert " the " not in text, "a half of it is left in English"


def test_the_values_stand_in_the_sentence() -> None:
    assert "probably at 10.0.0.1:1789, 10.0.0.2:1789." in alarm_text(ALARMS[4])
    assert alarm_text(RateMissed(0.07, MissedBecause.LINE_STALLED)).startswith("7 % of the packets")
    assert "so its operator sees both ends" in alarm_text(EntryIsExit("home"))
    assert "{broken}" in alarm_text(RequesterSilent("{broken}"))
    assert "3 of 50 answers" in downlink_text(DownlinkReport(DownlinkCause.TOO_FEW, False, 3.0, 50.0))


@pytest.mark.parametrize(("cause", "hidden"), [(DownlinkCause.KEPT, True), (DownlinkCause.TOO_FEW, False)])
def test_without_a_gateway_only_a_kept_promise_hides(cause: DownlinkCause, hidden: bool) -> None:
    assert DownlinkReport(cause).hidden is hidden
    assert DownlinkReport(cause, by_gateway=True).hidden
    assert not DownlinkReport(DownlinkCause.GATEWAY_UNPACED, by_gateway=True).hidden
