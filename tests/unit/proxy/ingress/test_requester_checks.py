"""Whether requesters answer: who is asked, and what is made of the answer."""

import asyncio
import random

from nymconnect.errors import NymError
from nymconnect.packet.addressing import Recipient
from nymconnect_proxy.ingress.requester_checks import RequesterChecks
from nymconnect_proxy.ingress.requester_choice import Health
from nymconnect_proxy.protocol.requests import ControlRequest, Request
from nymconnect_proxy.protocol.responses import BINARY_NAME, BinaryInfo, BuildInformation, Response
from tests.helpers.mixnet_pair import make_recipient, only

ADDRESS = make_recipient(random.Random(4))


class CheckStage:
    """Checks of one requester, which gives `answer`, or none if that is None."""

    def __init__(self, answer: Response | None, timeout: float | None = 5.0) -> None:
        self.answer = answer
        self.asked: list[Request] = []
        self.recognised: list[Recipient] = []
        self.news = asyncio.Event()
        self.crashes: list[BaseException] = []
        self.choice = only(ADDRESS)
        self.checks = RequesterChecks(
            self.choice, self._ask, timeout, self.recognised.append, self.news.set, self.crashes.append
        )

    async def _ask(self, requester: Recipient, question: Request) -> Response:
        assert requester == ADDRESS
        self.asked.append(question)
        if self.answer is None:
            raise NymError("no answer")
        return self.answer

    @property
    def health(self) -> Health:
        return self.choice.snapshot()[0].health

    async def settled(self) -> None:
        self.checks.start()
        for _ in range(20):
            await asyncio.sleep(0)
        await self.checks.close()
        assert self.crashes == []


async def test_a_requester_of_this_software_is_recognised_by_the_name_of_its_binary() -> None:
    stage = CheckStage(BinaryInfo(BINARY_NAME, BuildInformation()))
    await stage.settled()
    assert stage.asked == [ControlRequest.BINARY_INFO]
    assert stage.recognised == [ADDRESS]
    assert stage.health is Health.ANSWERS


async def test_another_software_answers_as_well_and_is_not_taken_for_ours() -> None:
    stage = CheckStage(BinaryInfo("nym-network-requester", BuildInformation()))
    await stage.settled()
    assert stage.recognised == []
    assert stage.health is Health.ANSWERS


async def test_a_requester_without_an_answer_is_silent_and_that_is_news() -> None:
    stage = CheckStage(None)
    await stage.settled()
    assert stage.news.is_set()
    assert stage.health is Health.SILENT


async def test_without_a_timeout_nobody_is_asked() -> None:
    stage = CheckStage(None, timeout=None)
    await stage.settled()
    assert stage.asked == []
