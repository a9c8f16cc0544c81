"""Whether the requesters in use answer: each is asked what it is, first at the start and again after a stream that had
no answer.

The question is the shortest that every requester of the new generation answers. Whatever it answers, it is there; from
the name of its binary one learns whether it is of this software and understands what others do not.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from nymconnect.errors import NymError
from nymconnect.packet.addressing import Recipient
from nymconnect.runtime.clock import clock
from nymconnect.runtime.tasks import TaskSet, Waker
from nymconnect_proxy.ingress.requester_choice import KnownRequester, RequesterChoice
from nymconnect_proxy.protocol.requests import ControlRequest, Request
from nymconnect_proxy.protocol.responses import BINARY_NAME, BinaryInfo, Response

log = logging.getLogger(__name__)

Ask = Callable[[Recipient, Request], Awaitable[Response]]


class RequesterChecks:
    """Asks those that `choice` names as due. With `timeout` None, none is asked."""

    def __init__(
        self,
        choice: RequesterChoice,
        ask: Ask,
        timeout: float | None,
        on_recognised: Callable[[Recipient], None],
        on_change: Callable[[], None],
        on_crash: Callable[[BaseException], None],
    ) -> None:
        """`on_recognised` hears of a requester of this software, `on_change` that one has fallen silent or answers
        again."""
        self._choice = choice
        self._ask = ask
        self._timeout = timeout
        self._on_recognised = on_recognised
        self._on_change = on_change
        self._tasks = TaskSet("requester checks", on_crash)
        self._waker = Waker(lambda: choice.deadline if timeout is not None else None, self._begin_due, on_crash)

    def start(self) -> None:
        """Ask those that are due, now and later."""
        self._waker.arm()

    async def close(self) -> None:
        """Ask no more."""
        self._waker.close()
        await self._tasks.close()

    def suspect(self, requester: KnownRequester) -> None:
        """A stream had no answer from this one."""
        self._choice.suspect(requester.address, clock())
        self._waker.arm()

    def _begin_due(self) -> None:
        for requester in self._choice.take_due(clock()):
            self._tasks.spawn(self._check(requester), "check")

    async def _check(self, requester: KnownRequester) -> None:
        is_news = False
        try:
            async with asyncio.timeout(self._timeout):
                answer = await self._ask(requester.address, ControlRequest.BINARY_INFO)
            if isinstance(answer, BinaryInfo) and answer.binary_name == BINARY_NAME:
                self._on_recognised(requester.address)
            is_news = self._choice.passed(requester.address)
            log.debug("the requester %s answers", requester.name)
        except (NymError, TimeoutError):
            is_news = self._choice.failed(requester.address, clock())
            log.warning("the requester %s does not answer", requester.name)
        finally:
            self._waker.arm()
        if is_news:
            self._on_change()
