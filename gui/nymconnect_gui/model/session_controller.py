"""Between the session and everything that shows it: one object that owns the session and tells of it in Qt signals.

Window, tray and notifications read `status`, `problem` and `settings` here and press `toggle`; none of them keeps a
state of its own. The session's callback says when the state changes; what changes all the time (counters, delays) is
looked at once a second, and only while somebody watches.

    disconnected, `problem` set ──toggle──► a new session ──► its states ──toggle──► disconnected
"""

import asyncio
import logging
import time
from collections.abc import Callable, Coroutine
from dataclasses import replace
from typing import Any, Protocol

from PySide6.QtCore import QObject, QTimer, Signal

from nymconnect.endpoints import Endpoint
from nymconnect.errors import NymError, reason_of
from nymconnect.reasons import Reason
from nymconnect.system_reasons import CannotListen
from nymconnect_gui.model.history import History
from nymconnect_gui.text.words import Problem
from nymconnect_proxy.session.reasons import Crash
from nymconnect_proxy.session.states import State
from nymconnect_proxy.session.status import KnownGateway, Rates, Status
from nymconnect_proxy.settings.config import Settings, needs_reconnect
from nymconnect_proxy.settings.networks import PRACTICE, Network

log = logging.getLogger(__name__)

LOOK_INTERVAL = 1000  # milliseconds
clock = time.monotonic  # the same clock as `runtime.clock`, which would load the network stack before the first paint


class SessionLike(Protocol):
    """What the window needs of a session."""

    @property
    def status(self) -> Status: ...

    @property
    def gateways(self) -> tuple[KnownGateway, ...]: ...

    async def connect(self) -> None: ...

    async def disconnect(self) -> None: ...


class SessionFactory(Protocol):
    """Makes sessions. Until `is_ready`, what they need is not loaded; `prepare` does that away from the event loop."""

    @property
    def is_ready(self) -> bool: ...

    async def prepare(self) -> None: ...

    def __call__(self, settings: Settings, told: Callable[[Status], None]) -> SessionLike: ...


class Bridge(QObject):
    """Call `toggle` and its like from Qt slots; they start named tasks on the running asyncio loop.

    `status_changed` carries each new snapshot, `state_changed` only those that enter another state or have another
    reason; `settings_changed` the settings of the next session.
    """

    status_changed = Signal(object)
    state_changed = Signal(object)
    settings_changed = Signal(object)

    def __init__(self, settings: Settings, make_session: SessionFactory, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._settings = settings
        self._used = settings  # by the session that runs
        self._made_from = settings  # what it was made for: the same, unless it rests
        self._make_session = make_session
        self._session: SessionLike | None = None
        self._status = idle_status(settings)
        self._problem: Problem | None = None
        self._obstacle: Reason | None = None
        self.reread: Callable[[], Coroutine[Any, Any, None]] = _nothing  # takes the obstacle away where it is gone
        self._attempt: asyncio.Task[None] | None = None
        self._gateways: dict[Network, tuple[KnownGateway, ...]] = {}  # by network, of sessions that have ended
        self._tasks: set[asyncio.Task[None]] = set()
        self._order = asyncio.Lock()
        self._watchers: set[str] = set()
        self.history = History()
        self._timer = QTimer(self)
        self._timer.setInterval(LOOK_INTERVAL)
        self._timer.timeout.connect(self.look)

    # --- what there is to see ------------------------------------------------------------------------------------

    @property
    def status(self) -> Status:
        """The latest snapshot."""
        return self._status

    @property
    def problem(self) -> Problem | None:
        """Why the last attempt did not begin."""
        return self._problem

    @property
    def is_beginning(self) -> bool:
        """Whether an order to connect is under way: state and problem may still be those of the attempt before."""
        return self._attempt is not None and not self._attempt.done()

    @property
    def settings(self) -> Settings:
        """What the next session will use."""
        return self._settings

    @property
    def used_settings(self) -> Settings:
        """What the session that runs, or ran last, uses."""
        return self._used

    @property
    def needs_reconnect(self) -> bool:
        """Whether the running session still uses other settings."""
        return self._session is not None and needs_reconnect(self._made_from, self._settings)

    @property
    def gateways(self) -> tuple[KnownGateway, ...]:
        """Those of the network of the settings, as far as a session has read its directory since the program began."""
        network = self._settings.network
        now = self._session.gateways if self._session is not None and self._used.network == network else ()
        return now or self._gateways.get(network, ())

    @property
    def packet_length(self) -> int:
        """Bytes of one packet on the wire."""
        own_network = self._used.network is PRACTICE
        return self._used.traffic(own_network=own_network).packet_size.packet

    @property
    def connected_for(self) -> float | None:
        """Seconds since it works, None while it does not."""
        return clock() - self._status.since if self._status.state is State.CONNECTED else None

    @property
    def obstacle(self) -> Reason | None:
        """Why nothing may connect, whatever anybody presses."""
        return self._obstacle

    @obstacle.setter
    def obstacle(self, reason: Reason | None) -> None:
        if reason == self._obstacle:
            return
        self._obstacle = reason
        self._problem = None if reason is None else Problem(reason)
        self._take(self._status)
        self.state_changed.emit(self._status)

    def look_again(self) -> None:
        """See whether the obstacle is gone."""
        self._spawn(self.reread(), "look again")

    def watch(self, who: str, watching: bool) -> None:
        """`who` (a window, a tray) wants fresh numbers, or no longer does."""
        (self._watchers.add if watching else self._watchers.discard)(who)
        if self._watchers and not self._timer.isActive():
            self._timer.start()
            self.look()
        elif not self._watchers:
            self._timer.stop()

    def peek(self) -> Status:
        """A snapshot of now, told to nobody."""
        return self._status if self._session is None else self._session.status

    def look(self) -> None:
        """Take a snapshot now."""
        if self._session is not None:
            self._take(self._session.status)

    def _take(self, status: Status) -> None:
        before, self._status = self._status, status
        self.history.add(status.counters, clock())
        if (status.state, status.reason, status.alarms) != (before.state, before.reason, before.alarms):
            self.state_changed.emit(status)
        self.status_changed.emit(status)

    def prepare(self) -> None:
        """Load what sessions need before somebody wants one."""
        self._spawn(self._make_session.prepare(), "prepare")

    # --- what a person can do ------------------------------------------------------------------------------------

    def toggle(self) -> None:
        """Connect if nothing runs or all has failed, else disconnect."""
        if self._status.state in (State.DISCONNECTED, State.FAILED):
            self.connect_now()
        else:
            self.disconnect_now()

    def connect_now(self) -> None:
        """Begin to connect, with the settings of now."""
        self._attempt = self._spawn(self._connect(), "connect")

    def disconnect_now(self) -> None:
        """Stop serving and leave the mixnet."""
        self._spawn(self._disconnect(), "disconnect")

    def rest(self) -> None:
        """Leave the mixnet until a program asks, whatever the settings say; until the next press on *Connect*."""
        self._spawn(self._rest(), "rest")

    def reconnect(self) -> None:
        """Disconnect, then connect with the settings of now."""
        self._spawn(self._reconnect(), "reconnect")

    def change(self, settings: Settings) -> None:
        """Use these for the next session; a running one keeps its own (`needs_reconnect`)."""
        if settings == self._settings:
            return
        self._settings = settings
        if self._session is None:
            self._problem = None if self._obstacle is None else Problem(self._obstacle)
            self._take(idle_status(settings))
        self.settings_changed.emit(settings)

    async def close(self) -> None:
        """Disconnect before the program ends; cancels an attempt on its way."""
        self._timer.stop()
        await self._disconnect()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    # --- how -----------------------------------------------------------------------------------------------------

    async def _connect(self, *, resting: bool = False) -> None:
        async with self._order:
            if self._status.state not in (State.DISCONNECTED, State.FAILED):
                return
            if self._obstacle is not None:
                await self.reread()
            if self._obstacle is not None:
                self.state_changed.emit(self._status)
                return
            self._problem = None
            self.history.clear()
            await self._make_ready()
            if self._session is None or self.needs_reconnect:
                await self._end_session()
                self._made_from = self._settings
                self._used = replace(self._settings, on_demand=True) if resting else self._settings
                self._session = self._make_session(self._used, self._told)
            try:  # one that has failed still holds its port, and keeps it
                await self._session.connect()
            except (NymError, OSError) as error:
                self._session = None
                self._problem = _problem(error, self._used)
                log.warning("cannot connect: %s", error)
                self._take(idle_status(self._settings))
                self.state_changed.emit(self._status)
            except BaseException:
                self._session = None  # whatever is the matter with it, the next attempt has a new one
                raise

    async def _make_ready(self) -> None:
        """The first press is answered at once, and the window painted while what a session needs is loaded."""
        if self._make_session.is_ready:
            return
        self._take(replace(idle_status(self._settings), state=State.CONNECTING))
        try:
            await self._make_session.prepare()
        except BaseException:
            self._take(idle_status(self._settings))
            raise

    async def _disconnect(self) -> None:
        async with self._order:
            await self._end_session()
            if self._problem is not None and self._obstacle is None:
                self._problem = None
                self.state_changed.emit(self._status)

    async def _reconnect(self) -> None:
        await self._disconnect()
        await self._connect()

    async def _rest(self) -> None:
        await self._disconnect()
        await self._connect(resting=True)

    async def _end_session(self) -> None:
        if self._session is None:
            return
        if known := self._session.gateways:
            self._gateways = {self._used.network: known}
        await self._session.disconnect()
        self._session = None
        self._take(idle_status(self._settings))
        self.settings_changed.emit(self._settings)  # nothing is left that needs a reconnect

    def _told(self, status: Status) -> None:
        if self._session is not None:
            self._take(status)

    def _spawn(self, work: Coroutine[Any, Any, None], name: str) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(work, name=f"bridge: {name}")
        self._tasks.add(task)
        task.add_done_callback(self._finished)
        return task

    def _finished(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if task.cancelled() or (error := task.exception()) is None:
            return
        log.error("%s failed: %s", task.get_name(), error, exc_info=error)
        self._problem = Problem(Crash("the window", f"{type(error).__name__}: {error}"))
        self.state_changed.emit(self._status)


async def _nothing() -> None:
    pass


def idle_status(settings: Settings) -> Status:
    """What there is to say without a session."""
    own_network = settings.network is PRACTICE
    preset = settings.chosen_preset(own_network=own_network).name
    rates = Rates.of(settings.traffic(own_network=own_network))
    return Status(State.DISCONNECTED, clock(), settings.network, settings.socks, preset, rates)


def with_port(settings: Settings, port: int) -> Settings:
    """The same settings with another SOCKS port."""
    return replace(settings, socks=replace(settings.socks, port=port))


def _problem(error: Exception, settings: Settings) -> Problem:
    reason = reason_of(error)
    match reason:
        case CannotListen(host, port, is_taken=True) if Endpoint(host, port) == settings.socks:
            return Problem(reason, settings.socks)
        case _:
            return Problem(reason)
