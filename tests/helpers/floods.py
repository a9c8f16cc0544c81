"""What strangers send in masses, and users who notice nothing of it: over a whole network in this process.

``python -m tests.helpers.floods`` runs the full form, with more tags than a client remembers; the test suite runs a
shorter one, and lets it remember fewer.
"""

import asyncio
import itertools
import random
from dataclasses import replace

from nymconnect.client.client import MixnetClient
from nymconnect.client.sending.lanes import Outgoing
from nymconnect.client.surbs.aliases import Alias
from nymconnect.client.surbs.received import Standing
from nymconnect.packet.addressing import Recipient
from nymconnect.packet.chunking import Fragment, FragmentHeader
from tests.helpers.live_client import live_client
from tests.helpers.stage import FAST, PATIENCE, eventually, stage
from tests.helpers.targets import tcp_server

QUIET = replace(FAST, loop_cover=False, window=200)
ANSWER = random.Random(1).randbytes(40_000)
TAGS = 5000
HALVES = 2000
ATTACK = 300.0  # seconds; a busy machine is slow


async def pour_tags(attacker: MixnetClient, to: Recipient, count: int) -> None:
    """Messages under as many sender tags, each with a SURB."""
    for number in range(count):
        await attacker.send(Alias.of(to, number), b"nothing that anybody understands", surbs=1)
    await eventually(lambda: attacker.counters()["queued"] + attacker.counters()["in_flight"] == 0, ATTACK)


async def many_tags(count: int) -> None:
    """A silent user whose answer is kept back until a stranger has come under `count` tags: he gets it."""
    may_answer = asyncio.Event()

    async def answers_late(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readexactly(8)
        await may_answer.wait()
        writer.write(ANSWER)
        await writer.drain()

    async with tcp_server(answers_late) as port, stage(FAST) as on, live_client(on.network.api_url, None, QUIET) as bad:
        requester = on.network._requester_client
        assert requester is not None
        reader, writer = await on.open(port)
        writer.write(b"question")
        await eventually(lambda: requester.counters()["surb_bytes_held"] > 0)
        await pour_tags(bad, on.network.requester_address, count)
        assert requester.counters()["senders_evicted"] >= 0.9 * (count - Standing.STRANGER.most_tags)
        may_answer.set()
        async with asyncio.timeout(PATIENCE):
            assert await reader.readexactly(len(ANSWER)) == ANSWER
        writer.close()


async def many_halves(count: int) -> None:
    """A slow message to a user who is sent `count` messages of which one half never comes: it arrives whole."""
    numbers = itertools.count(1)

    def half() -> Fragment:
        return Fragment(FragmentHeader(next(numbers), 2, 1), bytes(1604))

    slow = replace(QUIET, paced=True, message_sending_average_delay=0.1)
    async with stage(FAST) as on:
        api = on.network.api_url
        async with (
            live_client(api) as user,
            live_client(api, None, slow) as sender,
            live_client(api, None, QUIET) as bad,
        ):
            await sender.send(user.address, ANSWER)
            for _ in range(count):
                bad._loopix.transmission.lanes.push(Outgoing(half(), user.address, 0))
            bad._arm()
            async with asyncio.timeout(ATTACK):
                assert (await user.receive()).data == ANSWER
            await eventually(lambda: bad.counters()["queued"] + bad.counters()["in_flight"] == 0, ATTACK)
            assert user.counters()["sets_open"] == count
            assert user.counters()["sets_evicted"] == 0


async def _main() -> None:
    await many_tags(TAGS)
    print(f"{TAGS} tags have taken no answer away")
    await many_halves(HALVES)
    print(f"{HALVES} half messages have taken no message away")


if __name__ == "__main__":
    asyncio.run(_main())
