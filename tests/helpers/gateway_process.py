"""A gateway in a process of its own, so that it can be killed and started again with the same keys and ports.

The child is this module: ``python -m tests.helpers.gateway_process API STATE MIX_PORT WS_PORT ROTATION``. It prints a
line when it serves, and stops in good order when its standard input ends.
"""

import asyncio
import random
import socket
import sqlite3
import sys
from contextlib import closing
from pathlib import Path

from nymconnect.crypto import Ed25519Secret, X25519Secret
from nymconnect.directory.client import DirectoryClient
from nymconnect.directory.models import DeclaredRoles, EntryInfo
from nymconnect.directory.network_state import Assignment, NodeRecord, SphinxKey
from nymconnect.node.gateway.gateway import Gateway
from nymconnect.node.gateway.store import DATABASE
from nymconnect.node.keys import NodeKeys, SphinxKeys
from nymconnect.node.relay import NodeSettings
from nymconnect.runtime.http import http_client

HOST = "127.0.0.1"
NODE_ID = 100
SEED = 11
START_PATIENCE = 20.0
STOP_PATIENCE = 10.0
SAVE_PATIENCE, SAVE_LOOK = 5.0, 0.1


def keys_for(rotation_id: int) -> NodeKeys:
    """The same keys whenever it is started."""
    rng = random.Random(SEED)
    sphinx = SphinxKeys(X25519Secret.generate(rng), rotation_id)
    return NodeKeys(Ed25519Secret.generate(rng), sphinx, X25519Secret.generate(rng))


class GatewayProcess:
    """The parent's side. Add `record` to the directory before the first start."""

    def __init__(self, api: str, state_directory: Path, rotation_id: int) -> None:
        self.mix_port, self.ws_port = free_ports(2)
        keys = keys_for(rotation_id)
        assert keys.noise is not None
        self.record = NodeRecord(
            NODE_ID,
            keys.identity.public,
            (SphinxKey(rotation_id, keys.sphinx.primary.public),),
            (HOST,),
            self.mix_port,
            Assignment.ENTRY,
            DeclaredRoles(mixnode=False, entry=True),
            EntryInfo(self.ws_port),
            keys.noise.public,
        )
        self._database = state_directory / DATABASE
        numbers = (self.mix_port, self.ws_port, rotation_id)
        self._arguments = [api, str(state_directory), *map(str, numbers)]
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        """Returns when the gateway serves."""
        command = [sys.executable, "-m", "tests.helpers.gateway_process", *self._arguments]
        pipe = asyncio.subprocess.PIPE
        root = Path(__file__).parents[2]
        self._process = await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe, cwd=root)
        assert self._process.stdout is not None
        async with asyncio.timeout(START_PATIENCE):
            assert await self._process.stdout.readline() == b"ready\n"

    async def remember(self) -> None:
        """Wait until the gateway has written its clients down."""
        for _ in range(int(SAVE_PATIENCE / SAVE_LOOK)):
            if self.rows("clients"):
                return
            await asyncio.sleep(SAVE_LOOK)
        raise AssertionError("the gateway has not written its clients down")

    def rows(self, table: str) -> int:
        """How many rows a table of its database has."""
        with closing(sqlite3.connect(f"{self._database.as_uri()}?mode=ro", uri=True)) as database:
            count: int = database.execute(f"SELECT COUNT(*) FROM {table}").fetchone()[0]
            return count

    async def kill(self) -> None:
        """End it at once, with SIGKILL."""
        assert self._process is not None
        self._process.kill()
        await self._process.wait()

    async def stop(self) -> None:
        """End it in good order; does nothing if it has ended."""
        if self._process is None or self._process.returncode is not None:
            return
        assert self._process.stdin is not None
        self._process.stdin.close()
        async with asyncio.timeout(STOP_PATIENCE):
            await self._process.wait()


def free_ports(count: int) -> list[int]:
    """TCP ports that nobody listens on now."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for one in sockets:
            one.bind((HOST, 0))
        return [int(one.getsockname()[1]) for one in sockets]
    finally:
        for one in sockets:
            one.close()


async def serve(api: str, state_directory: Path, mix_port: int, ws_port: int, rotation_id: int) -> None:
    """The child's side."""
    settings = NodeSettings(NODE_ID, HOST, mix_port, ws_port, state_directory=state_directory)
    gateway = Gateway(settings, keys_for(rotation_id))
    async with http_client() as http:
        topology = await DirectoryClient([api], http).semi_skimmed()
    gateway.update(topology)  # before anyone connects: with no Noise keys the links would fail, and stay down a while
    await gateway.start()
    print("ready", flush=True)
    await asyncio.to_thread(sys.stdin.read)
    await gateway.stop()


if __name__ == "__main__":
    _, directory, state, *ports_and_rotation = sys.argv
    asyncio.run(serve(directory, Path(state), *map(int, ports_and_rotation)))
