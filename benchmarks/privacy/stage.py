"""Everything that a benchmark runs the product against: a network, a target, the client, each in its own process.

The network and the client are the product's own command line, as a user runs it; the target is a plain web server in
the benchmark's process. Settings, keys and registrations go to a temporary folder.
"""

import asyncio
import contextlib
import json
import os
import signal
import sys
import tempfile
from collections.abc import AsyncIterator, Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nymconnect.base58 import b58encode
from nymconnect.directory.client import DirectoryClient
from nymconnect.directory.topology import Node
from nymconnect.endpoints import Endpoint
from nymconnect.packet.addressing import Recipient
from nymconnect.runtime.clock import clock
from nymconnect.runtime.http import http_client

REPOSITORY = Path(__file__).resolve().parents[2]
HERE = Path(__file__).resolve().parent
START_PATIENCE = 120.0
STOP_PATIENCE = 30.0
_PIECE = 64 * 1024


# --- processes --------------------------------------------------------------------------------------------------


class Child:
    """A program that says things in JSON lines and ends when its standard input closes."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    @property
    def pid(self) -> int:
        return self._process.pid

    async def said(self) -> dict[str, Any]:
        """Its next line; SystemExit if it has ended."""
        assert self._process.stdout is not None
        async with asyncio.timeout(START_PATIENCE):
            line = await self._process.stdout.readline()
        if not line:
            raise SystemExit("a process of the benchmark ended early; its reason stands above")
        answer: dict[str, Any] = json.loads(line)
        return answer

    def tell(self, word: str) -> None:
        """One line to its standard input."""
        assert self._process.stdin is not None
        self._process.stdin.write(word.encode() + b"\n")

    def finish(self) -> None:
        """Close its standard input."""
        assert self._process.stdin is not None
        self._process.stdin.close()

    async def close(self) -> None:
        """End it: by closing its input, then by a signal, then by force."""
        self.finish()
        for number in (None, signal.SIGTERM, signal.SIGKILL):
            if number is not None and self._process.returncode is None:
                self._process.send_signal(number)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(STOP_PATIENCE if number is None else 5.0):
                    await self._process.wait()
                    return


def divided_cores() -> tuple[set[int], set[int]]:
    """For the client, and for the network that in life is on other machines; both all, where there is one core only."""
    cores = sorted(os.sched_getaffinity(0))
    half = len(cores) // 2
    return (set(cores[half:]), set(cores[:half])) if half else (set(cores), set(cores))


@contextlib.asynccontextmanager
async def child(arguments: Sequence[str], home: str, cores: Collection[int] = ()) -> AsyncIterator[Child]:
    """Run Python with these arguments, on these cores if any; `home` is where it keeps its files."""
    folders = dict.fromkeys(("XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME"), home)
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *arguments,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        env={**os.environ, **folders},
        cwd=REPOSITORY,
        start_new_session=True,
    )
    if cores:
        os.sched_setaffinity(process.pid, cores)
    running = Child(process)
    try:
        yield running
    finally:
        await running.close()


# --- network and client -----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Network:
    """A running embedded network. `gateway` is not the requester's, so its websocket port is our client's alone."""

    api: str
    requester: str
    gateway: Node
    pid: int

    @property
    def gateway_port(self) -> int:
        assert self.gateway.entry is not None
        return self.gateway.entry.ws_port

    def flags(self, preset: str) -> list[str]:
        """Options of a client that uses this network."""
        return [
            f"--network={self.api}",
            f"--requester={self.requester}",
            f"--gateway={b58encode(self.gateway.identity)}",
            f"--preset={preset}",
            "--socks=127.0.0.1:0",
        ]


PROGRAM = ("-P", "-m", "nymconnect_proxy")


@contextlib.asynccontextmanager
async def network(program: Sequence[str] = PROGRAM) -> AsyncIterator[Network]:
    """The embedded network as a process of its own; `program` is what runs ours, for Python."""
    command = [*program, "network", "--api", "127.0.0.1:0", "--json", "--follow-stdin"]
    with tempfile.TemporaryDirectory() as home:
        async with child(command, home) as process, http_client() as http:
            answer = await process.said()
            topology = await DirectoryClient([answer["api"]], http).topology()
            exit_gateway = Recipient.parse(answer["requester"]).gateway
            entry = next(node for identity, node in topology.gateways.items() if identity != exit_gateway)
            yield Network(answer["api"], answer["requester"], entry, process.pid)


@dataclass(frozen=True, slots=True)
class Client:
    """A connected client and its SOCKS port."""

    process: Child
    socks: Endpoint


@contextlib.asynccontextmanager
async def client(on: Network, preset: str, program: Sequence[str] = PROGRAM) -> AsyncIterator[Client]:
    """``nymconnect connect`` until the end of the block."""
    with tempfile.TemporaryDirectory() as home:
        async with child([*program, "connect", "--json", *on.flags(preset)], home) as process:
            while True:
                answer = await process.said()
                if answer.get("state") == "connected":
                    break
            host, _, port = answer["socks"].rpartition(":")
            drain = asyncio.create_task(_drain(process))
            try:
                yield Client(process, Endpoint(host, int(port)))
            finally:
                drain.cancel()
                with contextlib.suppress(ProcessLookupError):
                    os.kill(process.pid, signal.SIGTERM)  # this command does not watch its standard input


async def _drain(process: Child) -> None:
    """Read on, so that the client never waits for us."""
    with contextlib.suppress(SystemExit):
        while True:
            with contextlib.suppress(TimeoutError):  # it may have nothing to say for hours
                await process.said()


# --- target -----------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class LengthServer:
    """Serves GET /<length> with that number of bytes; a connection that sends PUT is a sink, its arrivals kept."""

    port: int = 0
    arrivals: list[tuple[float, int]] = field(default_factory=list)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError, ValueError):
            head = (await reader.readuntil(b"\r\n\r\n")).split(b" ")
            if head[0] == b"PUT":
                while data := await reader.read(_PIECE):
                    self.arrivals.append((clock(), len(data)))
            else:
                await self._answer(int(head[1].lstrip(b"/")), writer)
        writer.close()

    async def _answer(self, length: int, writer: asyncio.StreamWriter) -> None:
        writer.write(f"HTTP/1.0 200 OK\r\nContent-Length: {length}\r\n\r\n".encode())
        while length:
            piece = min(length, _PIECE)
            writer.write(bytes(piece))
            await writer.drain()
            length -= piece


@contextlib.asynccontextmanager
async def target() -> AsyncIterator[LengthServer]:
    """A target on a free port of the loopback interface."""
    running = LengthServer()
    server = await asyncio.start_server(running.serve, "127.0.0.1", 0)
    running.port = server.sockets[0].getsockname()[1]
    try:
        yield running
    finally:
        server.close()


# --- what a process uses ----------------------------------------------------------------------------------------


def family(pid: int) -> list[int]:
    """A process and all its descendants."""
    parents: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError, IndexError):
                parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
                parents.setdefault(parent, []).append(int(entry.name))
    found, queue = [], [pid]
    while queue:
        found.append(queue.pop())
        queue += parents.get(found[-1], [])
    return found


def cpu_seconds(pid: int) -> float:
    """User and system time of one process so far, its finished children included."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")


def memory(pid: int) -> dict[str, float]:
    """Megabytes: resident, and proportional (pages shared with others count by their share)."""
    values = {}
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        name, _, rest = line.partition(":")
        if name in ("Rss", "Pss"):
            values[name.lower()] = int(rest.split()[0]) * 1024 / 1e6
    return values


def is_pacer(pid: int) -> bool:
    """Whether a process calls itself a pacer on its command line."""
    with contextlib.suppress(OSError):
        return b"pacer" in Path(f"/proc/{pid}/cmdline").read_bytes()
    return False
