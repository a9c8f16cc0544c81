"""A session: from "connect" to a SOCKS port that serves, and back. The command line and the window share it.

It owns the listener, the mixnet client and, for the practice network, the child process that runs it. The listener
opens first and refuses until the state is *Connected* (`states`); whatever fails later closes it for requests again.
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from nymconnect.base58 import b58decode, b58encode
from nymconnect.client.client import ClientKeys, MixnetClient, choose_gateway
from nymconnect.client.loops import LoopStatistics
from nymconnect.client.parameters import TrafficParameters
from nymconnect.config import Settings
from nymconnect.directory.fetch import DirectoryClient
from nymconnect.directory.topology import Topology
from nymconnect.errors import NymError, UserError
from nymconnect.options import Endpoint
from nymconnect.packet.addressing import Recipient
from nymconnect.runtime import SYSTEM_RNG, TaskSet, clock, http_client
from nymconnect_proxy.client_streams import ClientOptions
from nymconnect_proxy.listener import ListenerOptions, SocksListener
from nymconnect_proxy.network_process import NetworkAddress, NetworkProcess
from nymconnect_proxy.states import Event, State, after
from nymconnect_resources import MAINNET_API

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Status:
    """What a session is doing, for tray, window, command line and log. No secrets, no targets.

    `since` is when the state was entered (`runtime.clock`), `gateway` the base58 identity of the entry gateway. Our own
    loops tell `loss` (share), `delay` (seconds beyond the drawn delays), whether somebody is `dropping` packets, and
    the addresses of the mixes that are `suspects`.
    """

    state: State
    since: float
    network: str
    socks: Endpoint
    gateway: str | None = None
    gateway_port: int | None = None
    requester: str | None = None
    reason: str = ""
    loss: float | None = None
    delay: float | None = None
    dropping: bool = False
    suspects: tuple[str, ...] = ()
    counters: dict[str, int] = field(default_factory=dict)


class Session:
    """One user's connection. `on_status` is called after each change of state; `traffic` replaces the preset's."""

    def __init__(
        self,
        settings: Settings,
        on_status: Callable[[Status], None] = lambda _: None,
        traffic: TrafficParameters | None = None,
    ) -> None:
        self._settings = settings
        self._traffic = traffic or settings.traffic
        self._on_status = on_status
        self._status = Status(State.DISCONNECTED, clock(), settings.network, settings.socks)
        self._tasks = TaskSet("session", self._crashed)
        self._listener: SocksListener | None = None
        self._client: MixnetClient | None = None
        self._network: NetworkProcess | None = None
        self._changed = asyncio.Event()
        self._running: asyncio.Task[None] | None = None

    @property
    def status(self) -> Status:
        """A snapshot."""
        streams = self._listener.snapshot().streams if self._listener else 0
        if self._client is None:
            return replace(self._status, counters={"streams": streams})
        loops = self._client.loop_statistics()
        return replace(
            self._status,
            loss=loops.loss,
            delay=loops.delay,
            dropping=loops.dropping,
            suspects=tuple(sorted(map(str, loops.suspects))),
            counters={**self._client.counters(), "streams": streams},
        )

    @property
    def network_pid(self) -> int | None:
        """Process id of the practice network, if this session runs one."""
        return self._network.pid if self._network else None

    async def connect(self) -> None:
        """Begin to connect; watch the status, or `wait`, for the outcome. UserError if the port cannot be opened."""
        if after(self._status.state, Event.CONNECT) is self._status.state:
            return
        if self._listener is None:
            self._listener = await self._open_listener()
        self._happen(Event.CONNECT)
        self._running = self._tasks.spawn(self._run(), "connection")

    async def _open_listener(self) -> SocksListener:
        wanted = self._settings.socks
        surbs = ClientOptions(
            connect_surbs=self._settings.connection_start_surbs, send_surbs=self._settings.per_request_surbs
        )
        listener = SocksListener(ListenerOptions(streams=surbs))
        port = await listener.start(wanted.host, wanted.port)
        self._status = replace(self._status, socks=Endpoint(wanted.host, port))
        return listener

    async def disconnect(self) -> None:
        """Stop serving, leave the mixnet, close the port."""
        self._happen(Event.DISCONNECT)
        if self._running is not None:
            self._running.cancel()
            await asyncio.gather(self._running, return_exceptions=True)
            self._running = None
        if self._listener is not None:
            await self._listener.stop()
            self._listener = None
        self._happen(Event.LINK_LOST)

    async def wait(self, *states: State) -> Status:
        """Until the session is in one of `states`."""
        while self._status.state not in states:
            self._changed.clear()
            await self._changed.wait()
        return self.status

    # --- the way to Connected ----------------------------------------------------------------------------------

    async def _run(self) -> None:
        try:
            async with contextlib.AsyncExitStack() as stack:
                await self._connect_and_serve(stack)
        except NymError as error:
            self._happen(Event.FATAL, str(error))

    async def _connect_and_serve(self, stack: contextlib.AsyncExitStack) -> None:
        network = await self._reach_network(stack)
        requester = self._requester(network)
        http = await stack.enter_async_context(http_client())
        directory = DirectoryClient([network.api], http)
        topology = await directory.topology()
        client = await self._start_client(stack, directory, topology)
        assert self._listener is not None
        self._listener.attach(client, requester)
        stack.push_async_callback(self._listener.detach)
        self._status = replace(self._status, requester=str(requester))
        if client.is_connected:  # else it has lost the link again, and will say when it is back
            self._happen(Event.LINK_READY)
        await self._until_network_ends()

    async def _reach_network(self, stack: contextlib.AsyncExitStack) -> NetworkAddress:
        chosen = self._settings.network
        if chosen != "embedded":
            return NetworkAddress(MAINNET_API if chosen == "mainnet" else chosen, self._settings.requester or "")
        self._network = NetworkProcess()
        stack.push_async_callback(self._network.stop)
        return await self._network.start()

    def _requester(self, network: NetworkAddress) -> Recipient:
        text = self._settings.requester or network.requester
        if not text:
            raise UserError(f"the network {self._settings.network} needs a requester: give its address")
        return Recipient.parse(text)

    async def _start_client(
        self, stack: contextlib.AsyncExitStack, directory: DirectoryClient, topology: Topology
    ) -> MixnetClient:
        if not topology.is_routable():
            raise UserError("the directory lists too few nodes to route through; try again later")
        wanted = self._settings.gateway
        gateway = choose_gateway(topology, SYSTEM_RNG, b58decode(wanted, 32) if wanted else None)
        client = MixnetClient(
            directory, gateway, topology, ClientKeys.generate(), self._traffic, self._link_changed, self._alarmed
        )
        port = gateway.entry.ws_port if gateway.entry else None
        self._status = replace(self._status, gateway=b58encode(gateway.identity), gateway_port=port)
        stack.push_async_callback(client.stop)
        stack.callback(self._forget_client)
        await client.start(self._settings.connect_timeout)
        self._client = client
        return client

    def _forget_client(self) -> None:
        self._client = None

    async def _until_network_ends(self) -> None:
        if self._network is None:
            await asyncio.Event().wait()
        else:
            last_words = await self._network.ended()
            raise UserError(f"the practice network has ended{': ' + last_words if last_words else ''}")

    # --- changes of state --------------------------------------------------------------------------------------

    def _link_changed(self, is_up: bool, reason: str) -> None:
        if self._client is None:  # still on the way to the first Connected
            return
        self._happen(Event.LINK_READY if is_up else Event.LINK_LOST, reason)

    def _alarmed(self, _: LoopStatistics) -> None:
        self._on_status(self.status)

    def _crashed(self, error: BaseException) -> None:
        self._happen(Event.FATAL, f"internal error: {error}")

    def _happen(self, event: Event, reason: str = "") -> None:
        state = after(self._status.state, event)
        if self._status.state is State.DISCONNECTING and event is Event.LINK_LOST and self._running is not None:
            return  # the client's own farewell; `disconnect` reports when all is closed
        if state is self._status.state:
            return
        if self._listener is not None:
            self._listener.set_serving(state.serves)
        self._status = replace(self._status, state=state, since=clock(), reason=reason)
        log.info("session is %s%s", state.value, f": {reason}" if reason else "")
        self._changed.set()
        self._on_status(self.status)
