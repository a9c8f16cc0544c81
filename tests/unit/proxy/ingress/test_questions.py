"""Questions to a requester: how an answer is known, and when there is none."""

import asyncio

import pytest

from nymconnect.errors import NymError
from nymconnect.packet.addressing import Recipient
from nymconnect_proxy.ingress.questions import MAX_QUESTIONS, Questions
from nymconnect_proxy.protocol.queries import OpenProxyAnswer, Query
from nymconnect_proxy.protocol.requests import ControlRequest
from nymconnect_proxy.protocol.responses import Healthy
from tests.helpers.mixnet_pair import MixnetEnd, mixnet_star


def stage() -> tuple[MixnetEnd, list[Recipient], Questions]:
    client, requesters = mixnet_star(3, 2)
    client.lane_capacity = 2 * MAX_QUESTIONS
    return client, [requester.address for requester in requesters], Questions(client)


async def asked(client: MixnetEnd, count: int) -> None:
    async with asyncio.timeout(5):
        while len(client.sent) < count:  # noqa: ASYNC110 -- messages in memory, which have no event to wait for
            await asyncio.sleep(0)


async def test_an_answer_is_known_by_its_source_and_its_kind() -> None:
    client, (first, second), questions = stage()
    health = asyncio.ensure_future(questions.ask(first, ControlRequest.HEALTH))
    openness = asyncio.ensure_future(questions.ask(first, Query.OPEN_PROXY))
    await asked(client, 2)
    assert not questions.answered(OpenProxyAnswer(True), second)
    assert not questions.answered(OpenProxyAnswer(True), None)
    assert questions.answered(OpenProxyAnswer(False), first)
    assert questions.answered(Healthy(), first)
    assert await openness == OpenProxyAnswer(False)
    assert await health == Healthy()


async def test_a_second_answer_to_one_question_belongs_to_none() -> None:
    client, (first, _), questions = stage()
    question = asyncio.ensure_future(questions.ask(first, ControlRequest.HEALTH))
    await asked(client, 1)
    assert questions.answered(Healthy(), first)
    assert not questions.answered(Healthy(), first)
    assert await question == Healthy()


async def test_open_questions_are_bounded_and_end_when_the_mixnet_does() -> None:
    client, (first, _), questions = stage()
    open_ones = [asyncio.ensure_future(questions.ask(first, ControlRequest.HEALTH)) for _ in range(MAX_QUESTIONS)]
    await asked(client, MAX_QUESTIONS)
    with pytest.raises(NymError, match="too many"):
        await questions.ask(first, ControlRequest.HEALTH)
    questions.close()
    errors = await asyncio.gather(*open_ones, return_exceptions=True)
    assert {str(error) for error in errors} == {"disconnected"}
    assert not questions.answered(Healthy(), first)


async def test_a_question_that_nobody_waits_for_any_more_makes_room() -> None:
    client, (first, _), questions = stage()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await questions.ask(first, ControlRequest.HEALTH)
    assert len(client.sent) == 1
    assert not questions.answered(Healthy(), first)
