"""A client of the mixnet as a service: a `Loopix` machine over a link to a gateway (`gateway.link`).

The link pulls packets out of the machine and reports what has left; what the gateway pushes goes into the machine, and
what comes out of it goes to the application. One timer wakes the machine.

`send` and `reply` wait while their lane is full: that is the back-pressure which a proxied socket feels.
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Iterable, Sequence

from nymconnect.client.counters import ClientCount
from nymconnect.client.gateway.connection import Traffic
from nymconnect.client.gateway.keys import ClientKeys
from nymconnect.client.gateway.link import GatewayLink
from nymconnect.client.gateway.topology_refresh import TopologyRefresh
from nymconnect.client.loopix import Identity, LoopAlarm, Loopix, LoopixEffect, Received, Undelivered
from nymconnect.client.monitor.loop_monitor import LoopStatistics
from nymconnect.client.parameters import TrafficParameters
from nymconnect.client.sending.lanes import GENERAL, Destination
from nymconnect.client.surbs.issued import IssuedKey
from nymconnect.directory.client import DirectoryClient
from nymconnect.directory.topology import Node, Topology
from nymconnect.endpoints import Upstream
from nymconnect.errors import NymError, UserError
from nymconnect.packet.addressing import Recipient
from nymconnect.reasons import ClientCrashed, Reason
from nymconnect.runtime.clock import SYSTEM_RNG, clock
from nymconnect.runtime.faults import FaultLog
from nymconnect.runtime.tasks import TaskSet, Waker

log = logging.getLogger(__name__)

# Messages that the application has not fetched; more than this means that it has stopped reading.
INBOX_LIMIT = 10_000


class ClientStoppedError(NymError):
    """The client does not send or receive any more."""


class MixnetClient:
    """Start it, then `send`, `reply` and `receive`.

    `on_link` hears whether the gateway link is up, and why not; `on_alarm`, when the loops begin or cease to say that
    packets are dropped; `on_crash`, that a part of the client has failed, which is then of no use; `on_undelivered`, on
    which lane something was given up; `on_gateway_gone`, why the gateway will probably not come back (the client goes
    on trying).
    """

    def __init__(
        self,
        directory: DirectoryClient,
        gateway: Node,
        topology: Topology,
        keys: ClientKeys,
        parameters: TrafficParameters,
        on_link: Callable[[bool, Reason | None], None] = lambda _up, _reason: None,
        on_alarm: Callable[[LoopStatistics], None] = lambda _statistics: None,
        upstream: Upstream | None = None,
        on_crash: Callable[[BaseException], None] = lambda _error: None,
    ) -> None:
        self.address = Recipient(keys.identity.public, keys.encryption.public, gateway.identity)
        self.topology = topology
        """The network as the directory has described it last."""
        self.on_undelivered: Callable[[int], None] = lambda _lane: None
        self.on_gateway_gone: Callable[[Reason], None] = lambda _reason: None
        self._on_link, self._on_alarm, self._on_crash = on_link, on_alarm, on_crash
        self._loopix = Loopix(
            Identity(self.address, keys.encryption, keys.ack), topology, parameters, SYSTEM_RNG, clock()
        )
        traffic = Traffic(self._loopix, self._admit, self._departed, self._push)
        self._link = GatewayLink(gateway, keys, parameters, traffic, self._changed, upstream)
        self._link.on_gone = lambda reason: self.on_gateway_gone(reason)
        self._refresh = TopologyRefresh(directory, self._use_topology, SYSTEM_RNG)
        self._faults = FaultLog(log)
        self._waker = Waker(lambda: self._loopix.deadline, self._wake, self._crashed)
        self._tasks = TaskSet("mixnet client", self._crashed)
        self._settled = asyncio.Event()  # `start` knows its outcome
        self._crash: Reason | None = None
        self._payload = parameters.payload
        self._inbox: asyncio.Queue[Received | None] = asyncio.Queue(INBOX_LIMIT)
        self._stopped = False
        self._waiting: dict[tuple[Destination, int], asyncio.Event] = {}

    async def start(self, patience: float = 60.0) -> None:
        """Connect and register; returns when packets flow. UserError if that takes more than `patience` seconds."""
        self._tasks.spawn(self._link.run(), "gateway")
        self._tasks.spawn(self._refresh.run(), "topology")
        try:
            async with asyncio.timeout(patience):
                await self._settled.wait()
        except TimeoutError as error:
            await self.stop()
            raise UserError(self._link.failure) from error
        if self._crash is not None:
            await self.stop()
            raise UserError(self._crash)

    async def stop(self) -> None:
        """Leave; nothing is sent afterwards, and a caller that waits in a verb gets a ClientStoppedError."""
        self._stopped = True
        await self._tasks.close()
        self._waker.cancel()  # last: whatever still came in has armed it
        for event in self._waiting.values():
            event.set()
        with contextlib.suppress(asyncio.QueueFull):
            self._inbox.put_nowait(None)

    @property
    def is_connected(self) -> bool:
        """Whether the gateway link is up and packets leave."""
        return self._link.is_up and self._crash is None

    @property
    def gateway(self) -> Node:
        """The gateway by which we enter, as the directory has described it last."""
        return self._link.gateway

    @property
    def gateway_ips(self) -> Sequence[str]:
        """The addresses under which the directory has listed our gateway last."""
        return self.topology.gateways.get(self.gateway.identity, self.gateway).ips

    @property
    def delivery_is_paced(self) -> bool:
        """Whether the gateway has promised to deliver at a constant rate on this link."""
        return self.is_connected and self._link.delivery_is_paced

    @property
    def delivery_is_wished(self) -> bool:
        """Whether the gateway of this link has been asked for a constant rate; it looks first at what we send."""
        return self.is_connected and self._link.delivery_is_wished

    @property
    def pacer_pid(self) -> int | None:
        """The process that paces, of a paced client whose gateway link is up."""
        return self._link.pacer_pid

    def reconnect(self, reason: Reason) -> None:
        """Give up the gateway link, or the attempt to get one, and try anew at once: the way there has changed."""
        self._link.reconnect(reason)

    def forgive_gateway(self) -> None:
        """`on_gateway_gone` was a false alarm, for nothing can be reached: count anew."""
        self._link.forgive()

    # --- what outlives a run -----------------------------------------------------------------------------------

    @property
    def keys(self) -> ClientKeys:
        """Who we are, brought up to date."""
        return self._link.keys

    def issued_keys(self) -> list[IssuedKey]:
        """Keys of the reply SURBs that are out."""
        return self._loopix.issued.issued(clock())

    def reinstate_keys(self, keys: Iterable[IssuedKey]) -> None:
        """Take in what `issued_keys` gave an earlier run; before `start`."""
        self._loopix.issued.reinstate(keys, clock())

    # --- the application's verbs -------------------------------------------------------------------------------

    async def send(self, to: Recipient, data: bytes, *, surbs: int = 0, lane: int = GENERAL) -> None:
        """Queue `data` for `to`, with `surbs` reply SURBs for an anonymous answer. Waits while the lane is full."""
        await self._room(to, lane)
        self._loopix.send(data, to, clock(), surbs=surbs, lane=lane)
        self._arm()

    async def reply(self, sender_tag: bytes, data: bytes, *, lane: int = GENERAL) -> None:
        """Queue `data` for the client behind `sender_tag`. Waits while the lane is full."""
        await self._room(sender_tag, lane)
        self._loopix.reply(data, sender_tag, lane=lane)
        self._arm()

    def hold(self, sender_tag: bytes) -> None:
        """Keep the reply SURBs of this tag, whatever strangers send us, until `release` is called as often."""
        self._loopix.received.hold(sender_tag)

    def release(self, sender_tag: bytes) -> None:
        """See `hold`."""
        self._loopix.received.release(sender_tag)

    def pace_replies(self, sender_tag: bytes, rate: float, seconds: float) -> float:
        """Answer this tag at up to `rate` packets a second for `seconds`, data or cover; returns the rate granted."""
        granted = self._loopix.pace_replies(sender_tag, rate, seconds, clock())
        self._arm()
        return granted

    def reply_rate(self, sender_tag: bytes) -> float | None:
        """Bytes a second that answers to this tag can carry while a rate is promised to it, else None."""
        rate = self._loopix.replying.rate_of(sender_tag)
        return None if rate is None else rate * self._payload

    def supply_steadily(self, to: Recipient, rate: float) -> None:
        """Give `to` reply SURBs for `rate` answers a second, before all else that we send; 0 ends that."""
        self._loopix.issued.supply_steadily(to, rate, clock())
        self._arm()

    def withhold_surbs(self, to: Recipient, withheld: bool) -> None:
        """Whether `to` gets no reply SURBs but those of our messages; it gets what it has asked for afterwards."""
        self._loopix.issued.withhold(to, withheld)
        self._arm()

    def expect_oldest_first(self, holder: Recipient) -> None:
        """`holder` is of this software: it uses the oldest reply SURB first, and throws away what exceeds its stock."""
        self._loopix.issued.expect_oldest_first(holder)

    def forget(self, to: Recipient) -> None:
        """Drop what is kept for answers of `to`, usually an alias that is not used again."""
        self._loopix.issued.forget(to)

    def close_lane(self, lane: int) -> None:
        """Forget what a stream has not sent yet."""
        self._loopix.transmission.close_lane(lane)
        self._admit()

    async def receive(self) -> Received:
        """The next message."""
        if self._stopped or (message := await self._inbox.get()) is None:
            raise ClientStoppedError("the mixnet client has stopped")
        return message

    def counters(self) -> dict[ClientCount, int]:
        """Packets by kind since the start, what came in and was of no use, slots that this connection left unused and
        why, and how much waits."""
        return {
            **self._loopix.counters,
            **self._loopix.reassembly,
            ClientCount.SENDERS_EVICTED: self._loopix.received.evicted,
            ClientCount.SURB_BYTES_HELD: self._loopix.received.held_bytes,
            **self._link.counters(),
            ClientCount.QUEUED: self._loopix.transmission.queued,
            ClientCount.IN_FLIGHT: self._loopix.transmission.in_flight,
            ClientCount.REPLY_KEYS: self._loopix.issued.keys_held,
            ClientCount.NODES_LEFT_OUT: self.topology.left_out,
        }

    def loop_statistics(self) -> LoopStatistics:
        """Loss, delay and suspects, as our own loops tell them."""
        return self._loopix.loops.statistics()

    async def _room(self, destination: Destination, lane: int) -> None:
        while not self._stopped and self._loopix.transmission.lane_is_full(destination, lane):
            await self._waiting.setdefault((destination, lane), asyncio.Event()).wait()
        if self._stopped:
            raise ClientStoppedError("the mixnet client has stopped")

    def _admit(self) -> None:
        """Let writers go on whose lane has room again."""
        for key in [key for key in self._waiting if not self._loopix.transmission.lane_is_full(*key)]:
            self._waiting.pop(key).set()

    # --- the machine's driver ----------------------------------------------------------------------------------

    def _wake(self) -> None:
        self._perform(self._loopix.wake(clock()))

    def _push(self, content: bytes) -> None:
        try:
            self._perform(self._loopix.feed(content, clock()))
        except Exception as error:  # else any stranger who knows our address could end our link by a message
            self._loopix.counters[ClientCount.CRASHED] += 1
            self._faults.note("a message from the mixnet made us fail", error)

    def _perform(self, effects: list[LoopixEffect]) -> None:
        for effect in effects:
            match effect:
                case Received():
                    self._take_in(effect)
                case Undelivered(_, lane):
                    self.on_undelivered(lane)
                case LoopAlarm(statistics):
                    log.info("the network %s packets", "drops" if statistics.dropping else "no longer drops")
                    self._on_alarm(statistics)
        if self._waiting:
            self._admit()
        self._arm()

    def _departed(self, token: int, at: float) -> None:
        self._loopix.transmission.departed(token, at)
        self._arm()

    def _arm(self) -> None:
        self._link.feed()
        self._waker.arm()

    def _take_in(self, message: Received) -> None:
        try:
            self._inbox.put_nowait(message)
        except asyncio.QueueFull:
            self._loopix.counters[ClientCount.INBOX_OVERFLOW] += 1

    # --- the link ----------------------------------------------------------------------------------------------

    def _changed(self, up: bool, reason: Reason | None) -> None:
        if up:
            self._settled.set()
        else:
            self._loopix.transmission.link_lost()
        self._on_link(up, reason)

    def _crashed(self, error: BaseException) -> None:
        self._crash = ClientCrashed(str(error))
        self._settled.set()
        self._on_link(False, self._crash)
        self._on_crash(error)

    def _use_topology(self, topology: Topology) -> bool:
        """Routes come from `topology` from now on, unless no packet would find back to us through it."""
        gateway = topology.gateways.get(self.gateway.identity)
        self._link.listed(gateway)
        if gateway is None:
            return False
        self.topology = topology
        self._loopix.use_topology(topology)
        self._arm()
        return True
