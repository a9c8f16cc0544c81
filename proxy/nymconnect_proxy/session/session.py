"""A session: from "connect" to a SOCKS port that serves, and back. The command line and the window share it.

It owns the listener, the mixnet client and, for the practice network, the child process that runs it. The order is:
port, network, client, cover for the warm-up, and only then requests; the listener refuses until the state is
*Connected* (`states`), and whatever fails later closes it for requests again. Cover flows for as long as the client
runs, whether or not there are streams.

On demand, everything behind the port waits for the first request, and is taken down when there has been none for long.
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable
from dataclasses import replace
from functools import partial

from nymconnect.client.client import MixnetClient
from nymconnect.client.monitor.loop_monitor import LoopStatistics
from nymconnect.client.parameters import TrafficParameters
from nymconnect.errors import NymError, reason_of
from nymconnect.reasons import Reason
from nymconnect.runtime.clock import clock
from nymconnect.runtime.tasks import TaskSet
from nymconnect.storage import Directories
from nymconnect_proxy.ingress.listener import SocksListener
from nymconnect_proxy.ingress.local_ports import Doors
from nymconnect_proxy.ingress.multiplexer import Exchange
from nymconnect_proxy.ingress.requester_choice import RequesterChoice
from nymconnect_proxy.session.alarms import subject
from nymconnect_proxy.session.connector import Passage, Watcher
from nymconnect_proxy.session.downlink import DownlinkKeeper
from nymconnect_proxy.session.rate_monitor import PaceWatch
from nymconnect_proxy.session.reasons import CoverFirst, Crash
from nymconnect_proxy.session.states import Event, State, after
from nymconnect_proxy.session.status import KnownGateway, Rates, Status
from nymconnect_proxy.session.status_builder import known_gateways, overview
from nymconnect_proxy.session.status_log import StatusLog
from nymconnect_proxy.settings.config import Settings
from nymconnect_proxy.settings.networks import MAINNET, PRACTICE

log = logging.getLogger(__name__)

MAINNET_WARM_UP = 60.0
# After a failure on demand, requests are refused for this long, so that a program that insists does no harm.
DEMAND_PAUSE = 5.0
IDLE_LOOK = 1.0
PACE_LOOK = 2.0


class Session:
    """One user's connection. `on_status` is called after each change of state; `traffic` replaces the preset's.

    Without `directories` nothing is kept from one session to the next. `alarm_level` is the log level of alarms.
    """

    def __init__(
        self,
        settings: Settings,
        on_status: Callable[[Status], None] = lambda _: None,
        traffic: TrafficParameters | None = None,
        directories: Directories | None = None,
        alarm_level: int = logging.WARNING,
    ) -> None:
        self._settings = settings
        self._traffic = traffic
        self._on_status = on_status
        self._directories = directories
        own_network = settings.network is PRACTICE  # as long as no directory has said so
        preset = settings.chosen_preset(own_network=own_network).name
        rates = Rates.of(traffic or settings.traffic(own_network=own_network))
        self._status = Status(State.DISCONNECTED, clock(), settings.network, settings.socks, preset, rates)
        self._tasks = TaskSet("session", partial(self._crashed, "the session"))
        self._doors: Doors | None = None
        self._client: MixnetClient | None = None
        self._is_attached = False
        self._downlink: DownlinkKeeper | None = None
        self._pace: PaceWatch | None = None
        self._passage: Passage | None = None
        self._changed = asyncio.Event()
        self._wanted = asyncio.Event()
        self._refuse_until = 0.0
        self._log = StatusLog(alarm_level)
        self._running: asyncio.Task[None] | None = None

    @property
    def status(self) -> Status:
        """A snapshot."""
        return overview(self._status, self._passage, self._listener, self._client, self._downlink, self._pace)

    @property
    def gateways(self) -> tuple[KnownGateway, ...]:
        """Those by which one can enter, as the directory lists them; none before it has been read."""
        return known_gateways(self._passage, self._client)

    @property
    def network_pid(self) -> int | None:
        """Process id of the practice network, if this session runs one."""
        return self._passage.network_pid if self._passage else None

    @property
    def pacer_pid(self) -> int | None:
        """Process id of the pacer, while there is a gateway link that one paces."""
        return self._client.pacer_pid if self._client else None

    async def connect(self) -> None:
        """Begin to connect, or on demand to wait; watch the status, or `wait`, for the outcome.

        UserError if the port cannot be opened.
        """
        event = Event.STAND_BY if self._settings.on_demand else Event.CONNECT
        if self._status.state is State.FAILED:
            await self._until_ended()  # a crash may have left a moment's work
        if self._status.state not in (State.DISCONNECTED, State.FAILED):
            return
        if self._doors is None:
            self._doors = await Doors.open(self._settings, self._hold if self._settings.on_demand else None)
            self._status = replace(self._status, socks=self._doors.socks, rpc=self._doors.rpc)
        self._status = replace(self._status, crash=None)
        self._happen(event)
        self._running = self._tasks.spawn(self._run(), "connection")

    @property
    def _listener(self) -> SocksListener | None:
        return self._doors.listener if self._doors else None

    async def disconnect(self) -> None:
        """Stop serving, leave the mixnet, close the port."""
        self._happen(Event.DISCONNECT)
        if self._running is not None:
            self._running.cancel()
        await self._until_ended()
        if self._doors is not None:
            await self._doors.close()
            self._doors = None
        self._happen(Event.LINK_LOST)

    async def _until_ended(self) -> None:
        if self._running is not None:
            await asyncio.gather(self._running, return_exceptions=True)
            self._running = None

    async def wait(self, *states: State) -> Status:
        """Until the session is in one of `states`."""
        while self._status.state not in states:
            self._changed.clear()
            await self._changed.wait()
        return self.status

    # --- on demand ---------------------------------------------------------------------------------------------

    async def _hold(self) -> None:
        """A request that cannot be served yet: connect if that has not begun, and wait for the outcome."""
        if self._status.state is State.WAITING:
            if clock() < self._refuse_until:
                return
            self._happen(Event.WANTED)
            self._wanted.set()
        if self._status.state is not State.CONNECTING:
            return
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._settings.connect_timeout + self._warm_up):
                await self.wait(*(state for state in State if state is not State.CONNECTING))

    async def _until_idle(self) -> None:
        """Return when no program has been here for `idle_timeout`."""
        assert self._listener is not None
        patience = self._settings.idle_timeout
        accepted, quiet_since = -1, clock()
        while clock() - quiet_since < patience:
            seen = self._listener.snapshot()
            if seen.connections or seen.accepted != accepted:
                accepted, quiet_since = seen.accepted, clock()
            await asyncio.sleep(min(IDLE_LOOK, patience / 4))

    # --- the way to Connected ----------------------------------------------------------------------------------

    async def _run(self) -> None:
        """One connection; on demand, one after the other."""
        while True:
            if self._settings.on_demand:
                await self._wanted.wait()
                self._wanted.clear()
            reason: Reason | None = None
            try:
                async with contextlib.AsyncExitStack() as stack:
                    await self._connect_and_serve(stack)
            except NymError as error:
                reason = reason_of(error)
                self._happen(Event.FATAL, reason)
            if not self._settings.on_demand:
                return
            if reason is not None:  # and else a request may have come while the last things were put away
                self._refuse_until = clock() + DEMAND_PAUSE
                self._wanted.clear()
                self._happen(Event.STAND_BY, reason)

    async def _connect_and_serve(self, stack: contextlib.AsyncExitStack) -> None:
        """Until there is a failure, which is a NymError, or on demand nothing left to do."""
        passage = self._passage = Passage(
            self._settings,
            self._traffic,
            self._directories,
            Watcher(self._link_changed, self._report, self._tell, self._crashed),
        )
        await passage.open(stack)
        self._status = replace(
            self._status,
            preset=passage.preset,
            rates=Rates.of(passage.traffic),
        )
        reason: Reason | None = None
        while True:
            async with contextlib.AsyncExitStack() as visit:
                client = await passage.enter(visit)
                self._show(visit, client, passage.traffic)
                await self._open_to_requests(visit, client, passage, reason)
                reason = await passage.stay(client, self._until_idle if self._settings.on_demand else None)
                self._happen(Event.IDLE if reason is None else Event.LINK_LOST, reason)
            if reason is None:
                return
            self._tell(reason)

    def _show(self, visit: contextlib.AsyncExitStack, client: MixnetClient, traffic: TrafficParameters) -> None:
        """Let the status speak of this client while it runs."""
        self._client, self._pace = client, PaceWatch()
        watching = TaskSet("pace", partial(self._crashed, "the watch on the rate"))
        watching.spawn(self._watch_pace(client, self._pace, traffic.steady_rate), "watch")
        visit.push_async_callback(watching.close)
        visit.callback(self._forget_client)

    async def _watch_pace(self, client: MixnetClient, pace: PaceWatch, rate: float) -> None:
        """Also tell of alarms that come and go without a word, such as a profile that cannot be saved."""
        known = self.status.alarms
        while True:
            pace.look(client.counters(), clock(), rate if client.is_connected else 0.0)
            if set(map(subject, alarms := self.status.alarms)) != set(map(subject, known)):
                self._report()
            known = alarms
            await asyncio.sleep(PACE_LOOK)

    @property
    def _warm_up(self) -> float:
        if self._settings.warm_up is not None:
            return self._settings.warm_up
        return MAINNET_WARM_UP if self._settings.network is MAINNET else 0.0

    def _forget_client(self) -> None:
        self._client = self._pace = None

    async def _open_to_requests(
        self, visit: contextlib.AsyncExitStack, client: MixnetClient, passage: Passage, reason: Reason | None
    ) -> None:
        """Let cover flow for a while, both ways if the preset wants that, then serve."""
        assert self._listener is not None
        choice = passage.choice(client)
        exchange = self._listener.attach(
            client, choice, passage.exchange_options, self._report, partial(self._crashed, "the exchange")
        )
        visit.push_async_callback(self._listener.detach)
        keeper = self._keep_downlink(visit, client, passage, exchange, choice)
        if self._warm_up:
            self._tell(CoverFirst(self._warm_up))
            await asyncio.sleep(self._warm_up)
        await keeper.begun()
        visit.callback(self._set_attached, False)
        self._set_attached(True)
        if client.is_connected:  # else it has lost the link again, and will say when it is back
            self._happen(Event.LINK_READY, reason)

    def _keep_downlink(
        self,
        visit: contextlib.AsyncExitStack,
        client: MixnetClient,
        passage: Passage,
        exchange: Exchange,
        choice: RequesterChoice,
    ) -> DownlinkKeeper:
        """Have what comes in paced, where the preset wants that, and let the status tell whether it is."""
        self._downlink = keeper = DownlinkKeeper(
            client,
            exchange.ask,
            lambda: [known.address for known in choice.in_use],
            passage.traffic,
            one_tag=lambda: exchange.has_one_tag,
            on_change=self._report,
            on_crash=partial(self._crashed, "the watch on the downlink"),
        )
        keeping = TaskSet("downlink", partial(self._crashed, "the watch on the downlink"))
        keeping.spawn(keeper.run(), "keeper")
        visit.push_async_callback(keeping.close)
        visit.callback(self._forget_downlink)
        return keeper

    def _forget_downlink(self) -> None:
        self._downlink = None

    def _set_attached(self, attached: bool) -> None:
        self._is_attached = attached

    # --- changes of state --------------------------------------------------------------------------------------

    def _link_changed(self, is_up: bool, reason: Reason | None) -> None:
        if not self._is_attached:  # still on the way to the first Connected
            return
        self._happen(Event.LINK_READY if is_up else Event.LINK_LOST, reason)

    def _report(self, _: LoopStatistics | None = None) -> None:
        """Tell of a status that is new, in whatever part of it."""
        status = self.status
        self._log.note(status)
        self._on_status(status)

    def _crashed(self, part: str, error: BaseException) -> None:
        """A part has failed that the session cannot do without: it shows, and everything ends."""
        crash = Crash(part, f"{type(error).__name__}: {error}")
        self._status = replace(self._status, crash=crash)
        self._happen(Event.FATAL, crash)
        if self._running is not None and not self._running.cancelling():
            self._running.cancel()

    def _tell(self, reason: Reason) -> None:
        """The state stays, for another reason."""
        if reason != self._status.reason:
            self._status = replace(self._status, reason=reason)
            log.info("session is %s: %s", self._status.state.value, reason)
            self._report()

    def _happen(self, event: Event, reason: Reason | None = None) -> None:
        state = after(self._status.state, event)
        if self._status.state is State.DISCONNECTING and event is Event.LINK_LOST and self._running is not None:
            return  # the client's own farewell; `disconnect` reports when all is closed
        if state is self._status.state:
            return
        if self._listener is not None:
            self._listener.set_serving(state.serves)
        self._status = replace(self._status, state=state, since=clock(), reason=reason)
        log.info("session is %s%s", state.value, "" if reason is None else f": {reason}")
        self._changed.set()
        self._report()
