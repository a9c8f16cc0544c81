"""Our gateway ends under a published Rust client and comes back: the client goes on with the same registration."""

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from nymconnect.base58 import b58encode
from nymconnect.client.client import MixnetClient
from nymconnect.client.loopix import Received
from nymconnect.directory.client import DirectoryClient
from nymconnect.directory.models import EntryInfo
from nymconnect.runtime.http import http_client
from nymconnect_proxy.exit.requester import embedded_requester
from nymconnect_proxy.practice.embedded import EmbeddedNetwork
from tests.helpers.front import Front
from tests.helpers.gateway_process import GatewayProcess
from tests.helpers.live_client import live_client
from tests.helpers.rust_peer import PATIENCE, RustPeer
from tests.helpers.rust_vectors import each_line

pytestmark = pytest.mark.timeout(300)

DOWNTIME = 2.0
SURBS = 50  # enough for every answer, however often its packets are sent again


@dataclass(frozen=True)
class Setup:
    gateway: GatewayProcess
    rust: RustPeer
    python: MixnetClient


@contextlib.asynccontextmanager
async def set_up(line: str, state: Path, traffic: list[str], *, fronted: bool) -> AsyncIterator[Setup]:
    """A network with one more gateway, in a process of its own, and behind it the Rust client."""
    network = EmbeddedNetwork(embedded_requester, mixes_per_layer=1, gateways=1)
    await network.start()
    gateway = GatewayProcess(network.api_url, state, network.gateways[0].description.sphinx_keys[0].rotation_id)
    async with contextlib.AsyncExitStack() as stack:
        stack.push_async_callback(network.stop)
        stack.push_async_callback(gateway.stop)
        if fronted:
            front = await stack.enter_async_context(Front(gateway.ws_port))
            network.state.add(replace(gateway.record, entry=EntryInfo(front.port)))
        else:
            network.state.add(gateway.record)
        async with http_client() as http:
            topology = await DirectoryClient([network.api_url], http).semi_skimmed()
        for mixnode in network.mixnodes:
            mixnode.update(topology)
        network.gateways[0].update(topology)
        await gateway.start()
        options = ["--api", network.api_url, "--gateway", b58encode(gateway.record.identity), *traffic]
        home = network.gateways[0].description.identity
        async with live_client(network.api_url, home) as python, RustPeer(line, "mixnet", *options) as rust:
            yield Setup(gateway, rust, python)


async def converse(setup: Setup) -> None:
    """One message each way, and an answer over reply SURBs each way."""
    data = random.randbytes(3_000)
    await setup.python.send(setup.rust.address, data, surbs=SURBS)
    question, tag = await setup.rust.receive()
    assert question == data
    assert tag is not None
    await setup.rust.reply(tag, data[::-1])
    assert (await heard(setup.python)).data == data[::-1]
    await setup.rust.send(setup.python.address, data, surbs=SURBS)
    received = await heard(setup.python)
    assert received.data == data
    assert received.sender_tag is not None
    await setup.python.reply(received.sender_tag, data[::-1])
    assert await setup.rust.receive() == (data[::-1], None)


async def heard(client: MixnetClient) -> Received:
    async with asyncio.timeout(PATIENCE):
        return await client.receive()


PACED: list[str] = []
QUIET = ["--quiet"]


# A connection to a process that is killed ends, or is reset if something that the client sent was still unread: with a
# client that sends all the time that is left to chance, unless another server stands in front of the gateway.
@each_line
@pytest.mark.parametrize(
    ("traffic", "fronted", "end"),
    [
        pytest.param(PACED, False, GatewayProcess.stop, id="stopped"),
        pytest.param(QUIET, False, GatewayProcess.kill, id="killed-quiet"),
        pytest.param(PACED, True, GatewayProcess.kill, id="killed-fronted"),
    ],
)
async def test_rust_client_goes_on_when_the_gateway_is_back(
    tmp_path: Path, traffic: list[str], fronted: bool, end: Callable[[GatewayProcess], Awaitable[None]], line: str
) -> None:
    async with set_up(line, tmp_path, traffic, fronted=fronted) as setup:
        await converse(setup)
        await setup.gateway.remember()
        await end(setup.gateway)
        await setup.python.send(setup.rust.address, b"sent while the gateway was away")
        await asyncio.sleep(DOWNTIME)
        await setup.gateway.start()
        await setup.rust.send(setup.python.address, b"sent when it was back")
        assert (await heard(setup.python)).data == b"sent when it was back"
        assert await setup.rust.receive() == (b"sent while the gateway was away", None)
        await converse(setup)
