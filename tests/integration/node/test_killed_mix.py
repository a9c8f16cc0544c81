"""A mix node is killed and started again: no packet that it sent on is taken a second time."""

from pathlib import Path

import pytest

from tests.helpers.mix_process import MixProcess, frames_through

COUNT = 2000
MS = 1_000_000


@pytest.mark.timeout(120)
async def test_no_packet_is_accepted_again_after_a_mix_was_killed(tmp_path: Path) -> None:
    async with MixProcess(tmp_path) as mix:
        frames = frames_through(mix.port, mix.next_port, COUNT, 5 * MS)
        await mix.send(frames)
        await mix.until_seen(lambda seen: seen == COUNT)
        await mix.kill()
        await mix.start()
        await mix.send(frames)
        counters = await mix.until_received(COUNT)
        assert (counters["dropped_replay"], counters["forwarded"]) == (COUNT, 0)


@pytest.mark.timeout(120)
@pytest.mark.parametrize("delay_ns", [0, 5 * MS])
async def test_what_had_left_when_a_mix_was_killed_at_work_does_not_leave_again(tmp_path: Path, delay_ns: int) -> None:
    async with MixProcess(tmp_path) as mix:
        frames = frames_through(mix.port, mix.next_port, COUNT, delay_ns)
        await mix.send(frames)
        await mix.until_seen(lambda seen: seen >= COUNT // 10)
        await mix.kill()
        left = set(mix.seen)
        assert len(left) == len(mix.seen)
        await mix.start()
        await mix.send(frames)
        await mix.until_received(COUNT)
        await mix.send(frames)
        counters = await mix.until_received(2 * COUNT)
        assert counters["dropped_replay"] >= COUNT + len(left)
        again = mix.seen[len(left) :]
        assert left.isdisjoint(again)
        assert len(set(again)) == len(again)
