"""A program whose output nobody reads serves on, and ends when it is told to."""

import asyncio
import contextlib
import fcntl
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from nymconnect.directory.client import DirectoryClient
from nymconnect.runtime.http import http_client
from tests.helpers.command import environment

PATIENCE = 30.0
PIPE = 4096  # bytes that it takes
CALLS, AT_ONCE = 300, 30  # each is a line of about 100 bytes at debug level


@pytest.mark.timeout(120)
async def test_a_full_pipe_at_standard_error_stops_no_network(tmp_path: Path) -> None:
    arguments = ("network", "--mixnodes", "1", "--gateways", "1", "--api", "127.0.0.1:0", "--json")
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-P", "-m", "nymconnect_proxy", *arguments, "--log-level", "debug"),
        stdout=subprocess.PIPE,
        stderr=(pipe := os.pipe())[1],
        env=environment(tmp_path),
    )
    fcntl.fcntl(pipe[1], fcntl.F_SETPIPE_SZ, PIPE)
    os.close(pipe[1])
    try:
        assert process.stdout is not None
        async with asyncio.timeout(PATIENCE):
            api = json.loads(await process.stdout.readline())["api"]
        async with http_client() as http:
            topology = await DirectoryClient([api], http).semi_skimmed()
            (gateway,) = topology.gateways.values()
            assert gateway.entry is not None
            url = f"ws://127.0.0.1:{gateway.entry.ws_port}/"

            async def call() -> None:
                async with asyncio.timeout(PATIENCE), http.ws_connect(url) as socket:
                    await socket.send_str("no request")
                    await socket.receive()

            for _ in range(CALLS // AT_ONCE):
                await asyncio.gather(*(call() for _ in range(AT_ONCE)))
            async with asyncio.timeout(PATIENCE):
                assert await DirectoryClient([api], http).semi_skimmed()
        os.set_blocking(pipe[0], False)
        waiting = 0
        with contextlib.suppress(BlockingIOError):
            while data := os.read(pipe[0], 1 << 20):
                waiting += len(data)
        assert waiting > PIPE / 2  # so it was full indeed
        process.send_signal(signal.SIGINT)
        async with asyncio.timeout(PATIENCE):
            assert await process.wait() == 0
    finally:
        os.close(pipe[0])
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()
