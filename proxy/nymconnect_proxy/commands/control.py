"""``nymconnect control``: asks the window that runs for its state, or tells it what to do."""

import argparse
import asyncio
import json
from collections.abc import Mapping
from typing import Any

from nymconnect.errors import UserError
from nymconnect.storage import Directories
from nymconnect_proxy.commands.control_line import CONNECT, DISCONNECT, QUIT, STATUS, ask
from nymconnect_proxy.commands.output import Output

NO_WINDOW = (
    "no window of NymConnect answers: open one with `nymconnect gui`, where there is a display; a session without a "
    "window takes no orders, and Ctrl-C in its terminal ends it"
)
LOOK = 0.2
PATIENCE = 180.0
# States in which an order has been carried out, or cannot be.
_SETTLED = {CONNECT: ("connected", "waiting", "failed"), DISCONNECT: ("disconnected",)}


async def run(flags: argparse.Namespace) -> int:
    """Give the order, wait until it is done, and print the state; UserError if it fails or no window runs."""
    directories = Directories.of_user()
    status = await _ask(directories, flags.order)
    try:
        async with asyncio.timeout(PATIENCE):
            if flags.order == QUIT:
                await _until_gone(directories)
                return 0
            while not _is_done(flags.order, status):
                await asyncio.sleep(LOOK)
                status = await _ask(directories, STATUS)
    except TimeoutError:
        raise UserError(f"not done after {PATIENCE:g} s; the state is {status.get('state')}") from None
    Output(flags.json).event("state", status, _sentence(status))
    if flags.order == CONNECT and (trouble := status.get("problem") or (status["state"] == "failed" and _why(status))):
        raise UserError(str(trouble))
    return 0


def _is_done(order: str, status: Mapping[str, Any]) -> bool:
    return order not in _SETTLED or status["state"] in _SETTLED[order] or "problem" in status


async def _until_gone(directories: Directories) -> None:
    while await asyncio.to_thread(ask, directories, STATUS) is not None:  # noqa: ASYNC110 -- another process ends
        await asyncio.sleep(LOOK)


async def _ask(directories: Directories, order: str) -> Mapping[str, Any]:
    answer = await asyncio.to_thread(ask, directories, order)
    try:
        status = json.loads(answer) if answer else None
    except ValueError:
        status = None
    if not isinstance(status, dict) or "state" not in status:
        raise UserError(NO_WINDOW)
    return status


def _sentence(status: Mapping[str, Any]) -> str:
    where = f"{status['state']}: SOCKS5 proxy on {status.get('socks')}, network {status.get('network')}"
    lines = [f"{where} ({_why(status)})" if _why(status) else where]
    if status.get("practice"):
        lines.append("the network is on this computer: it gives no anonymity")
    if status["state"] == "connected" and status.get("downlink") and not status.get("downlink_hidden"):
        lines.append(str(status["downlink"]))
    alarms = status.get("alarms")
    return "\n".join([*lines, *(f"warning: {alarm}" for alarm in (alarms if isinstance(alarms, list) else ()))])


def _why(status: Mapping[str, Any]) -> str:
    return str(status.get("problem") or status.get("reason") or "")
