"""Connecting to the first of a target's addresses that answers: happy eyeballs, RFC 8305.

An address that is silent must not cost what it takes to be sure of it. So the next one is tried a quarter of a second
later, or at once when one fails, and what connects first wins; the others are closed. The list gives
the order, families in turns. All addresses in it have been checked before.

The attempts that a stream has under way besides its first one take descriptors from everybody, so their number is
bounded and shared (`shares`). Where none is free, a stream tries one address after the other.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence

from nymconnect.runtime.tasks import TaskSet
from nymconnect_proxy.exit.shares import Shares

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]
Dialer = Callable[[str, int, float], Awaitable[Streams]]

ATTEMPT_DELAY = 0.25


class NoAddressAnsweredError(Exception):
    """Every attempt has failed; `failures` in the order in which they did."""

    def __init__(self, failures: Sequence[OSError]) -> None:
        super().__init__(f"{len(failures)} addresses, none has answered")
        self.failures = failures


class Dialling:
    """The attempts of one exit: `patience` seconds each, `places` for those besides the first of each stream."""

    def __init__(self, dial: Dialer, patience: float, places: int, delay: float = ATTEMPT_DELAY) -> None:
        self._dial = dial
        self._patience = patience
        self._places = Shares(places)
        self._delay = delay

    async def connect(self, asker: bytes, addresses: Sequence[str], port: int) -> Streams:
        """The connection that was there first; NoAddressAnsweredError if there is none."""
        race = _Race(lambda address: self._dial(address, port, self._patience))
        winner: Streams | None = None
        try:
            winner = await self._run(race, asker, deque(addresses))
            return winner
        finally:
            await race.end(winner)

    async def _run(self, race: "_Race", asker: bytes, waiting: deque[str]) -> Streams:
        failures: list[OSError] = []
        while waiting or race.under_way:
            # The first attempt takes no shared place: so every stream gets one, however busy the exit is.
            if waiting and not race.under_way:
                race.start(waiting.popleft(), lambda: None)
            elif waiting and self._places.take(asker):
                race.start(waiting.popleft(), lambda: self._places.give_back(asker))
            # With no address left there is nothing to start before an attempt ends.
            outcome = await race.next(self._delay if waiting else None)
            if isinstance(outcome, OSError):
                failures.append(outcome)
            elif outcome is not None:
                return outcome
        raise NoAddressAnsweredError(failures)


class _Race:
    """The attempts of one stream."""

    def __init__(self, connect: Callable[[str], Awaitable[Streams]]) -> None:
        self.under_way = 0
        self._connect = connect
        self._outcomes: asyncio.Queue[Streams | BaseException] = asyncio.Queue()
        self._tasks = TaskSet("dialling", on_crash=self._outcomes.put_nowait)

    def start(self, address: str, on_end: Callable[[], None]) -> None:
        self.under_way += 1
        self._tasks.spawn(self._attempt(address, on_end), "attempt")

    async def next(self, patience: float | None) -> Streams | OSError | None:
        """What came of an attempt; None if nothing did for `patience` seconds."""
        try:
            async with asyncio.timeout(patience):
                outcome = await self._outcomes.get()
        except TimeoutError:
            return None
        self.under_way -= 1
        if isinstance(outcome, BaseException) and not isinstance(outcome, OSError):
            raise outcome
        return outcome

    async def end(self, winner: Streams | None) -> None:
        """Close all but the winner, and that too if this is cancelled."""
        try:
            await self._tasks.close()
        except BaseException:
            if winner is not None:
                winner[1].transport.abort()
            raise
        finally:
            # Attempts that connected while the winner was chosen: nobody else would close them.
            while not self._outcomes.empty():
                late = self._outcomes.get_nowait()
                if not isinstance(late, BaseException):
                    late[1].transport.abort()

    async def _attempt(self, address: str, on_end: Callable[[], None]) -> None:
        outcome: Streams | OSError
        try:
            outcome = await self._connect(address)
        except OSError as error:
            outcome = error
        finally:
            on_end()
        self._outcomes.put_nowait(outcome)
