"""A client of the mixnet as a service: a `Loopix` machine over a gateway connection that is renewed when it is lost.

Three clocks meet here: the machine's own (`_waker`), the pacer's, which a connection keeps, and that of the `Feeder`,
which moves packets from the one to the other.

`send` and `reply` wait while their lane is full: that is the back-pressure which a proxied socket feels.
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from nymconnect.client.feeder import Feeder
from nymconnect.client.gateway.connection import GatewayConnection, LinkLostError, gateway_url
from nymconnect.client.gateway.keys import ClientKeys
from nymconnect.client.gateway.topology_refresh import GatewayRecord, TopologyRefresh
from nymconnect.client.loopix import LoopAlarm, Loopix, LoopixEffect, Received, Undelivered
from nymconnect.client.monitor.loop_monitor import LoopStatistics
from nymconnect.client.pacer.machine import Unused
from nymconnect.client.parameters import TrafficParameters
from nymconnect.client.sending.lanes import GENERAL, Destination
from nymconnect.client.surbs.issued import IssuedKey
from nymconnect.directory.client import DirectoryClient
from nymconnect.directory.topology import Feature, Node, Topology
from nymconnect.endpoints import Upstream
from nymconnect.errors import NymError, UserError
from nymconnect.link.gateway.client import GatewayClientMachine
from nymconnect.link.gateway.events import Ready
from nymconnect.packet.addressing import Recipient
from nymconnect.reasons import ClientCrashed, GatewaySilent, LinkBroke, Reason
from nymconnect.runtime.clock import SYSTEM_RNG, clock, unix_offset
from nymconnect.runtime.tasks import TaskSet, Waker

log = logging.getLogger(__name__)

RECONNECT_FIRST, RECONNECT_MOST = 0.5, 30.0
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
        self.gateway = gateway
        self._keys = keys
        self._on_link = on_link
        self._on_alarm = on_alarm
        self._on_crash = on_crash
        self.on_undelivered: Callable[[int], None] = lambda _lane: None
        self.on_gateway_gone: Callable[[Reason], None] = lambda _reason: None
        self._upstream = upstream
        self._machine = GatewayClientMachine(
            keys.identity, gateway.identity, SYSTEM_RNG, unix_offset(), keys.shared_key, keys.last_timestamp
        )
        self._loopix = Loopix(self.address, keys.encryption, topology, parameters, SYSTEM_RNG, clock(), keys.ack)
        self._rates = parameters.rates
        self._delivery = (parameters.downlink_rate, parameters.ack_rate) if parameters.needs_paced_delivery else None
        self._feeder = Feeder(self._loopix, self._admit, self._begun)
        self._keeper = TopologyRefresh(directory, self._use_topology, SYSTEM_RNG)
        self._gateway_record = GatewayRecord()
        self._attempt: asyncio.Task[None] | None = None
        self._hurry = asyncio.Event()
        self._waker = Waker(lambda: self._loopix.deadline, self._wake, self._crashed)
        self._tasks = TaskSet("mixnet client", self._crashed)
        self._connection: GatewayConnection | None = None
        self._connected = asyncio.Event()
        self._settled = asyncio.Event()  # `start` knows its outcome
        self._has_crashed = False
        self._failure: Reason = GatewaySilent()
        self._inbox: asyncio.Queue[Received | None] = asyncio.Queue(INBOX_LIMIT)
        self._stopped = False
        self._waiting: dict[tuple[Destination, int], asyncio.Event] = {}

    async def start(self, patience: float = 60.0) -> None:
        """Connect and register; returns when packets flow. UserError if that takes more than `patience` seconds."""
        self._tasks.spawn(self._stay_connected(), "gateway")
        self._tasks.spawn(self._keeper.run(), "topology")
        try:
            async with asyncio.timeout(patience):
                await self._settled.wait()
        except TimeoutError as error:
            await self.stop()
            raise UserError(self._failure) from error
        if self._has_crashed:
            await self.stop()
            raise UserError(self._failure)

    async def stop(self) -> None:
        """Leave; nothing is sent afterwards, and a caller that waits in a verb gets a ClientStoppedError."""
        self._stopped = True
        await self._tasks.close()
        self._feeder.detach()  # last, both: whatever still came in has armed them
        self._waker.cancel()
        for event in self._waiting.values():
            event.set()
        with contextlib.suppress(asyncio.QueueFull):
            self._inbox.put_nowait(None)

    @property
    def is_connected(self) -> bool:
        """Whether the gateway link is up and packets leave."""
        up = self._connection is not None and self._connection.is_ready and self._connected.is_set()
        return up and not self._has_crashed

    @property
    def topology(self) -> Topology:
        """The network as the directory has described it last."""
        return self._loopix.topology

    @property
    def gateway_ips(self) -> Sequence[str]:
        """The addresses under which the directory has listed our gateway last."""
        return self.topology.gateways.get(self.gateway.identity, self.gateway).ips

    @property
    def delivery_is_paced(self) -> bool:
        """Whether the gateway has promised to deliver at a constant rate on this link."""
        return self.is_connected and self._connection is not None and self._connection.delivery_is_paced

    @property
    def delivery_is_wished(self) -> bool:
        """Whether the gateway of this link has been asked for a constant rate; it looks first at what we send."""
        return self._delivery is not None and self.is_connected and Feature.PACED_DELIVERY in self.gateway.features

    @property
    def pacer_pid(self) -> int | None:
        """The process that paces, of a paced client whose gateway link is up."""
        return self._connection.pacer_pid if self._connection is not None else None

    def reconnect(self, reason: Reason) -> None:
        """Give up the gateway link, or the attempt to get one, and try anew at once: the way there has changed."""
        self._failure = reason
        self._hurry.set()
        if self._attempt is not None:
            self._attempt.cancel()

    def forgive_gateway(self) -> None:
        """`on_gateway_gone` was a false alarm, for nothing can be reached: count anew."""
        self._gateway_record.forgive()

    # --- what outlives a run -----------------------------------------------------------------------------------

    @property
    def keys(self) -> ClientKeys:
        """Who we are, brought up to date."""
        self._keys.last_timestamp = self._machine.last_timestamp
        return self._keys

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
        return self._loopix.reply_rate(sender_tag)

    def supply_steadily(self, to: Recipient, rate: float) -> None:
        """Give `to` reply SURBs for `rate` answers a second, before all else that we send; 0 ends that."""
        self._loopix.issued.supply_steadily(to, rate, clock())
        self._arm()

    def withhold_surbs(self, to: Recipient, withheld: bool) -> None:
        """Whether `to` gets no reply SURBs but those of our messages; it gets what it has asked for afterwards."""
        self._loopix.issued.withhold(to, withheld)
        self._arm()

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

    def counters(self) -> dict[str, int]:
        """Packets by kind since the start, what came in and was of no use, slots that this connection left unused and
        why, and how much waits."""
        unused = self._connection.unused if self._connection is not None else Unused()
        return {
            **self._loopix.counters,
            **self._loopix.reassembly,
            "senders_evicted": self._loopix.received.evicted,
            "surb_bytes_held": self._loopix.received.held_bytes,
            "gateway_rejected": self._machine.rejected,
            "slots_empty": unused.empty,
            "slots_stalled": unused.stalled,
            "slots_late": unused.late,
            "queued": self._loopix.transmission.queued,
            "in_flight": self._loopix.transmission.in_flight,
            "reply_keys": self._loopix.issued.keys_held,
            "nodes_left_out": self.topology.left_out,
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
            self._loopix.counters["crashed"] += 1
            log.error("a message from the mixnet made us fail: %s: %s", type(error).__name__, error)

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
        self._feeder.arm()
        self._waker.arm()

    def _take_in(self, message: Received) -> None:
        try:
            self._inbox.put_nowait(message)
        except asyncio.QueueFull:
            self._loopix.counters["inbox_overflow"] += 1

    # --- the link ----------------------------------------------------------------------------------------------

    async def _stay_connected(self) -> None:
        pause = RECONNECT_FIRST
        while True:
            was_up = await self._connect_once()
            self._judge_gateway(was_up)
            pause = RECONNECT_FIRST if was_up or self._hurry.is_set() else min(pause * 2, RECONNECT_MOST)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(pause * (0.5 + SYSTEM_RNG.random())):
                    await self._hurry.wait()
            self._hurry.clear()

    async def _connect_once(self) -> bool:
        """One connection from its start to its end; whether it was of any use."""
        self._connected.clear()
        self._machine.unix_offset = unix_offset()  # asleep, a computer's two clocks drift apart
        connection = self._connection = GatewayConnection(
            self._machine, self._rates, self._ready, self._push, self._departed
        )
        attempt = self._attempt = asyncio.ensure_future(self._use(connection))
        has_crashed = False
        try:
            await asyncio.wait([attempt])
            attempt.result()
        except LinkLostError as error:
            self._failure = error.reason
        except Exception as error:  # whatever a gateway makes happen here is a failed attempt, and no more
            has_crashed = True
            self._failure = LinkBroke(f"the connection to the gateway failed: {type(error).__name__}")
            log.error("%s: %s", self._failure, error, exc_info=error if log.isEnabledFor(logging.DEBUG) else None)
        except asyncio.CancelledError:
            own = asyncio.current_task()
            if own is None or own.cancelling():  # else only the attempt was, by `reconnect`
                raise
        finally:
            attempt.cancel()
            await asyncio.gather(attempt, return_exceptions=True)
            self._connection = self._attempt = None
            self._feeder.detach()
        self._loopix.transmission.link_lost()
        log.info("gateway link lost: %s", self._failure)
        self._on_link(False, self._failure)
        return self._connected.is_set() and not connection.was_silent and not has_crashed

    async def _use(self, connection: GatewayConnection) -> None:
        await connection.run(gateway_url(self.gateway), self._upstream)

    def _judge_gateway(self, worked: bool) -> None:
        if worked:
            self._gateway_record.worked()
        elif reason := self._gateway_record.failed(clock()):
            self.on_gateway_gone(replace(reason, last=self._failure))

    def _ready(self, ready: Ready) -> None:
        self._keys.shared_key = ready.shared_key
        if self._connection is not None:
            if self._delivery is not None and Feature.PACED_DELIVERY in self.gateway.features:
                self._connection.pace_delivery(*self._delivery)
            self._feeder.attach(self._connection)
        self._arm()

    def _begun(self) -> None:
        """Only now: a program that sends as soon as we are connected sends among cover."""
        self._connected.set()
        self._settled.set()
        self._on_link(True, None)

    def _crashed(self, error: BaseException) -> None:
        self._has_crashed = True
        self._failure = ClientCrashed(str(error))
        self._settled.set()
        self._on_link(False, self._failure)
        self._on_crash(error)

    def _use_topology(self, topology: Topology) -> bool:
        """Routes come from `topology` from now on, unless no packet would find back to us through it."""
        gateway = topology.gateways.get(self.gateway.identity)
        if reason := self._gateway_record.listed(gateway is not None, clock()):
            self.on_gateway_gone(reason)
        if gateway is None:
            return False
        if gateway.entry is not None:
            self.gateway = gateway
        self._loopix.use_topology(topology)
        self._arm()
        return True
