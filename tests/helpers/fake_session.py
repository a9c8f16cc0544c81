"""Sessions that do what a test says, and snapshots of every state, for the window."""

import asyncio
import errno
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from nymconnect.errors import UserError
from nymconnect.runtime.sockets import in_use
from nymconnect_gui.model.session_controller import SessionLike, clock, idle_status
from nymconnect_proxy.session.reasons import NoGatewayAnswers
from nymconnect_proxy.session.states import State
from nymconnect_proxy.session.status import KnownGateway, Status
from nymconnect_proxy.settings.config import Settings

GATEWAY = "7gWkGxzPLoQ9vYbT2mNsRcA4uHdJfEeVpXq3Z8KtBnMw"
REQUESTER = f"{GATEWAY[:20]}.{GATEWAY[20:]}@{GATEWAY}"


def snapshot(state: State, settings: Settings | None = None, **changes: Any) -> Status:
    """A snapshot as a session gives it in that state; `changes` are fields of `Status`."""
    values: dict[str, Any] = {"state": state}
    if state is State.CONNECTED:
        values |= {
            "gateway": GATEWAY,
            "gateway_port": 9000,
            "requester": REQUESTER,
            "loss": 0.002,
            "delay": 0.012,
            "counters": counters(100),
        }
    if state is State.FAILED:
        values["reason"] = NoGatewayAnswers()
    return replace(idle_status(settings or Settings()), **(values | changes))


def counters(ticks: int, data: int = 5, cover: int = 50) -> dict[str, int]:
    """After so many seconds, with so many packets in each, both ways."""
    return {
        "data_sent": ticks * data,
        "retransmitted": 0,
        "cover_sent": ticks * cover,
        "data_received": ticks * data,
        "cover_received": ticks * cover,
    }


class FakeSession:
    """`connect` goes to `first`, or fails with `refusal`; `become` makes it tell of another state."""

    def __init__(
        self,
        settings: Settings,
        told: Callable[[Status], None],
        first: State = State.CONNECTING,
        refusal: Exception | None = None,
    ) -> None:
        self.settings = settings
        self.calls: list[str] = []
        self._told = told
        self._first = first
        self._refusal = refusal
        self._status = snapshot(State.DISCONNECTED, settings)
        self.gateways: tuple[KnownGateway, ...] = ()

    @property
    def status(self) -> Status:
        return self._status

    async def connect(self) -> None:
        self.calls.append("connect")
        if self._refusal is not None:
            raise self._refusal
        self.become(self._first)

    async def disconnect(self) -> None:
        self.calls.append("disconnect")
        self.become(State.DISCONNECTING)
        self.become(State.DISCONNECTED)

    def become(self, state: State, **changes: Any) -> Status:
        """Enter a state, as of now."""
        self._status = snapshot(state, self.settings, since=clock(), **changes)
        self._told(self._status)
        return self._status


class FakeSessions:
    """A session factory that keeps what it has made; the next one fails with `refusal`, if that is set.

    While `loaded` is an event that is not set, it is not ready.
    """

    def __init__(self) -> None:
        self.made: list[FakeSession] = []
        self.refusal: Exception | None = None
        self.loaded: asyncio.Event | None = None

    @property
    def is_ready(self) -> bool:
        return self.loaded is None or self.loaded.is_set()

    async def prepare(self) -> None:
        if self.loaded is not None:
            await self.loaded.wait()

    def __call__(self, settings: Settings, told: Callable[[Status], None]) -> SessionLike:
        self.made.append(FakeSession(settings, told, refusal=self.refusal))
        return self.made[-1]

    @property
    def last(self) -> FakeSession:
        return self.made[-1]


def port_in_use() -> UserError:
    """What a session raises whose port another program has."""
    return in_use("127.0.0.1", 1080, OSError(errno.EADDRINUSE, "Address already in use"), "--socks")
