"""Questions to requesters outside any stream: queries, control messages and the agreement on a rate.

An answer carries no number, so it is known by its source and its kind. It is believed only if it came over a reply
SURB that was given to the requester that was asked. Mirrors nym-service-providers-common 1.21 (`interface/request.rs`).
"""

import asyncio
from collections import deque
from dataclasses import dataclass
from typing import get_args

from nymconnect.errors import NymError
from nymconnect.packet.addressing import Recipient
from nymconnect_proxy.protocol.queries import Query, QueryAnswer
from nymconnect_proxy.protocol.requests import ControlRequest, Pace, Request, encode_request
from nymconnect_proxy.protocol.responses import (
    BinaryInfo,
    ControlError,
    Healthy,
    Paced,
    Response,
    SupportedVersions,
)
from nymconnect_proxy.streams.mixnet import Mixnet

QUESTION_SURBS = 5
QUESTION_LANE = 0
MAX_QUESTIONS = 64


@dataclass(slots=True)
class _OpenQuestion:
    """One whose answer has not come."""

    source: Recipient
    kinds: tuple[type[Response], ...]
    answer: asyncio.Future[Response]


class Questions:
    """Those that one mixnet client has asked and that have no answer yet."""

    def __init__(self, mixnet: Mixnet) -> None:
        self._mixnet = mixnet
        self._open: deque[_OpenQuestion] = deque()

    async def ask(self, requester: Recipient, question: Request) -> Response:
        """The answer of a requester to a query or a control message. The caller bounds the time; NymError if there are
        too many questions or the mixnet has stopped."""
        if len(self._open) >= MAX_QUESTIONS:
            raise NymError("too many questions are open")
        entry = _OpenQuestion(requester, _answers_to(question), asyncio.get_running_loop().create_future())
        self._open.append(entry)
        try:
            await self._mixnet.send(requester, encode_request(question), surbs=QUESTION_SURBS, lane=QUESTION_LANE)
            return await entry.answer
        finally:
            self._open.remove(entry)

    def answered(self, response: Response, source: Recipient | None) -> bool:
        """Give a response to the oldest question that it may answer; False if there is none."""
        for question in self._open:
            if question.source == source and isinstance(response, question.kinds) and not question.answer.done():
                question.answer.set_result(response)
                return True
        return False

    def close(self) -> None:
        """No answer will come any more."""
        for question in self._open:
            if not question.answer.done():
                question.answer.set_exception(NymError("disconnected"))


def _answers_to(question: Request) -> tuple[type[Response], ...]:
    """What a requester may answer to this."""
    if isinstance(question, Query):
        return get_args(QueryAnswer)
    if isinstance(question, Pace):
        return Paced, ControlError
    answers: dict[Request, type[Response]] = {
        ControlRequest.HEALTH: Healthy,
        ControlRequest.BINARY_INFO: BinaryInfo,
        ControlRequest.SUPPORTED_VERSIONS: SupportedVersions,
    }
    return answers[question], ControlError
