"""A problem report: one plain text that a person reads before it is saved. Nothing is sent.

It says what was installed, how it was set, what the session did and what the log said at the end. Whatever was typed in
by the person is reported as "set" and not repeated; free text goes through `redact`.
"""

import platform
import sys
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from time import (
    monotonic as clock,
)  # the clock of `runtime`, which would load the network stack before a window's first paint

from nymconnect import __version__
from nymconnect.endpoints import Endpoint, Upstream
from nymconnect.reasons import Reason
from nymconnect_proxy.diagnostics.log_ring import LogLine
from nymconnect_proxy.diagnostics.redact import Scrubber
from nymconnect_proxy.session.alarms import sentence
from nymconnect_proxy.session.states import State
from nymconnect_proxy.session.status import Status
from nymconnect_proxy.settings.config import OPTIONS, Settings
from nymconnect_proxy.settings.networks import NamedNetwork, OwnNetwork
from nymconnect_proxy.settings.options import Option, OptionKind, Secret, Server

MAX_STATES = 100
LOG_LINES = 200
LIBRARIES = ("aiohttp", "cryptography", "msgspec", "PyNaCl", "python-socks", "PySide6_Essentials", "qasync", "keyring")
OWN_LOGGERS = ("nymconnect", "nymconnect_proxy", "nymconnect_gui")
_PRIVATE = (
    OptionKind.IDENTITY,
    OptionKind.RECIPIENT,
    OptionKind.REQUESTERS,
    OptionKind.UPSTREAM,
    OptionKind.SERVER,
    OptionKind.SECRET,
)


@dataclass(frozen=True, slots=True)
class Change:
    """A state that was entered, in seconds of `runtime.clock`, and why."""

    time: float
    state: State
    reason: Reason | None


class StateHistory:
    """The last states of a session: give it every status."""

    def __init__(self) -> None:
        self._changes: deque[Change] = deque(maxlen=MAX_STATES)

    def note(self, status: Status) -> None:
        """Remember the state, if it or its reason is another one than before."""
        last = self._changes[-1] if self._changes else None
        if last is None or (last.state, last.reason) != (status.state, status.reason):
            self._changes.append(Change(clock(), status.state, status.reason))

    @property
    def changes(self) -> tuple[Change, ...]:
        """Oldest first."""
        return tuple(self._changes)


def problem_report(
    settings: Settings,
    status: Status | None,
    history: Sequence[Change] = (),
    log: Iterable[LogLine] = (),
    more: Mapping[str, str] | None = None,
    secrets: Iterable[str] = (),
) -> str:
    """The text. `more` are further lines for the first section; `secrets` are taken out wherever they stand."""
    scrub = Scrubber([*private_values(settings, status), *secrets])
    sections = {
        "Versions": _versions(more or {}),
        "Settings": [f"{option.name}: {_told(option, settings)}" for option in OPTIONS],
        "State": _state(status, scrub) if status is not None else ["no session"],
        "What happened": _happened(history, scrub),
        "Counters": _counters(status),
        f"Log, the last {LOG_LINES} lines": _log(list(log)[-LOG_LINES:], scrub),
    }
    lines = [
        "NymConnect problem report",
        f"Made {datetime.now(UTC):%Y-%m-%d %H:%M} UTC. Addresses, keys, names of hosts and paths have been removed.",
    ]
    for title, content in sections.items():
        lines += ["", f"== {title} ==", *(content or ["nothing"])]
    return "\n".join(lines) + "\n"


def private_values(settings: Settings, status: Status | None = None) -> list[str]:
    """What a person has typed in, and who the session talks to: never to be repeated."""
    values = [value for value in (settings.gateway, settings.requester) if value]
    if isinstance(settings.network, OwnNetwork):
        values += [str(settings.network), settings.network.url, settings.network.fingerprint]
    if (upstream := settings.upstream) is not None:
        values += [upstream.url, upstream.host, upstream.username or "", upstream.password or ""]
    if status is not None:
        values += [status.gateway or "", status.requester or "", *status.suspects]
    for row in fields(settings):
        values += _texts(getattr(settings, row.name)) if row.metadata.get("kind") in _PRIVATE else []
    values += [text for entry in settings.address_book for text in entry]
    return values


def _texts(value: object) -> list[str]:
    """The texts of a value, also of one that holds several."""
    if isinstance(value, str):
        return value.split(", ")
    if isinstance(value, Secret):
        return [value.text]
    if isinstance(value, Server):
        return [value.url, value.host]
    return [text for one in value for text in _texts(one)] if isinstance(value, tuple | list | frozenset) else []


def _versions(more: Mapping[str, str]) -> list[str]:
    lines = {
        "nymconnect": __version__,
        "Python": platform.python_version(),
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "packaged": "yes" if getattr(sys, "frozen", False) else "no",
    }
    return [f"{name}: {value}" for name, value in (lines | _libraries() | dict(more)).items()]


def _libraries() -> dict[str, str]:
    found = {}
    for name in LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def _told(option: Option, settings: Settings) -> str:
    value = getattr(settings, option.name)
    if value is None:
        return f"{option.absent} (default)"
    if isinstance(value, Upstream):
        return f"set ({value.scheme}{', with a login' if value.username is not None else ''})"
    if option.kind in _PRIVATE:
        return "set"
    if isinstance(value, OwnNetwork):
        return "a URL"
    if isinstance(value, Endpoint) and value.host not in ("127.0.0.1", "::1"):
        return f"an address of its own, port {value.port}"
    if not isinstance(value, str | int | float | Endpoint | NamedNetwork):
        return "set"
    return f"{option.format(value)}{' (default)' if value == option.default else ''}"


def _state(status: Status, scrub: Scrubber) -> list[str]:
    lines = [
        f"state: {status.state.value} for {clock() - status.since:.0f} s",
        f"reason: {scrub(str(status.reason)) if status.reason else 'none'}",
        f"preset: {status.preset}; packets a second: main {status.rates.main}, loop {status.rates.loop}",
        f"gateway: {'chosen' if status.gateway else 'none'}; requester: {'chosen' if status.requester else 'none'}",
        f"loss: {status.loss}; delay beyond the drawn one: {status.delay} s; dropping: {status.dropping}, "
        f"suspects: {len(status.suspects)}",
        f"downlink hidden: {status.downlink_hidden}",
    ]
    return lines + [f"alarm: {scrub(sentence(alarm))}" for alarm in status.alarms]


def _happened(history: Sequence[Change], scrub: Scrubber) -> list[str]:
    now = clock()
    return [
        f"{now - change.time:.0f} s ago: {change.state.value}"
        + (f": {scrub(str(change.reason))}" if change.reason is not None else "")
        for change in history
    ]


def _counters(status: Status | None) -> list[str]:
    return [f"{name}: {value}" for name, value in sorted(status.counters.items())] if status is not None else []


def _log(lines: Sequence[LogLine], scrub: Scrubber) -> list[str]:
    return [_as_text(line, scrub) for line in lines]


def _as_text(line: LogLine, scrub: Scrubber) -> str:
    known = line.logger.partition(".")[0] in OWN_LOGGERS
    name = line.logger if known else scrub(line.logger)
    return f"{datetime.fromtimestamp(line.time, UTC):%H:%M:%S} {level_name(line.level)} {name}: {scrub(line.text)}"


def level_name(level: int) -> str:
    """Of one of logging's numbers."""
    return {10: "debug", 20: "info", 30: "warning", 40: "error", 50: "critical"}.get(level, str(level))
