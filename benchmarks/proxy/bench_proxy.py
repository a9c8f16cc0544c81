"""What a stream costs: packets, seconds and memory. Prints JSON.

    python benchmarks/proxy/bench_proxy.py [--requests N] [--streams N] [--idle N] [--output FILE]

A session runs as `nymconnect connect` does, with its embedded network in a child process; the target, which sends back
what it gets, is another. Packets are counted with the preset *Nym-compatible*, whose downlink follows the data, so that
answers are counted as they come; latency is measured with that and with *Balanced*. Memory is measured without delays,
pacing and cover: a thousand streams would take a quarter of an hour otherwise, and hold the same objects.
"""

import argparse
import asyncio
import contextlib
import gc
import json
import os
import random
import sys
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

from nymconnect.client.parameters import TrafficParameters
from nymconnect.client.presets import MIXES, PRESETS
from nymconnect.endpoints import Endpoint
from nymconnect.packet.addressing import Recipient
from nymconnect.packet.params import PacketSize
from nymconnect.runtime.clock import clock
from nymconnect.runtime.outbound import dial
from nymconnect.runtime.sockets import hang_up
from nymconnect_proxy.ingress.requester_choice import KnownRequester, RequesterChoice
from nymconnect_proxy.session.session import Session
from nymconnect_proxy.session.states import State
from nymconnect_proxy.settings.settings import Settings

PRESET = "nym-compatible"
EVERYDAY = "balanced"
PATIENCE = 300.0
SETTLE = 3.0  # for what a stream still has to say after its socket has closed
AT_ONCE = 20
MOST_REQUESTERS, USERS, DESTINATIONS = 5, 30, 1000
SAMPLES = 200_000  # of what the mixes draw
BARE = TrafficParameters(average_packet_delay=0.0, average_ack_delay=0.0, paced=False, loop_cover=False)
TARGET = """
import asyncio
async def echo(reader, writer):
    while data := await reader.read(4096):
        writer.write(data)
    writer.close()
async def main():
    server = await asyncio.start_server(echo, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()
asyncio.run(main())
"""

Stream = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class ConnectedProxy:
    """A connected session and a target."""

    def __init__(self, session: Session, target: int) -> None:
        self.session = session
        self._target = target

    async def open(self) -> Stream:
        """A stream to the target, once the exit has connected."""
        socks = self.session.status.socks
        reader, writer = await dial(socks.host, socks.port, 5.0)
        writer.write(b"\x05\x01\x00\x05\x01\x00\x01\x7f\x00\x00\x01" + self._target.to_bytes(2, "big"))
        async with asyncio.timeout(PATIENCE):
            answer = await reader.readexactly(12)
        if answer[3]:
            raise SystemExit(f"the stream was refused with code {answer[3]}")
        return reader, writer

    async def ask(self, stream: Stream) -> float:
        """One byte there and back: seconds."""
        start = clock()
        stream[1].write(b"x")
        async with asyncio.timeout(PATIENCE):
            await stream[0].readexactly(1)
        return clock() - start

    async def once(self) -> None:
        """A stream from its beginning to its end, with a byte each way."""
        stream = await self.open()
        await self.ask(stream)
        stream[1].write_eof()
        async with asyncio.timeout(PATIENCE):
            await stream[0].read(-1)
        await hang_up(stream[1])

    @property
    def packets(self) -> tuple[int, int]:
        """Packets with data that have left, repeats not counted, and answers that have come."""
        counters = self.session.status.counters
        return counters.get("data_sent", 0), counters.get("data_received", 0)

    async def settle(self) -> None:
        """Until no stream is open, and a little longer."""
        async with asyncio.timeout(PATIENCE):
            while self.session.status.streams:  # noqa: ASYNC110 -- a counter, which has no event to wait for
                await asyncio.sleep(0.1)
        await asyncio.sleep(SETTLE)


@contextlib.asynccontextmanager
async def stage(
    traffic: TrafficParameters | None = None, sender_tags: str = "automatic", preset: str = PRESET
) -> AsyncIterator[ConnectedProxy]:
    """Everything runs while this lasts."""
    target = await asyncio.create_subprocess_exec(sys.executable, "-c", TARGET, stdout=asyncio.subprocess.PIPE)
    settings = Settings(socks=Endpoint("127.0.0.1", 0), preset=preset, sender_tags=sender_tags)
    session = Session(settings, traffic=traffic)
    try:
        assert target.stdout is not None
        port = int(await target.stdout.readline())
        await session.connect()
        status = await session.wait(State.CONNECTED, State.FAILED)
        if status.state is State.FAILED:
            raise SystemExit(str(status.reason))
        yield ConnectedProxy(session, port)
    finally:
        await session.disconnect()
        target.kill()
        await target.wait()


async def packets(requests: int) -> dict[str, object]:
    """Of streams one after the other, on an idle network."""
    async with stage() as on:
        await on.once()
        await on.settle()
        before = on.packets
        for _ in range(requests):
            await on.once()
        await on.settle()
        sent, received = ((after - first) / requests for first, after in zip(before, on.packets, strict=True))
    packet = PacketSize.REGULAR.packet
    return {
        "preset": PRESET,
        "streams": requests,
        "packets_up": round(sent, 2),
        "packets_down": round(received, 2),
        "bytes_up": round(sent * packet),
        "bytes_down": round(received * packet),
    }


async def seconds(preset: str, requests: int) -> dict[str, object]:
    """Of requests on one stream, and of streams that are opened beside it, on an idle network."""
    async with stage(preset=preset) as on:
        stream = await on.open()
        asked = [await on.ask(stream) for _ in range(requests * 4)]
        opened = []
        for _ in range(requests):
            start = clock()
            other = await on.open()
            opened.append(clock() - start)
            await hang_up(other[1])
        await hang_up(stream[1])
    drawn = drawn_delays(PRESETS[preset].traffic.average_packet_delay)
    return {
        "request_s": quantiles(asked),
        "open_s": quantiles(opened),
        "drawn_by_six_mixes_s": quantiles(drawn),
        "request_p50_minus_drawn_s": round(quantile(asked, 0.5) - quantile(drawn, 0.5), 4),
    }


def drawn_delays(mean: float) -> list[float]:
    """What the mixes of a request and its answer draw, together."""
    rng = random.Random(1)
    return [sum(rng.expovariate(1 / mean) for _ in range(2 * MIXES)) for _ in range(SAMPLES)]


async def memory(streams: int, idle: int) -> dict[str, object]:
    """Of this process, which is the client without its network.

    Each stream has a sender tag of its own, and with it go the keys of the reply blocks that came to nothing. A tag
    that stays in use keeps them, about 30 a stream of 250 bytes each, for a day or until there are 200,000.
    """
    async with stage(BARE, "stream") as on:

        async def many(count: int) -> None:
            turns = asyncio.Semaphore(AT_ONCE)

            async def one() -> None:
                async with turns:
                    await on.once()

            await asyncio.gather(*(one() for _ in range(count)))
            await on.settle()

        await many(streams // 5)
        warm, tasks = resident(), len(asyncio.all_tasks())
        await many(streams)
        once = resident()
        await many(streams)
        after, tasks_after = resident(), len(asyncio.all_tasks())
        opened = [await on.open() for _ in range(idle)]
        await asyncio.sleep(SETTLE)
        held = resident()
        for _, writer in opened:
            writer.transport.abort()
        await on.settle()
        left = on.session.status.streams
    return {
        "streams": streams,
        "after_a_fifth_mb": megabytes(warm),
        "after_as_many_again_mb": [megabytes(once), megabytes(after)],
        "growth_per_stream_bytes": [round((once - warm) / streams), round((after - once) / streams)],
        "tasks_before_and_after": [tasks, tasks_after],
        "idle_streams": idle,
        "kilobytes_per_idle_stream": round((held - after) / idle / 1000, 1),
        "streams_left": left,
    }


def largest_shares() -> dict[str, object]:
    """Of a user's destinations, how many the busiest of k requesters sees: median and worst over users."""
    rng = random.Random(1)
    address = [Recipient(*(rng.randbytes(32) for _ in range(3))) for _ in range(MOST_REQUESTERS)]
    found: dict[str, object] = {}
    for count in range(1, MOST_REQUESTERS + 1):
        shares = []
        for _ in range(USERS):
            known = [KnownRequester(str(number), address[number]) for number in range(count)]
            choice = RequesterChoice(known, rng.randbytes(32), rng)
            seen = Counter(choice.choose(f"{rng.randrange(10**9)}.example").name for _ in range(DESTINATIONS))
            shares.append(max(seen.values()) / DESTINATIONS)
        found[str(count)] = {"median": round(quantile(shares, 0.5), 3), "worst": round(max(shares), 3)}
    return {"users": USERS, "destinations_each": DESTINATIONS, "by_requesters": found}


def resident() -> int:
    """Bytes of memory that this process holds."""
    gc.collect()
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def megabytes(count: int) -> float:
    return round(count / 1e6, 1)


def quantile(values: Sequence[float], share: float) -> float:
    return sorted(values)[min(len(values) - 1, int(share * len(values)))]


def quantiles(values: Sequence[float]) -> dict[str, float]:
    return {"p50": round(quantile(values, 0.5), 4), "p99": round(quantile(values, 0.99), 4), "n": len(values)}


async def measure(requests: int, streams: int, idle: int) -> dict[str, object]:
    return {
        "load_before": round(os.getloadavg()[0], 2),
        "one_byte_there_and_back": await packets(requests),
        "latency": {preset: await seconds(preset, requests) for preset in (PRESET, EVERYDAY)},
        "memory": await memory(streams, idle),
        "largest_share_of_a_requester": largest_shares(),
        "load_after": round(os.getloadavg()[0], 2),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure what a stream costs")
    parser.add_argument("--requests", type=int, default=50, metavar="N", help="streams one after the other")
    parser.add_argument("--streams", type=int, default=1000, metavar="N", help="streams that are opened and closed")
    parser.add_argument("--idle", type=int, default=200, metavar="N", help="streams that are open at once")
    parser.add_argument("--output", type=Path, metavar="FILE", help="write there, too")
    flags = parser.parse_args()
    text = json.dumps(asyncio.run(measure(flags.requests, flags.streams, flags.idle)), indent=2)
    print(text)
    if flags.output is not None:
        flags.output.write_text(text + "\n")


if __name__ == "__main__":
    main()
