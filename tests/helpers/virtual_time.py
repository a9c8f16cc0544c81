"""Time that passes only while an event loop has nothing else to do: a test of minutes takes no time at all."""

import asyncio
from collections.abc import Callable
from typing import Any, cast


class VirtualTime:
    """Takes over the clock of the running loop: where it would wait for a timer, the clock jumps to that timer."""

    def __init__(self) -> None:
        self._loop = cast(Any, asyncio.get_running_loop())
        self._now: float = self._loop.time()
        self._select = self._loop._selector.select
        self._loop.time = self.now
        self._loop._selector.select = self._wait

    def now(self) -> float:
        """Seconds, for whatever asks for a clock."""
        return self._now

    def stop(self) -> None:
        """Give the loop its own clock back."""
        del self._loop.time
        del self._loop._selector.select

    def _wait(self, timeout: float | None) -> Any:
        if not timeout:  # something is ready, or no timer is left: then only the world can go on
            return self._select(timeout)
        happened = self._select(0)
        if not happened:
            self._now += timeout
        return happened


async def pass_time(seconds: float) -> None:
    """Let virtual time pass."""
    await asyncio.sleep(seconds)


async def until(condition: Callable[[], bool], patience: float = 600.0, step: float = 0.25) -> None:
    """Let virtual time pass until `condition` holds; TimeoutError after `patience` seconds."""
    async with asyncio.timeout(patience):
        while not condition():
            await pass_time(step)
