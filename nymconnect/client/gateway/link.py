"""The link to a gateway: one connection after another, with pauses that grow while attempts fail.

It ends with the client alone. Whatever a gateway answers is a failed attempt and no more; `topology_refresh` judges
after how many of them the gateway is gone for good.
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable
from dataclasses import replace

from nymconnect.client.counters import ClientCount
from nymconnect.client.gateway.connection import GatewayConnection, LinkLostError, Traffic, gateway_url
from nymconnect.client.gateway.keys import ClientKeys
from nymconnect.client.gateway.topology_refresh import GatewayRecord
from nymconnect.client.pacer.machine import Unused
from nymconnect.client.parameters import TrafficParameters
from nymconnect.directory.topology import Feature, Node
from nymconnect.endpoints import Upstream
from nymconnect.link.gateway.client import GatewayClientMachine
from nymconnect.link.gateway.events import Ready
from nymconnect.reasons import GatewaySilent, LinkBroke, LinkFault, Reason
from nymconnect.runtime.clock import SYSTEM_RNG, clock, unix_offset

log = logging.getLogger(__name__)

RECONNECT_FIRST, RECONNECT_MOST = 0.5, 30.0


class GatewayLink:
    """`run` it; the `traffic` goes over it while it is up.

    `on_change` hears whether it is up, and if not why; `on_gone`, why the gateway will probably not come back. It is
    up when the first stocks are full: a program that sends as soon as we are connected sends among cover.
    """

    def __init__(
        self,
        gateway: Node,
        keys: ClientKeys,
        parameters: TrafficParameters,
        traffic: Traffic,
        on_change: Callable[[bool, Reason | None], None],
        upstream: Upstream | None,
    ) -> None:
        self.gateway = gateway
        self.failure: Reason = GatewaySilent()
        """Why the last attempt has failed."""
        self.on_gone: Callable[[Reason], None] = lambda _reason: None
        self._keys, self._traffic = keys, traffic
        self._on_change, self._upstream = on_change, upstream
        self._machine = GatewayClientMachine(
            keys.identity, gateway.identity, SYSTEM_RNG, unix_offset(), keys.shared_key, keys.last_timestamp
        )
        self._rates = parameters.rates
        self._delivery = (parameters.downlink_rate, parameters.ack_rate) if parameters.needs_paced_delivery else None
        self._record = GatewayRecord()
        self._connection: GatewayConnection | None = None
        self._attempt: asyncio.Task[None] | None = None
        self._has_begun = False
        self._hurry = asyncio.Event()

    async def run(self) -> None:
        """For ever."""
        pause = RECONNECT_FIRST
        while True:
            was_up = await self._connect_once()
            self._judge(was_up)
            pause = RECONNECT_FIRST if was_up or self._hurry.is_set() else min(pause * 2, RECONNECT_MOST)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(pause * (0.5 + SYSTEM_RNG.random())):
                    await self._hurry.wait()
            self._hurry.clear()

    def feed(self) -> None:
        """Data or room may have been made: look after the pacer's stocks."""
        if self._connection is not None:
            self._connection.feed()

    def reconnect(self, reason: Reason) -> None:
        """Give up the connection, or the attempt to get one, and try anew at once: the way there has changed."""
        self.failure = reason
        self._hurry.set()
        if self._attempt is not None:
            self._attempt.cancel()

    def forgive(self) -> None:
        """`on_gone` was a false alarm, for nothing can be reached: count anew."""
        self._record.forgive()

    def listed(self, gateway: Node | None) -> None:
        """A new topology describes our gateway like this, or does not list it."""
        if reason := self._record.listed(gateway is not None, clock()):
            self.on_gone(reason)
        if gateway is not None and gateway.entry is not None:
            self.gateway = gateway

    # --- how it is ---------------------------------------------------------------------------------------------------

    @property
    def is_up(self) -> bool:
        """Whether packets leave."""
        return self._connection is not None and self._connection.is_ready and self._has_begun

    @property
    def keys(self) -> ClientKeys:
        """Who we are, brought up to date."""
        self._keys.last_timestamp = self._machine.last_timestamp
        return self._keys

    @property
    def delivery_is_paced(self) -> bool:
        """Whether the gateway has promised to deliver at a constant rate on this connection."""
        return self._connection is not None and self._connection.delivery_is_paced

    @property
    def delivery_is_wished(self) -> bool:
        """Whether the gateway is asked for a constant rate."""
        return self._delivery is not None and Feature.PACED_DELIVERY in self.gateway.features

    @property
    def pacer_pid(self) -> int | None:
        """The process that paces, of a paced client with a connection."""
        return self._connection.pacer_pid if self._connection is not None else None

    def counters(self) -> dict[ClientCount, int]:
        """Messages of the gateway that were of no use, and slots that this connection left unused and why."""
        unused = self._connection.unused if self._connection is not None else Unused()
        return {
            ClientCount.GATEWAY_REJECTED: self._machine.rejected,
            ClientCount.SLOTS_EMPTY: unused.empty,
            ClientCount.SLOTS_STALLED: unused.stalled,
            ClientCount.SLOTS_LATE: unused.late,
        }

    # --- one attempt -------------------------------------------------------------------------------------------------

    async def _connect_once(self) -> bool:
        """One connection from its start to its end; whether it was of any use."""
        self._has_begun = False
        self._machine.unix_offset = unix_offset()  # asleep, a computer's two clocks drift apart
        connection = self._connection = GatewayConnection(
            self._machine, self._rates, self._traffic, self._ready, self._begun
        )
        attempt = self._attempt = asyncio.ensure_future(self._use(connection))
        has_crashed = False
        try:
            await asyncio.wait([attempt])
            attempt.result()
        except LinkLostError as error:
            self.failure = error.reason
        except Exception as error:  # whatever a gateway makes happen here is a failed attempt, and no more
            has_crashed = True
            self.failure = LinkBroke(LinkFault.CRASHED, type(error).__name__)
            log.error("%s: %s", self.failure, error, exc_info=error if log.isEnabledFor(logging.DEBUG) else None)
        except asyncio.CancelledError:
            own = asyncio.current_task()
            if own is None or own.cancelling():  # else only the attempt was, by `reconnect`
                raise
        finally:
            attempt.cancel()
            await asyncio.gather(attempt, return_exceptions=True)
            self._connection = self._attempt = None
        log.info("gateway link lost: %s", self.failure)
        self._on_change(False, self.failure)
        return self._has_begun and not connection.was_silent and not has_crashed

    async def _use(self, connection: GatewayConnection) -> None:
        await connection.run(gateway_url(self.gateway), self._upstream)

    def _judge(self, worked: bool) -> None:
        if worked:
            self._record.worked()
        elif reason := self._record.failed(clock()):
            self.on_gone(replace(reason, last=self.failure))

    def _ready(self, ready: Ready) -> None:
        self._keys.shared_key = ready.shared_key
        if self._connection is not None:
            if self._delivery is not None and self.delivery_is_wished:
                self._connection.pace_delivery(*self._delivery)
            self._connection.feed()

    def _begun(self) -> None:
        self._has_begun = True
        self._on_change(True, None)
