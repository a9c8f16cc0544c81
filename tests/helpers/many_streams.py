"""Many streams at once over links that lose, repeat and reorder: each has to arrive byte-exact.

``python -m tests.helpers.many_streams`` runs the full form, 100 streams of 1 B to 5 MB, and prints what came of it; the
test suite runs a shorter one.
"""

import argparse
import asyncio
import hashlib
import random
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from nymconnect.client.parameters import TrafficParameters
from nymconnect.packet.params import PacketSize
from nymconnect.runtime.clock import clock
from tests.helpers.faults import Impairment, impaired
from tests.helpers.stage import FAST, Stage, stage
from tests.helpers.targets import file_server

STREAMS = 100
LARGEST = 5_000_000
CHANCE = 0.1
# A fragment of which every third try is acked stays in the window for long; in packets of 8 KiB the same bytes take a
# fifth of the cryptography.
TRAFFIC = replace(FAST, packet_size=PacketSize.EXTENDED8, window=400, lane_limit=100, loop_cover_average_delay=1.0)


@dataclass(frozen=True, slots=True)
class Transfer:
    """One stream: so many bytes one way."""

    number: int
    length: int
    is_upload: bool

    @property
    def content(self) -> bytes:
        return random.Random(self.number).randbytes(self.length)

    @property
    def path(self) -> str:
        return f"/{self.number}"


@dataclass(frozen=True, slots=True)
class Outcome:
    """`wrong` names the streams that did not arrive as they were sent, with the reason."""

    transfers: int
    total: int
    seconds: float
    wrong: tuple[str, ...]
    impairment: Impairment
    counters: dict[str, int]


def spread(count: int, largest: int, of_largest: int = 0) -> list[Transfer]:
    """`count` transfers from 1 byte to `largest`, evenly on a logarithmic scale, uploads and downloads in turn.

    With `of_largest` the last so many have the full size, and the others reach a tenth of it.
    """
    graded = count - of_largest
    top = largest // 10 if of_largest else largest
    lengths = [round(top ** (number / (graded - 1))) for number in range(graded)] + [largest] * of_largest
    return [Transfer(number, length, number % 2 == 0) for number, length in enumerate(lengths)]


async def run(
    transfers: Sequence[Transfer],
    traffic: TrafficParameters = TRAFFIC,
    chance: float = CHANCE,
    patience: float = 600.0,
    tell: Callable[[str], None] = lambda _: None,
) -> Outcome:
    """All at once, on a whole network in this event loop."""
    files = {transfer.path: transfer.content for transfer in transfers if not transfer.is_upload}
    done = 0

    async def one(on: Stage, port: int, transfer: Transfer) -> str:
        nonlocal done
        try:
            async with asyncio.timeout(patience):
                what = await (_upload if transfer.is_upload else _download)(on, port, transfer, patience)
        except Exception as error:  # any failure of one stream is a finding about that stream
            what = f"{type(error).__name__}: {error}"
        done += 1
        tell(f"{done}/{len(transfers)} after {clock() - start:.0f} s: {transfer.length} bytes {what or 'exact'}")
        return what and f"stream {transfer.number} of {transfer.length} bytes: {what}"

    async with file_server(files) as port, stage(traffic) as on:
        with impaired(on.network, Impairment(chance, chance, chance)) as impairment:
            start = clock()
            outcomes = await asyncio.gather(*(one(on, port, transfer) for transfer in transfers))
            seconds = clock() - start
            counters = dict(on.session.status.counters)
    wrong = tuple(what for what in outcomes if what)
    return Outcome(len(transfers), sum(each.length for each in transfers), seconds, wrong, impairment, counters)


async def _download(on: Stage, port: int, transfer: Transfer, patience: float) -> str:
    body = await on.fetch(port, transfer.path, patience=patience)
    return "" if body == transfer.content else f"{len(body)} other bytes"


async def _upload(on: Stage, port: int, transfer: Transfer, patience: float) -> str:
    """The target answers with the digest of what it has read."""
    reader, writer = await on.open(port, patience=patience)
    content = transfer.content
    try:
        head = f"PUT {transfer.path} HTTP/1.0\r\nHost: localhost\r\nContent-Length: {len(content)}\r\n\r\n"
        writer.write(head.encode() + content)
        await writer.drain()
        answer = await reader.read(-1)
    finally:
        writer.transport.abort()
    said = answer.rpartition(b"\r\n\r\n")[2].decode(errors="replace")
    return "" if said == hashlib.sha256(content).hexdigest() else f"the target has read something else: {said[:80]!r}"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--streams", type=int, default=STREAMS)
    parser.add_argument("--largest", type=int, default=LARGEST, help="bytes of the largest (default: 5 MB)")
    parser.add_argument("--of-largest", type=int, default=3, help="streams of that size (default: 3)")
    parser.add_argument("--chance", type=float, default=CHANCE, help="of loss, of repetition, of reordering, each")
    parser.add_argument("--patience", type=float, default=3600.0)
    flags = parser.parse_args()
    transfers = spread(flags.streams, flags.largest, flags.of_largest)
    outcome = asyncio.run(run(transfers, chance=flags.chance, patience=flags.patience, tell=print))
    seen = outcome.impairment
    print(
        f"{outcome.transfers - len(outcome.wrong)} of {outcome.transfers} streams exact, {outcome.total / 1e6:.1f} MB "
        f"in {outcome.seconds:.0f} s ({outcome.total / outcome.seconds / 1e3:.0f} kB/s)\n"
        f"links: {seen.offered} packets offered, {seen.lost} lost, {seen.duplicated} doubled, "
        f"{seen.held} held back\n"
        f"client: {outcome.counters}",
        *outcome.wrong,
        sep="\n",
    )
    return 1 if outcome.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
