"""What another program of this user orders (`nymconnect control`), and the state that it is answered with."""

import asyncio
import json
from typing import Any

from nymconnect.errors import UserError
from nymconnect_gui.app import Program
from nymconnect_proxy.commands import control_line
from nymconnect_proxy.session.states import State
from tests.helpers.fake_session import FakeSessions


def answer(program: Program, order: str) -> dict[str, Any]:
    values: dict[str, Any] = json.loads(program.obey(order))
    return values


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_an_order_to_connect_is_not_answered_with_the_failure_of_the_attempt_before(
    program: Program, sessions: FakeSessions
) -> None:
    assert answer(program, control_line.CONNECT)["state"] == "connecting"
    await settle()
    sessions.last.become(State.FAILED)
    assert answer(program, control_line.STATUS)["reason_code"] == "NoGatewayAnswers"
    for order in (control_line.CONNECT, control_line.STATUS):
        said = answer(program, order)
        assert said["state"] == "connecting"
        assert "reason" not in said
    await settle()
    sessions.last.become(State.FAILED)
    assert answer(program, control_line.STATUS)["state"] == "failed"
    await program.bridge.close()


async def test_nor_with_the_problem_of_the_attempt_before_but_with_its_own(
    program: Program, sessions: FakeSessions
) -> None:
    sessions.refusal = UserError("the files cannot be read")
    answer(program, control_line.CONNECT)
    await settle()
    assert answer(program, control_line.STATUS)["problem"] == "the files cannot be read"
    sessions.refusal = UserError("the disk is full")
    said = answer(program, control_line.CONNECT)
    assert said["state"] == "connecting"
    assert "problem" not in said
    await settle()
    said = answer(program, control_line.STATUS)
    assert (said["state"], said["problem"]) == ("disconnected", "the disk is full")
    assert answer(program, control_line.DISCONNECT)["state"] == "disconnected"
    await settle()


async def test_a_window_that_is_connected_says_so_at_once(program: Program, sessions: FakeSessions) -> None:
    answer(program, control_line.CONNECT)
    await settle()
    sessions.last.become(State.CONNECTED)
    assert answer(program, control_line.CONNECT)["state"] == "connected"
    await program.bridge.close()
