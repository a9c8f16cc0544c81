"""Keeps the downlink of a client at a constant rate, where its preset wants that, and says whether it is.

What a requester has promised (`rate_negotiation`) counts only while that many answers arrive. Where they do not, or
where nobody promises, the client changes nothing, and its status says plainly that the line shows what it receives.
"""

import asyncio
import contextlib
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import Protocol

from nymconnect.client.counters import ClientCount
from nymconnect.client.parameters import Downlink, TrafficParameters
from nymconnect.errors import NymError
from nymconnect.packet.addressing import Recipient
from nymconnect.runtime.clock import clock
from nymconnect.runtime.tasks import TaskSet
from nymconnect_proxy.protocol.requests import Request
from nymconnect_proxy.protocol.responses import Response
from nymconnect_proxy.session.downlink_report import DownlinkCause, DownlinkReport
from nymconnect_proxy.session.rate_negotiation import ReplyPromise

LOOK = 2.0  # seconds between looks at what arrives
PATIENCE = 20.0  # seconds for an answer, besides what the mixes take
PATIENCE_IN_DELAYS = 20.0  # mean delays of a mix
BEGIN = 10.0  # seconds that the beginning may take, besides
# Answers are counted over the time in which MEASURED_ANSWERS are due, at least MEASURE_LEAST seconds.
MEASURED_ANSWERS, MEASURE_LEAST = 200.0, 20.0
ENOUGH = 0.75  # of the promised rate; chance alone does not come so low
ENOUGH_AGAIN = 0.85  # after too few: a rate near one mark would else be news, and other news, every few seconds
_COVER, _DATA = ClientCount.REPLY_COVER_RECEIVED, ClientCount.REPLY_DATA_RECEIVED

Asker = Callable[[Recipient, Request], Awaitable[Response]]


class PacedClient(Protocol):
    """What is needed of a `MixnetClient`."""

    @property
    def is_connected(self) -> bool: ...

    @property
    def delivery_is_paced(self) -> bool: ...

    @property
    def delivery_is_wished(self) -> bool: ...

    def counters(self) -> dict[ClientCount, int]: ...

    def supply_steadily(self, to: Recipient, rate: float) -> None: ...


class DownlinkKeeper:
    """One client and the requesters that it uses, which share the rate.

    `ask` asks a requester through the client, without a time-out; `in_use` names the requesters. A rate is promised to
    one tag, the tag of the questions: `one_tag` returns whether all streams use it. `on_change` gets each new report.
    """

    def __init__(
        self,
        client: PacedClient,
        ask: Asker,
        in_use: Callable[[], Sequence[Recipient]],
        traffic: TrafficParameters,
        *,
        one_tag: Callable[[], bool] = lambda: True,
        on_change: Callable[[], None] = lambda: None,
        on_crash: Callable[[BaseException], None] = lambda _error: None,
    ) -> None:
        self._client, self._ask, self._in_use, self._traffic = client, ask, in_use, traffic
        self._one_tag, self._on_change = one_tag, on_change
        self._rate = traffic.reply_rate
        self._patience = PATIENCE + PATIENCE_IN_DELAYS * traffic.average_packet_delay
        self._promises: dict[Recipient, ReplyPromise] = {}
        self._asking: set[Recipient] = set()
        self._tasks = TaskSet("downlink", on_crash)
        self._arrivals = _Arrivals(max(MEASURE_LEAST, MEASURED_ANSWERS / self._rate) if self._rate else 0.0)
        self._too_few = False
        self._was_connected = True
        self._settled = asyncio.Event()

    async def run(self) -> None:
        """Ask, renew and measure for as long as the client runs."""
        if not self._traffic.symmetric:
            return
        known = self.report()
        try:
            while True:
                self._look(clock())
                self._settled.set()
                if (report := self.report()) != known:
                    known = report
                    self._on_change()
                await asyncio.sleep(LOOK)
        finally:
            await self._tasks.close()

    async def begun(self) -> None:
        """Wait until what was asked for is promised, or it is clear that it will not be; not for long, since nothing
        hangs on it."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(BEGIN + PATIENCE_IN_DELAYS * self._traffic.average_packet_delay):
                while self._traffic.symmetric and not self._is_settled(clock()):
                    self._settled.clear()
                    await self._settled.wait()

    def _is_settled(self, now: float) -> bool:
        if self._client.delivery_is_wished and not self._client.delivery_is_paced:
            return False
        return bool(self._promises) and all(promise.is_settled(now) for promise in self._promises.values())

    def _look(self, now: float) -> None:
        self._follow_requesters(now)
        if self._client.is_connected and not self._was_connected:
            self._arrivals.forget()
            for promise in self._promises.values():
                promise.hurry(now)
        self._was_connected = self._client.is_connected
        if self._was_connected:
            self._ask_what_is_due(now)
            counters = self._client.counters()
            self._arrivals.look(counters.get(_COVER, 0) + counters.get(_DATA, 0), now)
            if (rate := self._arrivals.rate) is not None:
                self._too_few = rate < (ENOUGH_AGAIN if self._too_few else ENOUGH) * self._granted

    def _follow_requesters(self, now: float) -> None:
        """Divide the rate among those that are in use now."""
        wanted = self._in_use()
        if set(wanted) == set(self._promises):
            return
        for requester in set(self._promises) - set(wanted):
            self._client.supply_steadily(requester, 0.0)
            del self._promises[requester]
        for requester in wanted:
            promise = self._promises.setdefault(requester, ReplyPromise(0.0, self._patience, now))
            promise.change(self._rate / len(wanted), now)
            self._supply(requester, promise)
        self._arrivals.forget()

    def _ask_what_is_due(self, now: float) -> None:
        for requester, promise in self._promises.items():
            if requester not in self._asking and (question := promise.wake(now)) is not None:
                self._asking.add(requester)
                self._tasks.spawn(self._question(requester, promise, question), "question")

    async def _question(self, requester: Recipient, promise: ReplyPromise, question: Request) -> None:
        try:
            async with asyncio.timeout(self._patience):
                answer = await self._ask(requester, question)
        except (NymError, TimeoutError):
            return
        finally:
            self._asking.discard(requester)
        had_supply = promise.needs_supply
        promise.feed(answer, clock())
        if self._promises.get(requester) is promise and not had_supply:
            self._supply(requester, promise)
            self._arrivals.forget()
            self._look(clock())
        self._settled.set()

    def _supply(self, requester: Recipient, promise: ReplyPromise) -> None:
        if promise.needs_supply:
            self._client.supply_steadily(requester, promise.rate)

    # --- what there is to say ----------------------------------------------------------------------------------

    def report(self) -> DownlinkReport:
        """Whether the line shows what is received, now."""
        if not self._traffic.symmetric:
            return DownlinkReport(DownlinkCause.FOLLOWS_DATA)
        by_gateway = self._traffic.downlink is Downlink.GATEWAY
        if by_gateway and not self._client.delivery_is_paced:
            return DownlinkReport(DownlinkCause.GATEWAY_UNPACED, by_gateway)
        return replace(self._answers(clock()), by_gateway=by_gateway)

    def _answers(self, now: float) -> DownlinkReport:
        """Whether they come at a constant rate."""
        if not self._one_tag():
            return DownlinkReport(DownlinkCause.SEVERAL_TAGS)
        if not self._promises:
            return DownlinkReport(DownlinkCause.NOT_ASKED)
        for promise in self._promises.values():
            if (lack := promise.complaint(now)) is not None:
                return DownlinkReport(DownlinkCause.NOT_PROMISED, no_promise=lack)
        rate, granted = self._arrivals.rate, self._granted
        if rate is None:
            return DownlinkReport(DownlinkCause.NOT_COUNTED)
        if self._too_few:
            return DownlinkReport(DownlinkCause.TOO_FEW, arriving=rate, promised=granted)
        return DownlinkReport(DownlinkCause.KEPT, promised=granted)

    @property
    def _granted(self) -> float:
        """Answers a second that the requesters have promised for now, all together."""
        return sum(promise.granted(clock()) for promise in self._promises.values())


class _Arrivals:
    """How many answers a second came over the last `span` seconds."""

    def __init__(self, span: float) -> None:
        self._span = span
        self._seen: deque[tuple[float, int]] = deque()

    def look(self, total: int, now: float) -> None:
        """`total` answers have come since the start."""
        self._seen.append((now, total))
        while len(self._seen) > 2 and now - self._seen[1][0] >= self._span:
            self._seen.popleft()

    def forget(self) -> None:
        """Begin anew."""
        self._seen.clear()

    @property
    def rate(self) -> float | None:
        """None until half of the span has been seen."""
        if len(self._seen) < 2 or self._seen[-1][0] - self._seen[0][0] < self._span / 2:
            return None
        (start, before), (end, after) = self._seen[0], self._seen[-1]
        return (after - before) / (end - start)
