"""A short form of ``python -m tests.helpers.floods``: what strangers send in masses, and users who notice nothing."""

import pytest

from nymconnect.client.surbs.received import Standing
from tests.helpers.floods import many_halves, many_tags

pytestmark = pytest.mark.timeout(600)  # hundreds of packets through every hop, on one busy processor


async def test_more_new_tags_than_are_remembered_leave_a_silent_user_his_answer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(Standing.STRANGER, "most_tags", 150)
    await many_tags(400)


async def test_hundreds_of_half_messages_leave_a_slow_message_whole() -> None:
    await many_halves(200)
