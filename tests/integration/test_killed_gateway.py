"""The client's gateway is killed in the middle of a download, and started again: nothing wrong is delivered."""

import asyncio
import hashlib
import random
from dataclasses import replace
from pathlib import Path

import pytest

from nymconnect.base58 import b58encode
from nymconnect.endpoints import Endpoint
from nymconnect.packet.params import PacketSize
from nymconnect_proxy.diagnostics.fetch_through import fetch_through
from nymconnect_proxy.exit.requester import embedded_requester
from nymconnect_proxy.practice.embedded import EmbeddedNetwork
from nymconnect_proxy.session.session import Session
from nymconnect_proxy.session.states import State
from nymconnect_proxy.settings.config import Settings
from nymconnect_proxy.settings.networks import OwnNetwork
from tests.helpers.gateway_process import GatewayProcess
from tests.helpers.stage import FAST, eventually, reach
from tests.helpers.targets import file_server

LENGTH = 10_000_000
PATIENCE = 240.0
AWAY = 1.0  # seconds
TRAFFIC = replace(FAST, packet_size=PacketSize.EXTENDED32, lane_limit=100)


@pytest.mark.timeout(300)
async def test_a_download_of_ten_megabytes_goes_on_after_its_gateway_was_killed(tmp_path: Path) -> None:
    body = random.Random(5).randbytes(LENGTH)
    network = EmbeddedNetwork(embedded_requester, mixes_per_layer=1, gateways=1, requester_traffic=TRAFFIC)
    await network.start()
    gateway = GatewayProcess(network.api_url, tmp_path, network.gateways[0].description.sphinx_keys[0].rotation_id)
    network.state.add(gateway.record)
    session = Session(
        Settings(
            socks=Endpoint("127.0.0.1", 0),
            network=OwnNetwork(network.api_url),
            requester=str(network.requester_address),
            gateway=b58encode(gateway.record.identity),
        ),
        traffic=TRAFFIC,
    )
    try:
        await gateway.start()
        await network._introduce_nodes()
        await session.connect()
        await reach(session, State.CONNECTED)
        await gateway.remember()
        async with file_server({"/file": body}) as port:
            download = asyncio.create_task(fetch_through(session.status.socks, "localhost", port, "/file", PATIENCE))
            await eventually(lambda: session.status.bytes_down > LENGTH // 3, PATIENCE)
            await gateway.kill()
            await reach(session, State.CONNECTING)
            assert not download.done()
            await asyncio.sleep(AWAY)
            await gateway.start()
            fetched = await download
            assert hashlib.sha256(fetched.body).digest() == hashlib.sha256(body).digest()
    finally:
        await session.disconnect()
        await gateway.stop()
        await network.stop()
