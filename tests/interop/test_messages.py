"""Our client and the published Rust client exchange messages over our directory, gateways and mix nodes.

All tests of one line share one network and one pair of clients, so that the clients are as old and as full of state as
clients are.
"""

import asyncio
import random
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
import pytest_asyncio

from nymconnect.client.client import MixnetClient
from nymconnect_proxy.practice.network_process import NetworkProcess
from tests.helpers.live_client import live_client
from tests.helpers.rust_peer import PATIENCE, RustPeer
from tests.helpers.rust_vectors import LINES

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(300)]

SIZES = [10, 1_000, 10_000, 100_000]
FEW_SURBS = 10  # far fewer than the larger answers need, so more must be asked for


@dataclass(frozen=True)
class Pair:
    python: MixnetClient
    rust: RustPeer


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=LINES)
async def pair(request: pytest.FixtureRequest) -> AsyncIterator[Pair]:
    network = NetworkProcess()
    try:
        api = (await network.start()).api
        async with live_client(api) as python, RustPeer(request.param, "mixnet", "--api", api) as rust:
            yield Pair(python, rust)
    finally:
        await network.stop()


def message(size: int) -> bytes:
    return random.randbytes(size)


async def heard(client: MixnetClient) -> tuple[bytes, bytes | None]:
    async with asyncio.timeout(PATIENCE):
        received = await client.receive()
    return received.data, received.sender_tag


@pytest.mark.parametrize("size", SIZES)
async def test_plain_message_from_python_reaches_rust(pair: Pair, size: int) -> None:
    data = message(size)
    await pair.python.send(pair.rust.address, data)
    assert await pair.rust.receive() == (data, None)


@pytest.mark.parametrize("size", SIZES)
async def test_plain_message_from_rust_reaches_python(pair: Pair, size: int) -> None:
    data = message(size)
    await pair.rust.send(pair.python.address, data)
    assert await heard(pair.python) == (data, None)


@pytest.mark.parametrize("size", SIZES)
async def test_python_answers_an_anonymous_rust_client(pair: Pair, size: int) -> None:
    question, answer = message(size), message(size)
    await pair.rust.send(pair.python.address, question, surbs=FEW_SURBS)
    data, tag = await heard(pair.python)
    assert data == question
    assert tag is not None
    await pair.python.reply(tag, answer)
    assert await pair.rust.receive() == (answer, None)


@pytest.mark.parametrize("size", SIZES)
async def test_rust_answers_an_anonymous_python_client(pair: Pair, size: int) -> None:
    question, answer = message(size), message(size)
    await pair.python.send(pair.rust.address, question, surbs=FEW_SURBS)
    data, tag = await pair.rust.receive()
    assert data == question
    assert tag is not None
    await pair.rust.reply(tag, answer)
    assert await heard(pair.python) == (answer, None)
