"""A session across a change of the nodes' keys."""

import asyncio

import pytest

from nymconnect.client.gateway import topology_refresh
from nymconnect_proxy.diagnostics.fetch_through import fetch_through
from nymconnect_proxy.exit.requester import embedded_requester
from nymconnect_proxy.practice.embedded import EmbeddedNetwork
from nymconnect_proxy.session.session import Session
from nymconnect_proxy.session.states import State
from tests.helpers.stage import FAST, PATIENCE, eventually, reach, settings_for
from tests.helpers.targets import file_server


async def test_streams_go_on_when_the_nodes_change_their_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(topology_refresh, "SETTLE", 0.3)
    network = EmbeddedNetwork(embedded_requester, 1, 2, epoch_duration=3.0, validity_epochs=2, requester_traffic=FAST)
    await network.start()
    made = Session(settings_for(network), traffic=FAST)
    try:
        async with file_server({"/file": bytes(20_000)}) as port, asyncio.timeout(2 * PATIENCE):
            await made.connect()
            await reach(made, State.CONNECTED)
            assert made._client is not None
            packer = made._client._loopix._preparer
            for rotation in (1, 2):
                await eventually(lambda rotation=rotation: packer.topology.rotation_id >= rotation)
                body = (await fetch_through(made.status.socks, "localhost", port, "/file", PATIENCE)).body
                assert body == bytes(20_000)
            assert made.status.state is State.CONNECTED
    finally:
        await made.disconnect()
        await network.stop()
