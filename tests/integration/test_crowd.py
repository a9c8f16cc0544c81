"""A short form of ``python -m tests.helpers.crowd``: many streams at once, and memory that stays flat."""

import pytest

from tests.helpers.crowd import TRAFFIC, downloads_at_once, rounds_of_streams
from tests.helpers.stage import eventually, stage

SLACK = 6_000_000  # bytes; a leak of a stream's buffers would be several times that


@pytest.mark.timeout(300)
async def test_a_hundred_downloads_at_once_arrive_byte_exact() -> None:
    async with stage(TRAFFIC) as on:
        crowd = await downloads_at_once(on, 100, 3_000)
    assert (crowd.exact, crowd.count) == (100, 100)


@pytest.mark.timeout(300)
async def test_streams_that_are_over_leave_no_memory_behind() -> None:
    async with stage(TRAFFIC) as on:
        _, second, third = [memory async for memory in rounds_of_streams(on, 100, 3)]
        assert third.rest - second.rest < SLACK
        await eventually(lambda: on.open_streams == 0)
