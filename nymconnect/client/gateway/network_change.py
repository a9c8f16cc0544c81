"""Notices that the computer has slept or is on another network: then the gateway link is dead, whatever TCP says.

Without this a client would wait for a time-out of many minutes before it connects anew.
"""

import asyncio
from collections.abc import Callable

from nymconnect.reasons import Moved, Reason, Slept
from nymconnect.runtime.clock import clock, unix_offset
from nymconnect.runtime.sockets import address_towards

INTERVAL = 5.0
# Between two looks; beyond it, the machine or this program has stood still for longer than any load explains.
LONGEST_GAP = 30.0
# Wall clock against monotonic clock, which stands still in a sleep of the computer (on Linux and macOS).
LARGEST_JUMP = 10.0


class Surroundings:
    """Compares one look at clocks and routes with the one before."""

    def __init__(self) -> None:
        self._seen: tuple[float, float] | None = None
        self._address: str | None = None

    def look(self, now: float, unix_now: float, address: str | None) -> Reason | None:
        """Why the link should be renewed, or None. `address`: our own on the way to the gateway, None without a way."""
        before, self._seen = self._seen, (now, unix_now)
        reason = self._standstill(before, now, unix_now) or self._move(address)
        self._address = address or self._address  # while there is no way there is nothing to renew either
        return reason

    def _standstill(self, before: tuple[float, float] | None, now: float, unix_now: float) -> Reason | None:
        if before is None:
            return None
        passed, on_the_wall = now - before[0], unix_now - before[1]
        if on_the_wall - passed > LARGEST_JUMP or passed > LONGEST_GAP:
            return Slept(max(passed, on_the_wall))
        return None

    def _move(self, address: str | None) -> Reason | None:
        if self._address is None or address is None or address == self._address:
            return None
        return Moved()


async def watch(gateway_ip: Callable[[], str], on_change: Callable[[Reason], None]) -> None:
    """Look around for ever; `on_change` hears why the link should be renewed."""
    surroundings = Surroundings()
    while True:
        if reason := surroundings.look(clock(), clock() + unix_offset(), address_towards(gateway_ip())):
            on_change(reason)
        await asyncio.sleep(INTERVAL)
