"""What the window says of alarms and of the downlink: each value becomes one sentence in the language in force."""

from PySide6.QtCore import QCoreApplication

from nymconnect_gui.text.reasons import advice
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

translate = QCoreApplication.translate


def alarm_text(alarm: Alarm) -> str:
    """For a person, as a sentence."""
    match alarm:
        case RateMissed(share, because):
            text = translate(
                "Reasons",
                "{share} % of the packets that should leave are missing: {why}. The gaps may show what you do.",
            )
            return text.format(share=f"{100 * share:.0f}", why=_missed(because))
        case PacketsDropped(()):
            return translate("Reasons", "Somebody drops packets. Data goes around it where it can.")
        case PacketsDropped(suspects):
            text = translate(
                "Reasons", "Somebody drops packets, probably at {where}. Data goes around it where it can."
            )
            return text.format(where=", ".join(suspects))
        case RequesterSilent(name):
            text = translate(
                "Reasons", "The exit {name} does not answer. Others take over; if there are none, choose another one."
            )
            return text.format(name=name)
        case EntryIsExit(requester):
            text = translate(
                "Reasons",
                "The exit {name} is behind the gateway by which you enter, so its operator sees both ends. "
                "Choose another gateway.",
            )
            return text.format(name=requester)
        case WithoutEffect(option):
            text = translate("Reasons", "{option} has no effect: all of the practice network is on this computer.")
            return text.format(option=option)
        case ProfileNotice(reason):
            return advice(reason).sentence


def _missed(because: MissedBecause) -> str:
    match because:
        case MissedBecause.TOO_FEW_MADE:
            return translate("Reasons", "this computer makes too few of them")
        case MissedBecause.LINE_STALLED:
            return translate("Reasons", "the line takes too few of them")
        case MissedBecause.SENDER_LATE:
            return translate("Reasons", "other programs keep the sender waiting")


def downlink_text(report: DownlinkReport) -> str:
    """For a person, as a sentence."""
    if report.cause is DownlinkCause.KEPT and report.by_gateway:
        return translate("Reasons", "Exit and gateway keep a constant rate, whatever you receive.")
    if report.cause is DownlinkCause.KEPT:
        text = translate("Reasons", "You get {rate} answer packets a second, whatever you receive.")
        return text.format(rate=f"{report.promised:.3g}")
    if report.cause is DownlinkCause.NOT_COUNTED:
        return _not_counted(report)
    if report.hidden:
        text = translate("Reasons", "The gateway hides what you receive, but sees it itself, because {why}.")
    else:
        text = translate("Reasons", "Your line shows what you receive, because {why}.")
    return text.format(why=_why(report))


def _not_counted(report: DownlinkReport) -> str:
    if report.hidden:
        return translate(
            "Reasons",
            "The gateway hides what you receive. It is not known yet whether the gateway itself sees "
            "it: NymConnect counts the answers first, usually for 10 to 40 seconds.",
        )
    return translate(
        "Reasons",
        "It is not known yet whether your line shows what you receive: NymConnect counts the "
        "answers first, usually for 10 to 40 seconds.",
    )


def _why(report: DownlinkReport) -> str:
    match report.cause:
        case DownlinkCause.FOLLOWS_DATA:
            return translate("Reasons", "this preset lets what you receive follow the data")
        case DownlinkCause.GATEWAY_UNPACED:
            return translate("Reasons", "the gateway does not deliver at a constant rate")
        case DownlinkCause.SEVERAL_TAGS:
            return translate(
                "Reasons",
                "user names that programs give, or your settings, divide the streams among several tags",
            )
        case DownlinkCause.TOO_FEW:
            text = translate("Reasons", "only {rate} of {wanted} answers a second arrive")
            return text.format(rate=f"{report.arriving:.3g}", wanted=f"{report.promised:.3g}")
        case DownlinkCause.NOT_PROMISED if report.no_promise is not None:
            return _lack(report.no_promise)
        case _:
            return translate("Reasons", "the exit has not been asked yet")


def _lack(no_promise: NoPromise) -> str:
    match no_promise:
        case NoPromise.UNANSWERED:
            return translate("Reasons", "the exit has not answered yet")
        case NoPromise.SILENT:
            return translate("Reasons", "the exit does not answer")
        case NoPromise.FOREIGN:
            return translate("Reasons", "the exit cannot keep a constant rate")
        case NoPromise.NOT_YET:
            return translate("Reasons", "the exit has not promised it yet")
        case NoPromise.REFUSED:
            return translate("Reasons", "the exit does not grant a constant rate")
        case NoPromise.LAPSED:
            return translate("Reasons", "the exit has not renewed its promise")
