"""A gateway: the last hop of its clients, and the first relay of what they send. Mirrors nym-gateway 1.1.36 and
nym-node 1.31 in its mode ``entry-gateway``.

Clients attach over a websocket on any path and with any sub-protocol. What arrives for a client waits in the mailbox
until the client has it; its ack leaves as `mailbox_writer` says. What clients send passes the same routing filter as
what the mixer forwards.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from enum import StrEnum
from functools import partial

from aiohttp import web

from nymconnect.crypto import Rng
from nymconnect.directory.models import DeclaredRoles, EntryInfo
from nymconnect.directory.network_state import NodeRecord
from nymconnect.directory.topology import Feature, Topology
from nymconnect.effects import Effect, Push, SendTo
from nymconnect.errors import UsageError
from nymconnect.link.gateway.events import DeliveryRates
from nymconnect.link.gateway.server import GatewayServerMachine
from nymconnect.lobby import LobbyLimits
from nymconnect.node.gateway.client_port import Doorman
from nymconnect.node.gateway.client_session import ClientSession
from nymconnect.node.gateway.mailbox import DEFAULT_LIMITS, Mail, MailboxLimits
from nymconnect.node.gateway.mailbox_writer import MailKeeper
from nymconnect.node.gateway.rate_allowance import NOTHING, REVIEW, DeliveryAllowance
from nymconnect.node.keys import NodeKeys, SphinxKeys
from nymconnect.node.relay import CRASHES, NodeSettings, Relay
from nymconnect.packet.framing import MixPacket
from nymconnect.runtime.clock import SYSTEM_RNG, clock, unix_offset
from nymconnect.runtime.tasks import TaskSet

FEATURES = frozenset({Feature.DROP_COVER, Feature.PACED_DELIVERY})
# A client that shares its address with others, as at a mobile provider, finds a place: strangers stay for seconds only.
PLACES = LobbyLimits(strangers=1024, known=8192, per_address=32, shared=True)
HOUSEKEEPING_INTERVAL = REVIEW


class GatewayCount(StrEnum):
    """What a gateway counts beside its mixer and links."""

    SESSIONS = "gateway_sessions"
    PUSHED = "gateway_pushed"
    STORED = "gateway_stored"
    FORWARDED = "gateway_forwarded"
    DROPPED_UNKNOWN_HOP = "gateway_dropped_unknown_hop"
    DROPPED_MAILBOX_FULL = "gateway_dropped_mailbox_full"
    WITHHELD_ACKS = "gateway_withheld_acks"
    REFUSED_FULL = "gateway_refused_full"
    DISPLACED = "gateway_displaced"
    CLOSED_NO_UPGRADE = "gateway_closed_no_upgrade"
    MAIL_EXPIRED = "gateway_mail_expired"
    MAIL_FAILED_WRITES = "gateway_mail_failed_writes"


class Gateway:
    """The service. `forwards` makes it a mix node too, which live gateways are not."""

    def __init__(
        self,
        settings: NodeSettings,
        keys: NodeKeys,
        rng: Rng = SYSTEM_RNG,
        *,
        forwards: bool = False,
        mailbox_limits: MailboxLimits = DEFAULT_LIMITS,
        places: LobbyLimits = PLACES,
    ) -> None:
        self.mail = MailKeeper(settings.state_directory, self._send_ack, mailbox_limits)
        self._settings, self._keys, self._rng = settings, keys, rng
        self._forwards = forwards
        self._relay = Relay(settings, keys, self._take_in, forwards=forwards, delivers=True, rng=rng)
        self._allowance = DeliveryAllowance()
        self._sessions: dict[bytes, ClientSession] = {}
        self._connected: set[ClientSession] = set()
        self._counts = dict.fromkeys(GatewayCount, 0)
        self._tasks = TaskSet(f"gateway {settings.node_id}")
        self._doorman = Doorman(f"gateway {settings.node_id}", self._serve, places, self._refuse, self._displace)
        self._ws_port: int | None = None
        self._session_crashes = 0  # of sessions that are over

    @property
    def mix_port(self) -> int:
        """The bound TCP port for packets; UsageError unless started."""
        return self._relay.mix_port

    @property
    def ws_port(self) -> int:
        """The bound TCP port for clients; UsageError unless started."""
        if self._ws_port is None:
            raise UsageError("the gateway is not started")
        return self._ws_port

    @property
    def description(self) -> NodeRecord:
        """This node for the directory, without an assignment; UsageError unless started."""
        roles = DeclaredRoles(mixnode=self._forwards, entry=True)
        return replace(self._relay.describe(roles, EntryInfo(self.ws_port)), features=FEATURES)

    @property
    def counters(self) -> Mapping[str, int]:
        """Counts by name; no secrets, no addresses."""
        own = {str(name): count for name, count in self._counts.items()}
        own[GatewayCount.WITHHELD_ACKS] += self.mail.lost_acks
        own[GatewayCount.DROPPED_MAILBOX_FULL] = self.mail.mailbox.refused
        own[GatewayCount.MAIL_EXPIRED] = self.mail.mailbox.expired
        own[GatewayCount.MAIL_FAILED_WRITES] = self.mail.mailbox.failed_writes
        relay = self._relay.counters
        sessions = self._session_crashes + sum(session.crashes for session in self._connected)
        crashes = relay[CRASHES] + self._tasks.crashes + self.mail.crashes + self._doorman.crashes + sessions
        return relay | own | {CRASHES: crashes}

    async def start(self) -> None:
        """Listen for packets and clients; UserError if a port cannot be had, or the files cannot be used."""
        await self.mail.open()
        try:
            await self._relay.start()
            self._ws_port = await self._doorman.start(self._settings.host, self._settings.ws_port)
        except BaseException:
            await self._relay.stop()
            await self.mail.close()
            raise
        self._tasks.keep(self._keep_house, "housekeeping")

    async def stop(self) -> None:
        """Close every session and port; does nothing if not started."""
        if self._ws_port is None:
            return
        self._ws_port = None
        await self._tasks.close()
        await self._doorman.close_port()
        for session in self._connected:
            session.close()
        await self._doorman.stop()
        await self._relay.stop()
        await self.mail.close()

    def update(self, topology: Topology) -> None:
        """Take a refreshed topology."""
        self._relay.update(topology)

    def rotate(self, sphinx: SphinxKeys) -> None:
        """Change the live Sphinx keys."""
        self._relay.rotate(sphinx)

    # --- clients ------------------------------------------------------------------------------------------------

    async def _serve(self, socket: web.WebSocketResponse, transport: asyncio.WriteTransport) -> None:
        machine = GatewayServerMachine(self._keys.identity, self.mail.registry, self._rng, unix_offset())
        session = ClientSession(socket, transport, machine, self)
        self._connected.add(session)
        try:
            await session.run()
        finally:
            self._connected.discard(session)
            self._session_crashes += session.crashes

    def _refuse(self) -> None:
        self._counts[GatewayCount.REFUSED_FULL] += 1

    def _displace(self) -> None:
        self._counts[GatewayCount.DISPLACED] += 1

    def enter(self, session: ClientSession) -> bool:
        """A session has authenticated: it receives what the mixnet delivers for its client. False if there is no room
        for another client."""
        if not self._doorman.admit(session.transport):
            return False
        self._counts[GatewayCount.SESSIONS] += 1
        self._sessions[session.client] = session
        self.mail.registry.online.add(session.client)
        return True

    def leave(self, session: ClientSession) -> None:
        """A session has ended; what comes for its client is stored."""
        if self._sessions.get(session.client) is session:
            self._allowance.leave(session.client)
            del self._sessions[session.client]
            self.mail.registry.online.discard(session.client)

    async def probe(self, client: bytes) -> bool:
        """Whether the client's present session still lives; one that does not is dropped."""
        session = self._sessions.get(client)
        if session is None:
            return False
        if await session.is_alive():
            return True
        session.step_down()
        session.close()
        return False

    def wish(self, session: ClientSession, rates: DeliveryRates) -> None:
        """A client wants its mail at constant rates: not before it has shown that it sends as much itself."""
        if self._sessions.get(session.client) is not session:
            return
        if rates.messages and rates.acks:
            self._allowance.ask(session.client, rates, clock())
        else:
            self._allowance.leave(session.client)
        session.deliver_at(NOTHING)

    def forward(self, packet: MixPacket, client: bytes) -> None:
        """A packet from a client, for a node that is known."""
        if not self._relay.view.may_send_to(packet.next_hop):
            self._counts[GatewayCount.DROPPED_UNKNOWN_HOP] += 1
            return
        self._counts[GatewayCount.FORWARDED] += 1
        self._allowance.sent(client, len(packet.packet), clock())
        self._relay.links.send(packet)

    def _take_in(self, effects: Sequence[Effect]) -> None:
        """What the mixer wants at the last hop. A message that is not kept is not acknowledged."""
        acknowledge: Callable[[MixPacket], None] = self.mail.acknowledge
        for effect in effects:
            if isinstance(effect, Push):
                mail = self.deliver(effect.destination, effect.content)
                acknowledge = partial(self._acknowledge, effect.destination, mail)
            elif isinstance(effect, SendTo):
                acknowledge(effect.packet)

    def deliver(self, client: bytes, content: bytes) -> Mail | None:
        """A message from the mixnet: into the client's mailbox, and to the client. None if there is no room."""
        session = self._sessions.get(client)
        mail = self.mail.store(client, content, connected=session is not None)
        if mail is None:
            return None
        pushed = session is not None and session.push(mail)
        self._counts[GatewayCount.PUSHED if pushed else GatewayCount.STORED] += 1
        return mail

    def _acknowledge(self, client: bytes, mail: Mail | None, packet: MixPacket) -> None:
        if mail is None:
            self._counts[GatewayCount.WITHHELD_ACKS] += 1
        else:
            self.mail.acknowledge_mail(packet, client, mail)

    def _send_ack(self, packet: MixPacket) -> None:
        self._relay.links.send(packet)

    # --- housekeeping -------------------------------------------------------------------------------------------

    async def _keep_house(self) -> None:
        while True:
            await asyncio.sleep(HOUSEKEEPING_INTERVAL)
            now = clock()
            self._counts[GatewayCount.CLOSED_NO_UPGRADE] += self._doorman.close_idlers(now)
            for change in self._allowance.review(now):
                self._sessions[change.client].deliver_at(change.rates)
