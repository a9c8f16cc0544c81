"""What a message costs a gateway that keeps it on disk, and what the replay log costs a packet.

Run it from the checkout: ``python benchmarks/node/bench_mailbox.py [--messages N] [--repeats N]``. It prints JSON. The
database and the log lie in the folder given by ``--directory`` (a temporary one), so its disk is what is measured. CPU
times are those of the whole process, threads included; the kinds of work alternate within each repeat, and each figure
is the median of the repeats.
"""

import argparse
import asyncio
import json
import os
import platform
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from nymconnect.crypto import X25519Secret
from nymconnect.effects import Effect
from nymconnect.node.gateway.mailbox import MailboxLimits, MailGroup, MailRow
from nymconnect.node.gateway.mailbox_writer import MailKeeper
from nymconnect.node.gateway.registry import RegistryChanges
from nymconnect.node.gateway.store import GatewayStore
from nymconnect.node.keys import SphinxKeys
from nymconnect.node.mixer import Mixer
from nymconnect.node.replay import ReplayFilter
from nymconnect.node.replay_store import ReplayFiles, ReplayKeeper
from nymconnect.packet.addressing import NodeAddress
from nymconnect.packet.framing import Frame, MixPacket
from nymconnect.packet.params import KeyRotation, PacketSize
from nymconnect.packet.route import Hop, Route
from nymconnect.packet.sphinx import build_packet
from nymconnect.runtime.clock import SYSTEM_RNG

RNG = random.Random(1)
ADDRESS = NodeAddress("10.0.0.1", 1789)
KEY, OTHER = (X25519Secret.generate(RNG) for _ in range(2))
CLIENTS = [RNG.randbytes(32) for _ in range(20)]
CONTENT = PacketSize.REGULAR.message
LIMITS = MailboxLimits(2**31, 2**31, 2**34)
GROUPS = (1, 10, 50, 200)  # messages in one transaction
BURST = 20  # frames of one read of a socket

Work = Callable[[Path], Awaitable[None]]


async def store(directory: Path | None, messages: int, *, read_at_once: bool) -> None:
    """Messages come with their acks, at once or after the client has read; ends when every ack has left."""
    left = asyncio.Event()
    count = 0

    def acknowledged(_: MixPacket) -> None:
        nonlocal count
        count += 1
        if count == messages:
            left.set()

    keeper = MailKeeper(directory, acknowledged, LIMITS)
    await keeper.open()
    for number in range(messages):
        client = CLIENTS[number % len(CLIENTS)]
        mail = keeper.store(client, RNG.randbytes(CONTENT))
        if mail is None:
            raise SystemExit("the mailbox took no more")
        keeper.acknowledge(MixPacket(ADDRESS, b""))
        if read_at_once:
            keeper.delete(client, mail)
        if number % BURST == 0:
            await asyncio.sleep(0)
    await left.wait()
    await keeper.close()


def frames(count: int) -> list[Frame]:
    route = Route((Hop(ADDRESS, KEY.public), Hop(ADDRESS, OTHER.public)), (0, 0))
    return [
        Frame.of(build_packet(route, CLIENTS[0], b"", PacketSize.REGULAR, RNG), KeyRotation.UNKNOWN)
        for _ in range(count)
    ]


async def forward(directory: Path | None, some: Sequence[Frame]) -> None:
    """Packets through a mixer, with a replay log or without; ends when every packet has left."""
    left = asyncio.Event()
    count = 0

    def leave(effects: Sequence[Effect]) -> None:
        nonlocal count
        count += len(effects)
        if count == len(some):
            left.set()

    mixer = Mixer(
        SphinxKeys(KEY, 6), ReplayFilter(), SYSTEM_RNG, forwards=True, delivers=False, may_send_to=lambda _: True
    )
    keeper = ReplayKeeper(directory, lambda _: None) if directory else None
    if keeper is not None:
        mixer.use_memory(await keeper.open([6]))
    for number, frame in enumerate(some):
        now = number * 0.001
        for effects in (mixer.feed(frame, now), mixer.wake(now)):
            if keeper is None:
                leave(effects)
            else:
                keeper.leave(leave, effects)
        if number % BURST == 0:
            await asyncio.sleep(0)
    await left.wait()
    if keeper is not None:
        await keeper.close()


async def per_item(work: dict[str, tuple[Work, int]], root: Path, repeats: int) -> dict[str, float]:
    """Median microseconds of CPU time for one message or packet."""
    spent: dict[str, list[float]] = {name: [] for name in work}
    for _ in range(repeats):
        for name, (run, items) in work.items():
            with tempfile.TemporaryDirectory(dir=root) as directory:
                start = time.process_time()
                await run(Path(directory))
                spent[name].append((time.process_time() - start) / items * 1e6)
    return {name: round(statistics.median(times), 1) for name, times in spent.items()}


def groups(root: Path) -> dict[str, dict[str, float]]:
    """Wall-clock milliseconds for one transaction that adds this number of messages, and one that removes them."""
    found: dict[str, dict[str, float]] = {}
    for size in GROUPS:
        with tempfile.TemporaryDirectory(dir=root) as directory:
            database = GatewayStore(Path(directory))
            add, remove = [], []
            for turn in range(40):
                numbers = range(1 + turn * size, 1 + (turn + 1) * size)
                rows = tuple(MailRow(number, CLIENTS[0], True, 0.0, RNG.randbytes(CONTENT)) for number in numbers)
                for group, times in ((MailGroup(rows, ()), add), (MailGroup((), tuple(numbers)), remove)):
                    start = time.perf_counter()
                    database.commit(group, RegistryChanges())
                    times.append((time.perf_counter() - start) * 1000)
            database.close()
        found[str(size)] = {
            "add_ms": round(statistics.median(add), 2),
            "remove_ms": round(statistics.median(remove), 2),
        }
    return found


def rebuild(root: Path, tags: int) -> dict[str, float]:
    """Seconds to start with this number of tags in logs, and with the snapshot of them."""
    with tempfile.TemporaryDirectory(dir=root) as name:
        directory = Path(name)
        files = ReplayFiles(directory)
        memory = files.load([6])
        for _ in range(tags // 50):
            for _ in range(50):
                memory.admit(6, RNG.randbytes(32))
            files.append(memory.take_record())
        files.close()
        log_bytes = sum(path.stat().st_size for path in directory.iterdir())
        start = time.perf_counter()
        files = ReplayFiles(directory)
        memory = files.load([6])
        from_logs = time.perf_counter() - start
        files.roll()
        files.checkpoint(memory.freeze())
        files.close()
        start = time.perf_counter()
        ReplayFiles(directory).load([6])
        from_snapshot = time.perf_counter() - start
    return {
        "tags": tags,
        "log_bytes_per_tag": round(log_bytes / tags, 1),
        "from_logs_s": round(from_logs, 2),
        "from_snapshot_s": round(from_snapshot, 2),
    }


async def measure(messages: int, packets: int, repeats: int, tags: int, root: Path) -> dict[str, object]:
    some = frames(packets)
    work: dict[str, tuple[Work, int]] = {
        "message_in_memory": (lambda _: store(None, messages, read_at_once=False), messages),
        "message_on_disk": (lambda directory: store(directory, messages, read_at_once=False), messages),
        "message_read_at_once": (lambda directory: store(directory, messages, read_at_once=True), messages),
        "packet_without_log": (lambda _: forward(None, some), packets),
        "packet_with_log": (lambda directory: forward(directory, some), packets),
    }
    figures = await per_item(work, root, repeats)
    return {
        "benchmark": "mailbox and replay log",
        "unit": "microseconds of CPU time for one message or packet",
        "messages": messages,
        "packets": packets,
        "repeats": repeats,
        "python": platform.python_version(),
        "load_before": round(os.getloadavg()[0], 2),
        "median": figures,
        "packet_with_log_over_without": round(figures["packet_with_log"] / figures["packet_without_log"], 2),
        "transaction_of_messages": groups(root),
        "replay_memory_after_a_kill": rebuild(root, tags),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--messages", type=int, default=10_000)
    parser.add_argument("--packets", type=int, default=2000)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--tags", type=int, default=1_000_000)
    parser.add_argument("--directory", type=Path, default=Path(tempfile.gettempdir()))
    options = parser.parse_args()
    report = asyncio.run(measure(options.messages, options.packets, options.repeats, options.tags, options.directory))
    print(json.dumps(report, indent=1))


if __name__ == "__main__":
    main()
