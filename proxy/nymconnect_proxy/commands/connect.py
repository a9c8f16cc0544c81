"""``nymconnect connect``: the session without a window; serves until Ctrl-C."""

import argparse
import asyncio
from pathlib import Path

from nymconnect.config import Settings, settings_from
from nymconnect.errors import UserError
from nymconnect.storage import Directories
from nymconnect_proxy.commands.output import Output
from nymconnect_proxy.session import Session, Status
from nymconnect_proxy.states import State

STATS_INTERVAL = 5.0


async def run(flags: argparse.Namespace) -> int:
    """Connect and print one line for each change; UserError when the session fails."""
    settings = settings_from(flags, _settings_file(flags.settings))
    output = Output(flags.json)
    session = Session(settings, lambda status: _report(output, settings, status))
    await session.connect()
    try:
        async with asyncio.TaskGroup() as tasks:
            stats = tasks.create_task(_print_stats(output, session))
            failed = await session.wait(State.FAILED)
            stats.cancel()
    finally:
        await session.disconnect()
    raise UserError(failed.reason)


def _settings_file(wanted: str | None) -> Path:
    """That of the user may be absent; one that was asked for may not."""
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
        output.event("stats", {"state": status.state.value, **_loops(status), **status.counters})


def _report(output: Output, settings: Settings, status: Status) -> None:
    values: dict[str, object] = {"state": status.state.value, "socks": str(status.socks), "network": status.network}
    if status.gateway is not None:
        values |= {"gateway": status.gateway, "gateway_port": status.gateway_port}
    if status.requester is not None:
        values["requester"] = status.requester
    if status.reason:
        values["reason"] = status.reason
    if status.dropping:
        values |= _loops(status)
    output.event("state", values, _sentence(settings, status))


def _loops(status: Status) -> dict[str, object]:
    """What our own loops tell; delay in seconds."""
    values: dict[str, object] = {"loss": status.loss, "delay": status.delay, "dropping": status.dropping}
    return values | {"suspects": list(status.suspects)} if status.suspects else values


def _sentence(settings: Settings, status: Status) -> str:
    match status.state:
        case State.CONNECTED if status.dropping:
            named = f", probably at {', '.join(status.suspects)}" if status.suspects else ""
            return f"warning: somebody drops packets{named}; data goes around it where it can"
        case State.CONNECTED if settings.network == "embedded":
            return (
                f"connected: SOCKS5 proxy on {status.socks} (practice network on this computer: it gives no anonymity)"
            )
        case State.CONNECTED:
            return f"connected: SOCKS5 proxy on {status.socks}, gateway {status.gateway}"
        case State.CONNECTING if status.reason:
            return f"connecting again: {status.reason}"
        case State.FAILED:
            return f"failed: {status.reason}"
        case state:
            return str(state.value)
