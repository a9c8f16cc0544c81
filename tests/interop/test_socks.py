"""The SOCKS5 client of the published Rust crates reaches the world through our gateways, mix nodes and requester.

The opposite, our SOCKS5 client at a Rust requester, cannot be tried: no crate with a requester is published.
"""

import asyncio
import hashlib
import random
from collections.abc import AsyncIterator

import pytest
from aiohttp import web

from nymconnect_proxy.practice.network_process import NetworkAddress, NetworkProcess
from tests.helpers.rust_peer import RustPeer
from tests.helpers.rust_vectors import each_line
from tests.helpers.targets import unused_port

FILE = random.Random(1).randbytes(1_000_000)
FETCHES = 3
CURL_PATIENCE = 90

pytestmark = pytest.mark.timeout(FETCHES * CURL_PATIENCE + 60)

# What nym-sdk does by itself; what nym-socks5-client does by itself, and with its option for anonymous replies.
MODES = {
    "legacy formats": [],
    "current formats": ["--versioned"],
    "current formats, anonymous": ["--versioned", "--anonymous"],
    "legacy formats, anonymous": ["--anonymous"],
}


@pytest.fixture
async def network() -> AsyncIterator[NetworkAddress]:
    process = NetworkProcess()
    try:
        yield await process.start()
    finally:
        await process.stop()


@pytest.fixture
async def url() -> AsyncIterator[str]:
    """A web server on loopback with one file."""

    async def answer(_: web.Request) -> web.Response:
        return web.Response(body=FILE)

    app = web.Application()
    app.router.add_get("/file", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}/file"
    await runner.cleanup()


async def fetch(url: str, port: int) -> bytes:
    """What curl gets through the proxy. The peer says that it is ready a moment before its port is."""
    command = ["curl", "-q", "--silent", "--show-error", "--fail", "--max-time", str(CURL_PATIENCE)]
    command += ["--retry", "5", "--retry-delay", "1", "--retry-connrefused", "--socks5-hostname", f"127.0.0.1:{port}"]
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(*command, url, stdout=pipe, stderr=pipe)
    body, complaint = await process.communicate()
    assert process.returncode == 0, complaint.decode()
    return body


@each_line
@pytest.mark.parametrize("mode", MODES)
async def test_curl_fetches_through_the_rust_client_and_our_requester(
    network: NetworkAddress, url: str, mode: str, line: str
) -> None:
    port = unused_port()
    arguments = ["--requester", network.requester, "--listen", f"127.0.0.1:{port}", *MODES[mode]]
    async with RustPeer(line, "socks5", "--api", network.api, *arguments):
        for _ in range(FETCHES):
            body = await fetch(url, port)
            assert hashlib.sha256(body).digest() == hashlib.sha256(FILE).digest()
