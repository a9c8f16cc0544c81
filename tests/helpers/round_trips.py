"""Round trips of a packet through a network of nodes, as a bare client sees them."""

import asyncio
from collections.abc import Callable

from nymconnect.packet.envelope import Ack, Cover, open_content
from nymconnect.packet.params import PacketSize
from tests.helpers.node_network import PATIENCE, BareClient


async def eventually(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not condition():  # noqa: ASYNC110 - a counter has no event to wait for
            await asyncio.sleep(0.01)


def what_came(client: BareClient) -> list[type]:
    """Kinds of what was pushed, sorted by name: `Ack` and `Cover` for a loop packet that came home with its ack."""
    opened = [open_content(content, client.encryption, lambda _: None, client.ack_key) for content in client.pushed]
    return sorted((type(content) for content in opened), key=lambda kind: kind.__name__)


async def round_trip(client: BareClient, size: PacketSize = PacketSize.REGULAR) -> None:
    client.pushed.clear()
    await client.send(client.cover(size))
    await client.until(lambda: len(client.pushed) == 2)
    assert what_came(client) == [Ack, Cover]
