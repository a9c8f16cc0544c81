"""A mixnet whose mixes, gateways and requester are processes of their own, so that each can be killed and restarted.

The directory stays in the test's own process. The child is this module: it reads one JSON line that says what it is,
prints a line when it serves, and stops in good order when its standard input ends.
"""

import asyncio
import contextlib
import json
import random
import signal
import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType

from nymconnect.client.client import MixnetClient
from nymconnect.client.gateway.keys import ClientKeys
from nymconnect.crypto import Ed25519Secret, X25519Secret
from nymconnect.directory.client import DirectoryClient
from nymconnect.directory.models import DeclaredRoles, EntryInfo
from nymconnect.directory.network_state import (
    LAYER_ASSIGNMENTS,
    Assignment,
    Calendar,
    NetworkState,
    NodeRecord,
    SphinxKey,
)
from nymconnect.directory.server import DirectoryServer
from nymconnect.node.gateway.gateway import Gateway
from nymconnect.node.keys import NodeKeys, SphinxKeys
from nymconnect.node.mixnode import MixNode
from nymconnect.node.relay import NodeSettings
from nymconnect.packet.addressing import Recipient
from nymconnect.runtime.http import http_client
from nymconnect_proxy.exit.admission import AdmissionLimits
from nymconnect_proxy.exit.requester import NetworkRequester, RequesterOptions
from nymconnect_proxy.practice.embedded import REQUESTER_TRAFFIC
from nymconnect_proxy.protocol.exit_policy import AddressPolicy
from nymconnect_proxy.streams.exit_stream import ExitOptions
from tests.helpers.gateway_process import free_ports

HOST = "127.0.0.1"
ROOT = Path(__file__).parents[2]
START_PATIENCE = 40.0
STOP_PATIENCE = 10.0
MIXES_PER_LAYER = 2
REQUESTER_SEED = 1000
LOOPBACK = AddressPolicy.parse("ExitPolicy accept 127.0.0.0/8:*\nExitPolicy accept [::1]:*\n")
# Seconds after which a requester says of a stream that it does not know it: short, so that the test is.
OPTIONS = RequesterOptions(
    streams=ExitOptions(allow_loopback=True, keep_alive=5.0), limits=AdmissionLimits(settle=10.0)
)


@dataclass(frozen=True, slots=True)
class Part:
    """What a child is: `kind` is mix, gateway or requester; its keys come from `seed`, so a restart keeps them."""

    kind: str
    seed: int
    api: str
    rotation_id: int
    mix_port: int = 0
    ws_port: int = 0
    state: str = ""

    def keys(self) -> NodeKeys:
        rng = random.Random(self.seed)
        sphinx = SphinxKeys(X25519Secret.generate(rng), self.rotation_id)
        return NodeKeys(Ed25519Secret.generate(rng), sphinx, X25519Secret.generate(rng))

    def record(self, assignment: Assignment) -> NodeRecord:
        keys = self.keys()
        assert keys.noise is not None
        is_gateway = self.kind == "gateway"
        return NodeRecord(
            self.seed,
            keys.identity.public,
            (SphinxKey(self.rotation_id, keys.sphinx.primary.public),),
            (HOST,),
            self.mix_port,
            assignment,
            DeclaredRoles(mixnode=not is_gateway, entry=is_gateway),
            EntryInfo(self.ws_port) if is_gateway else None,
            keys.noise.public,
        )


class PartProcess:
    """The parent's side of one child."""

    def __init__(self, part: Part) -> None:
        self.part = part
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        """Returns when it serves."""
        pipe = asyncio.subprocess.PIPE
        command = [sys.executable, "-m", "tests.helpers.process_network"]
        self._process = await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe, cwd=ROOT)
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        fields = {name: getattr(self.part, name) for name in Part.__slots__}
        self._process.stdin.write(json.dumps(fields).encode() + b"\n")
        async with asyncio.timeout(START_PATIENCE):
            assert await self._process.stdout.readline() == b"ready\n"

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    async def kill(self) -> None:
        """End it at once, with SIGKILL."""
        assert self._process is not None
        with contextlib.suppress(ProcessLookupError):
            self._process.send_signal(signal.SIGKILL)
        await self._process.wait()

    async def stop(self) -> None:
        """End it in good order; by force if it takes too long."""
        if self._process is None or self._process.returncode is not None:
            return
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            async with asyncio.timeout(STOP_PATIENCE):
                await self._process.wait()
        except TimeoutError:
            await self.kill()


class ProcessNetwork:
    """Three layers of two mixes, two gateways and a requester behind the second; an async context."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.state = NetworkState(Calendar(time.time(), 3600.0, 6))
        self._directory = DirectoryServer(self.state, "processes")
        self.api_url = ""
        self.mixes: list[PartProcess] = []
        self.gateways: list[PartProcess] = []
        self.requester: PartProcess

    async def __aenter__(self) -> "ProcessNetwork":
        port = await self._directory.start(HOST, 0)
        self.api_url = f"http://{HOST}:{port}/"
        try:
            await self._start()
        except BaseException:
            await self._stop()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self._stop()

    async def _start(self) -> None:
        rotation_id = self.state.calendar.rotation_id(time.time())
        ports = free_ports(3 * MIXES_PER_LAYER + 4)
        for number in range(3 * MIXES_PER_LAYER):
            part = Part("mix", 1 + number, self.api_url, rotation_id, ports.pop(), state=self._state(1 + number))
            self.mixes.append(PartProcess(part))
            self.state.add(part.record(LAYER_ASSIGNMENTS[number % 3]))
        for seed in (101, 102):
            part = Part("gateway", seed, self.api_url, rotation_id, ports.pop(), ports.pop(), state=self._state(seed))
            self.gateways.append(PartProcess(part))
            self.state.add(part.record(Assignment.ENTRY))
        # One after the other they would take three times as long; all at once they would outlast the patience.
        nodes = [*self.mixes, *self.gateways]
        for pair in zip(nodes[::2], nodes[1::2], strict=True):
            await asyncio.gather(*(node.start() for node in pair))
        self.requester = PartProcess(Part("requester", REQUESTER_SEED, self.api_url, rotation_id))
        await self.requester.start()
        self.state.set_requester(102, self.requester_address)

    def _state(self, seed: int) -> str:
        folder = self._folder / f"node-{seed}"
        folder.mkdir(mode=0o700)
        return str(folder)

    @property
    def requester_address(self) -> str:
        keys = _requester_keys()
        gateway = self.gateways[1].part.keys().identity.public
        return str(Recipient(keys.identity.public, keys.encryption.public, gateway))

    @property
    def entry_identity(self) -> bytes:
        """Identity of the gateway that is not the requester's (32 bytes)."""
        return self.gateways[0].part.keys().identity.public

    async def _stop(self) -> None:
        parts = [*self.mixes, *self.gateways]
        if hasattr(self, "requester"):
            await self.requester.stop()
        await asyncio.gather(*(part.stop() for part in parts))
        await self._directory.stop()


def _requester_keys() -> ClientKeys:
    return ClientKeys.generate(random.Random(REQUESTER_SEED))


# --- the child ---------------------------------------------------------------------------------------------------


async def _serve(part: Part) -> None:
    if part.kind == "requester":
        await _serve_requester(part)
        return
    settings = NodeSettings(part.seed, HOST, part.mix_port, part.ws_port, state_directory=Path(part.state))
    node = MixNode(settings, part.keys()) if part.kind == "mix" else Gateway(settings, part.keys())
    async with http_client() as http:
        # Before anyone connects: with no Noise keys the links would fail, and stay down a while.
        node.update(await DirectoryClient([part.api], http).semi_skimmed())
    await node.start()
    await _until_stdin_ends()
    await node.stop()


async def _serve_requester(part: Part) -> None:
    async with http_client() as http:
        directory = DirectoryClient([part.api], http)
        topology = await directory.topology()
        gateway = topology.gateways[replace(part, kind="gateway", seed=102).keys().identity.public]
        client = MixnetClient(directory, gateway, topology, _requester_keys(), REQUESTER_TRAFFIC)
        await client.start(START_PATIENCE)
        requester = NetworkRequester(client, LOOPBACK, OPTIONS)
        await requester.start()
        await _until_stdin_ends()
        await requester.stop()
        await client.stop()


async def _until_stdin_ends() -> None:
    print("ready", flush=True)
    await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(_serve(Part(**json.loads(sys.stdin.readline()))))
