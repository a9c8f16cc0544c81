"""``nymconnect connect``: the session without a window; serves until Ctrl-C."""

import argparse
import asyncio
import logging
from pathlib import Path

from nymconnect.errors import UserError
from nymconnect.runtime.clock import unix_offset
from nymconnect.storage import Directories
from nymconnect_proxy.commands.output import Output
from nymconnect_proxy.session.alarms import AlarmNews, sentence, subject
from nymconnect_proxy.session.downlink_report import DownlinkCause
from nymconnect_proxy.session.downlink_report import sentence as downlink_sentence
from nymconnect_proxy.session.session import Session
from nymconnect_proxy.session.states import State
from nymconnect_proxy.session.status import Status
from nymconnect_proxy.session.status_json import measured, snapshot
from nymconnect_proxy.settings.config import Settings, settings_from
from nymconnect_proxy.settings.networks import PRACTICE

STATS_INTERVAL = 5.0
NO_ANONYMITY = "it gives no anonymity"


async def run(flags: argparse.Namespace) -> int:
    """Connect and print one line for each change; UserError when the session fails."""
    settings = settings_from(flags, settings_file(flags.settings))
    output = Output(flags.json, serving=True)
    session = Session(
        settings,
        _Reporter(output, settings).report,
        directories=Directories.of_user(),
        alarm_level=logging.WARNING if flags.json else logging.INFO,  # the reporter already prints it for a person
    )
    await session.connect()
    try:
        async with asyncio.TaskGroup() as tasks:
            stats = tasks.create_task(_print_stats(output, session))
            failed = await session.wait(State.FAILED)
            stats.cancel()
    finally:
        await session.disconnect()
    raise UserError(failed.reason or "the session has failed")


def settings_file(wanted: str | None) -> Path:
    """The user's own file may be absent; a file that was asked for may not."""
    if wanted is None:
        return Directories.of_user().settings
    path = Path(wanted)
    if not path.exists():
        raise UserError(f"{path}: there is no such settings file")
    return path


async def _print_stats(output: Output, session: Session) -> None:
    while True:
        await asyncio.sleep(STATS_INTERVAL)
        status = session.status
        output.event("stats", {"state": status.state.value, **measured(status), **status.counters})


class _Reporter:
    """Prints a status if it differs in something that a person or a program would act on.

    State, downlink and each alarm have sentences of their own: what one of them says hides nothing of the others.
    """

    def __init__(self, output: Output, settings: Settings) -> None:
        self._output = output
        self._settings = settings
        self._last: tuple[object, ...] = ()
        self._state = ""
        self._alarms = AlarmNews()
        self._downlink: tuple[bool, DownlinkCause | None] = (True, None)  # what is hidden from the start is no news

    def report(self, status: Status) -> None:
        """One event, and the sentences that are new."""
        report = status.downlink if status.state.serves else None
        downlink = None if report is None else (report.hidden, report.cause)
        matters = (status.state, status.reason, frozenset(map(subject, status.alarms)), downlink)
        if matters == self._last:
            return
        self._last = matters
        news = [*self._state_news(status), *self._downlink_news(status), *self._alarm_news(status)]
        self._output.event("state", snapshot(status, unix_offset()), "\n".join(news) or None)

    def _state_news(self, status: Status) -> list[str]:
        told, self._state = self._state, _sentence(self._settings, status)
        return [self._state] if self._state != told else []

    def _downlink_news(self, status: Status) -> list[str]:
        """That what is received shows, and why; that it is hidden only after it was not."""
        report = status.downlink
        if not status.state.serves or report is None:
            return []
        told, self._downlink = self._downlink, (report.hidden, report.cause)
        if self._downlink == told or (told[0] and report.hidden):
            return []
        shown = downlink_sentence(report)
        return [f"what you receive is hidden: {shown}" if report.hidden else shown]

    def _alarm_news(self, status: Status) -> list[str]:
        begun, ended = self._alarms.look(status.alarms)
        news = [f"warning: {sentence(alarm)}" for alarm in begun]
        return news + [f"no longer: {sentence(alarm)}" for alarm in ended if status.state.serves]


def _sentence(settings: Settings, status: Status) -> str:
    """What a person should know of the state alone."""
    rpc = f", RPC server at http://{status.rpc}" if status.rpc else ""
    match status.state:
        case State.CONNECTED if settings.network is PRACTICE:
            return f"connected: SOCKS5 proxy on {status.socks}{rpc} (practice network on this computer: {NO_ANONYMITY})"
        case State.CONNECTED if status.is_practice:
            why = f"{status.reason}; " if status.reason else ""
            return (
                f"connected: SOCKS5 proxy on {status.socks}{rpc}, gateway {status.gateway} "
                f"({why}network on this computer: {NO_ANONYMITY})"
            )
        case State.CONNECTED:
            why = f" ({status.reason})" if status.reason else ""
            return f"connected: SOCKS5 proxy on {status.socks}{rpc}, gateway {status.gateway}{why}"
        case State.WAITING:
            why = f" (the last attempt failed: {status.reason})" if status.reason else ""
            return f"waiting: SOCKS5 proxy on {status.socks} connects when a program asks{why}"
        case State.CONNECTING if status.reason:
            return f"connecting: {status.reason}"
        case state:  # why it has failed is the last line, on standard error
            return str(state.value)
