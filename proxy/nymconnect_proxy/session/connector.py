"""The way into the mixnet, behind a session: network, directory, gateway and client, and when to take another gateway.

A `Passage` is opened once for each connect. `enter` makes a client that runs; `stay` lasts as long as its gateway is
good, and then `enter` takes another one.
"""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial

from nymconnect.base58 import b58decode
from nymconnect.client.client import MixnetClient
from nymconnect.client.gateway import network_change
from nymconnect.client.gateway.profile import ProfileStore
from nymconnect.client.monitor.loop_monitor import LoopStatistics
from nymconnect.client.parameters import TrafficParameters
from nymconnect.directory.client import DirectoryClient
from nymconnect.directory.locations import countries_of, nodes_in
from nymconnect.directory.models import DescribedNode
from nymconnect.directory.topology import Node, Topology
from nymconnect.endpoints import Upstream
from nymconnect.errors import UserError
from nymconnect.reasons import GatewayUnlisted, Reason
from nymconnect.runtime.clock import SYSTEM_RNG
from nymconnect.runtime.http import http_client
from nymconnect.runtime.tasks import TaskSet
from nymconnect.storage import Directories
from nymconnect_proxy.ingress.multiplexer import CHECK_TIMEOUT, SETTLE, ExchangeOptions
from nymconnect_proxy.ingress.requester_choice import KnownRequester, RequesterChoice
from nymconnect_proxy.ingress.sender_tags import TagUse
from nymconnect_proxy.practice.network_process import NetworkAddress, NetworkProcess
from nymconnect_proxy.practice.reasons import PracticeEnded
from nymconnect_proxy.protocol.versions import Versions
from nymconnect_proxy.session.alarms import Alarm, ProfileNotice, WithoutEffect
from nymconnect_proxy.session.gateway_selection import Entrance, GatewaySelection
from nymconnect_proxy.session.reasons import (
    EnteringElsewhere,
    NoGatewayAnswers,
    PlainDirectory,
    RequestersGone,
    RequestersReplaced,
    TooFewNodes,
    TryingAnother,
)
from nymconnect_proxy.session.requester_selection import RequesterSelection
from nymconnect_proxy.settings.networks import PRACTICE, NamedNetwork, OwnNetwork
from nymconnect_proxy.settings.settings import PROTOCOLS, Settings
from nymconnect_proxy.streams.client_stream import ClientOptions
from nymconnect_resources import MAINNET_API

log = logging.getLogger(__name__)

# Gateways tried for one connect: more would let somebody who blocks gateways choose ours.
MOST_GATEWAYS = 3
# Seconds without a message, after which a stream helps an exit out with reply SURBs: besides what the mixes take.
QUIET, QUIET_IN_DELAYS = 10.0, 60.0
REQUESTER_LOOK = 30.0  # seconds
SETTLE_IN_DELAYS = 20.0  # until a requester has heard that a stream has ended, besides


@dataclass(frozen=True, slots=True)
class Watcher:
    """Whom a passage tells: of its link (up or not, why), of alarms, why something takes longer, and that a part of it
    (by its name) has failed."""

    on_link: Callable[[bool, Reason | None], None]
    on_alarm: Callable[[LoopStatistics], None]
    tell: Callable[[Reason], None]
    on_crash: Callable[[str, BaseException], None]


class Passage:
    """See the module. It puts everything that it starts on the stacks that it gets."""

    def __init__(
        self,
        settings: Settings,
        traffic: TrafficParameters | None,
        directories: Directories | None,
        watcher: Watcher,
    ) -> None:
        self._settings = settings
        self._own_traffic = traffic
        # What the network's name lets expect; the directory knows better.
        own_network = settings.network is PRACTICE
        self.preset = settings.chosen_preset(own_network=own_network).name
        self.traffic = traffic or settings.traffic(own_network=own_network)
        self._directories = directories
        self._watcher = watcher
        self._network: NetworkProcess | None = None
        self._directory: DirectoryClient | None = None
        self._topology: Topology | None = None
        self.countries: dict[bytes, str] = {}  # of nodes by identity, where they had to be asked for
        self._requesters = RequesterSelection(settings)
        self._entry = self._make_entry()
        self._choice: RequesterChoice | None = None
        self._node: Node | None = None
        self._given_up: set[bytes] = set()

    def choice(self, client: MixnetClient) -> RequesterChoice:
        """Who dials the targets for this client. Once open."""
        self._choice = self._requesters.choice(client, paced=self.traffic.symmetric)
        return self._choice

    @property
    def requesters(self) -> list[KnownRequester]:
        """All that may be used, once open."""
        return self._requesters.known

    @property
    def topology(self) -> Topology | None:
        """The network that a gateway was chosen from, None before the directory has been read."""
        return self._topology

    @property
    def exchange_options(self) -> ExchangeOptions:
        """How streams go, by the settings and what this network allows."""
        settings, tags = self._settings, self._settings.sender_tags
        if tags == "automatic":
            tags = TagUse.USER.value if self.traffic.symmetric else TagUse.DESTINATION.value
        streams = ClientOptions(
            connect_surbs=settings.connection_start_surbs,
            send_surbs=settings.per_request_surbs,
            quiet=QUIET + QUIET_IN_DELAYS * self.traffic.average_packet_delay,
            versions=Versions(*PROTOCOLS[settings.requester_protocol]),
            early_reply=settings.early_reply,
        )
        # Requesters of the old generation answer no questions.
        check_timeout = CHECK_TIMEOUT if settings.requester_protocol != "legacy" else None
        settle = SETTLE + SETTLE_IN_DELAYS * self.traffic.average_packet_delay
        rate = self.traffic.useful_rate
        return ExchangeOptions(streams, tags=TagUse(tags), rate=rate, check_timeout=check_timeout, settle=settle)

    @property
    def gateway(self) -> str | None:
        """Identity (base58) of the gateway that is used or tried."""
        return self._node.name if self._node else None

    @property
    def gateway_port(self) -> int | None:
        """Its websocket port."""
        return self._node.entry.ws_port if self._node and self._node.entry else None

    @property
    def alarms(self) -> tuple[Alarm, ...]:
        """What a person should know of the profile, and of options that the practice network cannot follow."""
        idle = ("gateway_country", "requester_country") if self._settings.network is PRACTICE else ()
        return (
            *(ProfileNotice(notice) for notice in self._entry.notices),
            *(WithoutEffect(name) for name in idle if getattr(self._settings, name) is not None),
        )

    @property
    def network_pid(self) -> int | None:
        """Process id of the practice network, if there is one."""
        return self._network.pid if self._network else None

    # --- to the directory --------------------------------------------------------------------------------------

    async def open(self, stack: contextlib.AsyncExitStack) -> None:
        """Reach the directory and read the profile. NymError if that is impossible."""
        self._requesters.take_named()
        network = await self._reach_network(stack)
        http = await stack.enter_async_context(http_client(self._upstream))
        self._directory = DirectoryClient([network.api], http)
        stack.callback(self._entry.close)
        self._entry.open()
        self._topology = await self._directory.topology()
        if network.requester:
            self._requesters.take_practice(network.requester)
        await self._choose_by_country(self._directory, self._topology)
        self.preset = self._settings.chosen_preset(own_network=self._topology.is_ours).name
        self.traffic = self._own_traffic or self._settings.traffic(own_network=self._topology.is_ours)

    async def _reach_network(self, stack: contextlib.AsyncExitStack) -> NetworkAddress:
        match self._settings.network:
            case NamedNetwork.PRACTICE:
                self._network = NetworkProcess()
                stack.push_async_callback(self._network.stop)
                return await self._network.start()
            case NamedNetwork.MAINNET:
                return NetworkAddress(MAINNET_API, "")
            case OwnNetwork() as own:
                if not (own.is_proven or self._settings.plain_http_directory):
                    raise UserError(PlainDirectory(own.url))
                return NetworkAddress(str(own), "")

    @property
    def _upstream(self) -> Upstream | None:
        """The embedded network is on this machine: no proxy leads there."""
        return None if self._settings.network is PRACTICE else self._settings.upstream

    async def _choose_by_country(self, directory: DirectoryClient, topology: Topology) -> None:
        """What depends on how nodes describe themselves. They are asked for only if something does."""
        settings = self._settings
        country = settings.gateway_country if settings.gateway is None and settings.network is not PRACTICE else None
        if self._requesters.known and country is None:
            return
        described = await directory.described()
        self.countries = countries_of(described)
        if country is not None:
            self._entry.stay_in(country, nodes_in(country, described))
        if not self._requesters.known:
            self._requesters.take_listed(described, topology)

    def _make_entry(self) -> GatewaySelection:
        """An embedded network is new each time: of it there is nothing to remember."""
        store = None
        if self._directories is not None and self._settings.network is not PRACTICE:
            store = ProfileStore(self._directories.data, str(self._settings.network))
        pinned = self._settings.gateway
        return GatewaySelection(store, b58decode(pinned, 32) if pinned else None, SYSTEM_RNG)

    # --- to a gateway ------------------------------------------------------------------------------------------

    async def enter(self, visit: contextlib.AsyncExitStack) -> MixnetClient:
        """A running client. Tries a few gateways, unless the user has named one; UserError if none answers."""
        topology = self._topology
        if topology is None or not topology.is_routable():
            raise UserError(TooFewNodes())
        refused = set(self._given_up)
        exits = self._requesters.exits(paced=self.traffic.symmetric)
        for attempt in range(1, MOST_GATEWAYS + 1):
            entrance = self._entry.choose(topology, refused, exits)
            try:
                return await self._start_client(visit, entrance, topology)
            except UserError as error:
                refused.add(entrance.gateway.identity)
                if attempt == MOST_GATEWAYS or not self._entry.has_other(topology, refused):
                    raise
                self._watcher.tell(TryingAnother(error.reason))
        raise UserError(NoGatewayAnswers())

    async def _start_client(
        self, visit: contextlib.AsyncExitStack, entrance: Entrance, topology: Topology
    ) -> MixnetClient:
        assert self._directory is not None
        self._node = entrance.gateway
        client = MixnetClient(
            self._directory,
            entrance.gateway,
            topology,
            entrance.keys,
            self.traffic,
            self._watcher.on_link,
            self._watcher.on_alarm,
            self._upstream,
            partial(self._watcher.on_crash, "the mixnet client"),
        )
        client.reinstate_keys(entrance.issued)
        try:
            await client.start(self._settings.connect_timeout)
        except BaseException:
            await client.stop()
            raise
        visit.push_async_callback(client.stop)
        return client

    # --- while it lasts ----------------------------------------------------------------------------------------

    async def stay(self, client: MixnetClient, until: Callable[[], Awaitable[None]] | None) -> Reason | None:
        """Wait until the gateway has to be left for another one, and return why; None once `until` returns. UserError
        if the network ends.

        Meanwhile the profile is saved, and the link renewed when this computer has slept or moved.
        """
        upkeep = TaskSet("session upkeep", partial(self._watcher.on_crash, "the upkeep"))
        ends = {
            asyncio.ensure_future(self._until_gateway_is_gone(client)),
            asyncio.ensure_future(self._until_requesters_are_gone()),
            asyncio.ensure_future(self._until_network_ends()),
        }
        if until is not None:
            ends.add(asyncio.ensure_future(_nothing_after(until)))
        upkeep.spawn(self._entry.keep_saving(client), "profile")
        upkeep.spawn(network_change.watch(lambda: _gateway_ip(client), client.reconnect), "surroundings")
        try:
            done, _ = await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
            return done.pop().result()
        finally:
            for end in ends:
                end.cancel()
            await asyncio.gather(*ends, return_exceptions=True)
            await upkeep.close()
            await self._entry.save(client)

    async def _until_network_ends(self) -> None:
        if self._network is None:
            await asyncio.Event().wait()
            return
        last_words = await self._network.ended()
        raise UserError(PracticeEnded(last_words))

    async def _until_requesters_are_gone(self) -> Reason | None:
        """Ask the directory now and then while no requester answers. UserError if the user has named them."""
        assert self._directory is not None
        while True:
            await asyncio.sleep(REQUESTER_LOOK)
            if self._choice is None or not self._choice.is_silent:
                continue
            try:
                topology, described = await self._directory.topology(), await self._directory.described()
            except UserError as error:
                log.debug("the requesters are silent, and so is the directory: %s", error)
                continue
            if topology.is_routable() and self._draw_again(topology, described):
                self._topology = topology
                return RequestersReplaced()

    def _draw_again(self, topology: Topology, described: Sequence[DescribedNode]) -> bool:
        """Whether other requesters are in use from now on. One that lists none, as while it starts, is awaited."""
        try:
            return self._requesters.draw_again(described, topology)
        except UserError as error:
            if isinstance(error.reason, RequestersGone):
                raise
            self._watcher.tell(error.reason)
            return False

    async def _until_gateway_is_gone(self, client: MixnetClient) -> Reason | None:
        """Believe it only while the directory can be reached: else it is not the gateway that is away."""
        assert self._directory is not None
        reports: asyncio.Queue[Reason] = asyncio.Queue()
        client.on_gateway_gone = reports.put_nowait
        while True:
            reason = await reports.get()
            if isinstance(reason, GatewayUnlisted):
                reason = GatewayUnlisted(named=self._entry.pinned is not None)
            try:
                topology = await self._directory.topology()
                if topology.is_routable() and self._entry.has_other(topology, {client.gateway.identity}):
                    if self._settings.network is not PRACTICE:
                        self._requesters.draw_again(await self._directory.described(), topology)
                    self._topology, self._given_up = topology, {client.gateway.identity}
                    return EnteringElsewhere(reason)
            except UserError as error:
                if isinstance(error.reason, RequestersGone):
                    raise
                reason = error.reason
            client.forgive_gateway()
            self._watcher.tell(reason)


async def _nothing_after(wait: Callable[[], Awaitable[None]]) -> None:
    await wait()


def _gateway_ip(client: MixnetClient) -> str:
    """Where the route of a client's link leads."""
    return client.gateway.ips[0] if client.gateway.ips else ""
