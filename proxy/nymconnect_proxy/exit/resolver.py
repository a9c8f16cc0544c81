"""The names of targets, looked up for the requester alone.

The system answers, so that ``/etc/hosts`` and the rest of its configuration count. It answers in a thread that cannot
be stopped, so each lookup has one of its own, and not one of the event loop's few, which write files as well;
`lookups` bounds and shares them. A literal address needs no lookup and no thread.
"""

import asyncio
import contextlib
import itertools
import socket
import threading
from collections.abc import Awaitable, Callable, Sequence

from nymconnect.errors import WireError
from nymconnect.runtime.clock import clock
from nymconnect.runtime.tasks import TaskSet
from nymconnect_proxy.exit.lookups import Answer, Ask, LookupEffect, LookupLimits, Lookups
from nymconnect_proxy.protocol.targets import parse_address

Resolver = Callable[[str], Awaitable[Sequence[str]]]


class NoThreadError(OSError):
    """This machine has no thread left; that says nothing of the name."""


class TooManyLookupsError(OSError):
    """Too many lookups wait already."""


def system_lookup(host: str) -> list[str]:
    """Every address of `host` as text, whatever time that takes; OSError or UnicodeError if there is none."""
    infos = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    return [str(info[4][0]) for info in infos]


async def resolve_host(host: str, look_up: Callable[[str], Sequence[str]] = system_lookup) -> Sequence[str]:
    """`look_up` in a thread that nobody waits for at the end of the program."""
    loop = asyncio.get_running_loop()
    result: asyncio.Future[Sequence[str]] = loop.create_future()

    def settle(addresses: Sequence[str], error: Exception | None) -> None:
        if result.done():  # cancelled
            return
        if error is None:
            result.set_result(addresses)
        else:
            result.set_exception(error)

    def work() -> None:
        addresses: Sequence[str] = ()
        failure: Exception | None = None
        try:
            addresses = look_up(host)
        except Exception as error:
            failure = error
        with contextlib.suppress(RuntimeError):  # the loop may have ended before the lookup
            loop.call_soon_threadsafe(settle, addresses, failure)

    try:
        threading.Thread(target=work, name="lookup", daemon=True).start()
    except RuntimeError as error:
        raise NoThreadError(f"no thread for a lookup: {error}") from None
    return await result


class BoundedResolver:
    """What one requester asks. `resolve` looks one name up; its time is not bounded here."""

    def __init__(self, resolve: Resolver, limits: LookupLimits) -> None:
        self._resolve = resolve
        self._lookups = Lookups(limits)
        self._tickets = itertools.count()
        self._answers: dict[int, asyncio.Future[Sequence[str]]] = {}
        self._tasks = TaskSet("names")
        self._closed = False

    async def addresses(self, asker: bytes, host: str) -> Sequence[str]:
        """Of `host`, as text, none if it has none. TooManyLookupsError if too many wait; callers bound the time."""
        with contextlib.suppress(WireError):
            return [str(parse_address(host))]
        ticket = next(self._tickets)
        answer: asyncio.Future[Sequence[str]] = asyncio.get_running_loop().create_future()
        self._answers[ticket] = answer
        try:
            self._perform(self._lookups.want(ticket, asker, host, clock()))
            return await answer
        finally:
            del self._answers[ticket]
            self._lookups.leave(ticket)

    async def close(self) -> None:
        """Wait for no lookup any more, and begin none."""
        self._closed = True
        await self._tasks.close()

    def _perform(self, effects: Sequence[LookupEffect]) -> None:
        for effect in effects:
            if isinstance(effect, Ask):
                self._tasks.spawn(self._ask(effect.name), "lookup")
                continue
            answer = self._answers.get(effect.ticket)
            if answer is None or answer.done():
                continue
            if isinstance(effect, Answer):
                answer.set_result(effect.addresses)
            else:
                answer.set_exception(TooManyLookupsError())

    async def _ask(self, name: str) -> None:
        addresses: Sequence[str] = ()
        is_dead = True
        try:
            addresses = await self._resolve(name)
        except NoThreadError:
            is_dead = False
        except (OSError, UnicodeError):
            pass
        finally:
            if not self._closed:
                self._perform(self._lookups.answered(name, tuple(addresses), clock(), is_dead=is_dead))
