"""An embedded network in the test's own event loop, and settings that leave the choice of a gateway to the session."""

import contextlib
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

from nymconnect_proxy.exit.requester import embedded_requester
from nymconnect_proxy.practice.embedded import EmbeddedNetwork
from nymconnect_proxy.settings.config import Settings
from tests.helpers.stage import FAST, settings_for


@contextlib.asynccontextmanager
async def network(gateways: int = 2) -> AsyncIterator[EmbeddedNetwork]:
    """Its requester sits behind the last gateway."""
    running = EmbeddedNetwork(embedded_requester, 1, gateways, requester_traffic=FAST)
    await running.start()
    try:
        yield running
    finally:
        await running.stop()


def free_choice(running: EmbeddedNetwork, **changes: Any) -> Settings:
    """Settings that name no gateway."""
    return replace(settings_for(running), gateway=None, **changes)


def place(running: EmbeddedNetwork, countries: dict[int, str]) -> None:
    """Let gateways say where they stand."""
    for number, country in countries.items():
        node_id = running.gateways[number].description.node_id
        record = next(one for one in running.state if one.node_id == node_id)
        running.state.add(replace(record, country=country))
