"""A short form of ``python -m tests.helpers.many_streams``: streams over links that lose, repeat and reorder."""

import pytest

from tests.helpers.many_streams import run, spread


@pytest.mark.timeout(300)
async def test_streams_arrive_byte_exact_over_links_that_lose_repeat_and_reorder() -> None:
    outcome = await run(spread(30, 300_000), chance=0.1, patience=280.0)
    assert outcome.wrong == ()
    seen = outcome.impairment
    assert min(seen.lost, seen.duplicated, seen.held) > 50
