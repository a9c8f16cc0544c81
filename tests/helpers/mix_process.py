"""A mix node in a process of its own, so that it can be killed and started again with the same keys, port and files.

The child is this module: ``python -m tests.helpers.mix_process STATE PORT NEXT_PORT``. It speaks plain TCP and knows
one other node, at NEXT_PORT: the parent, which looks at what comes through. To each line on its standard input it
answers with its counters as JSON.
"""

import asyncio
import json
import random
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from types import TracebackType

from nymconnect.crypto import Ed25519Secret, X25519Secret
from nymconnect.directory.topology import Node, Topology
from nymconnect.node.keys import NodeKeys, SphinxKeys
from nymconnect.node.mixnode import MixNode
from nymconnect.node.relay import NodeSettings
from nymconnect.packet.addressing import NodeAddress
from nymconnect.packet.framing import Frame, FrameDecoder
from nymconnect.packet.params import PacketSize
from nymconnect.packet.route import Hop, Route
from nymconnect.packet.sphinx import build_packet
from tests.helpers.gateway_process import HOST, free_ports

ROTATION_ID = 5
START_PATIENCE = 20.0
_KEY, _NEXT_KEY = (X25519Secret.generate(random.Random(seed)) for seed in (1, 2))


def frames_through(port: int, next_port: int, count: int, delay_ns: int) -> list[bytes]:
    """As many different packets, as they go over the link to the node."""
    hops = Hop(NodeAddress(HOST, port), _KEY.public), Hop(NodeAddress(HOST, next_port), _NEXT_KEY.public)
    route, rng = Route(hops, (delay_ns, 0)), random.Random(3)
    return [Frame.of(build_packet(route, bytes(32), b"", PacketSize.ACK, rng)).encode() for _ in range(count)]


class MixProcess:
    """The parent's side, an async context. `seen` is what the node has sent on."""

    def __init__(self, state_directory: Path) -> None:
        self.port, self.next_port = free_ports(2)
        self.seen: list[bytes] = []
        self._arguments = [str(state_directory), str(self.port), str(self.next_port)]
        self._process: asyncio.subprocess.Process | None = None
        self._changed = asyncio.Event()

    async def __aenter__(self) -> "MixProcess":
        self._server = await asyncio.start_server(self._receive, HOST, self.next_port)
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.kill()
        self._server.close()
        await self._server.wait_closed()

    async def start(self) -> None:
        """Returns when the node listens."""
        command = [sys.executable, "-m", "tests.helpers.mix_process", *self._arguments]
        pipe = asyncio.subprocess.PIPE
        root = Path(__file__).parents[2]
        self._process = await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe, cwd=root)
        await self._line()
        self._reader, self._writer = await asyncio.open_connection(HOST, self.port)

    async def send(self, frames: list[bytes]) -> None:
        """Hand packets to the node."""
        for first in range(0, len(frames), 100):
            self._writer.write(b"".join(frames[first : first + 100]))
            await self._writer.drain()

    async def counters(self) -> dict[str, int]:
        """What the node counts now."""
        assert self._process is not None
        assert self._process.stdin is not None
        self._process.stdin.write(b"\n")
        counts: dict[str, int] = json.loads(await self._line())
        return counts

    async def until_received(self, count: int) -> dict[str, int]:
        """The counters, once so many packets have come to the node."""
        while (counters := await self.counters())["received"] < count:  # noqa: ASYNC110 - another process counts
            await asyncio.sleep(0.05)
        return counters

    async def until_seen(self, condition: Callable[[int], bool]) -> None:
        """Wait for what comes through."""
        while not condition(len(self.seen)):
            self._changed.clear()
            await self._changed.wait()

    async def kill(self) -> None:
        """End it at once, with SIGKILL; what it had sent on is in `seen` afterwards."""
        assert self._process is not None
        if self._process.returncode is None:
            self._process.send_signal(signal.SIGKILL)
            await self._process.wait()
        self._writer.close()
        await asyncio.sleep(0.2)

    async def _line(self) -> bytes:
        assert self._process is not None
        assert self._process.stdout is not None
        async with asyncio.timeout(START_PATIENCE):
            return await self._process.stdout.readline()

    async def _receive(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        decoder = FrameDecoder()
        try:
            while data := await reader.read(65536):
                self.seen += [frame.packet for frame in decoder.feed(data)]
                self._changed.set()
        except OSError:
            pass  # it was killed
        finally:
            writer.close()


async def serve(state_directory: Path, port: int, next_port: int) -> None:
    """The child's side."""
    identity = Ed25519Secret.generate(random.Random(4))
    settings = NodeSettings(1, HOST, port, state_directory=state_directory)
    node = MixNode(settings, NodeKeys(identity, SphinxKeys(_KEY, ROTATION_ID)))
    following = Node(2, identity.public, _NEXT_KEY.public, NodeAddress(HOST, next_port), (HOST,))
    node.update(Topology(((following,), (), ()), {}, ROTATION_ID, 130))
    await node.start()
    print("ready", flush=True)
    while await asyncio.to_thread(sys.stdin.readline):
        print(json.dumps(node.counters), flush=True)
    await node.stop()


if __name__ == "__main__":
    _, state, own_port, others_port = sys.argv
    asyncio.run(serve(Path(state), int(own_port), int(others_port)))
