"""A client as a service, over a real websocket; the rest of the network is one function call."""

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field, replace

from nymconnect.client.client import MixnetClient
from nymconnect.client.gateway.keys import ClientKeys
from nymconnect.client.parameters import TrafficParameters
from nymconnect.directory.client import DirectoryClient
from nymconnect.reasons import Reason
from nymconnect.runtime.http import http_client
from tests.helpers.loopback_gateway import LoopbackGateway
from tests.helpers.networks import known_network

PATIENCE = 20.0
NO_DIRECTORY = "http://127.0.0.1:1/"
QUICK = TrafficParameters(average_packet_delay=0.0, average_ack_delay=0.0, paced=False, loop_cover=False)


@dataclass
class ClientStage:
    """A client and what it has told of its link."""

    client: MixnetClient
    links: list[tuple[bool, str]] = field(default_factory=list)
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    def on_link(self, up: bool, reason: Reason | None) -> None:
        self.links.append((up, "" if reason is None else str(reason)))
        self.changed.set()

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(PATIENCE):
            while not condition():
                self.changed.clear()
                await self.changed.wait()

    async def until_ready(self, fragments: int) -> None:
        """Wait until `fragments` of them have been packed and wait for their slots."""
        async with asyncio.timeout(PATIENCE):
            while True:
                if self.client._loopix.transmission.prepared.data_count == fragments:
                    return
                await asyncio.sleep(0)


@contextlib.asynccontextmanager
async def staged_client(gateway: LoopbackGateway, parameters: TrafficParameters = QUICK) -> AsyncIterator[ClientStage]:
    """A client of `gateway` that is not started; it is stopped in the end."""
    network = known_network()
    async with http_client() as http:
        directory = DirectoryClient([NO_DIRECTORY], http)
        node = replace(gateway.node, identity=gateway.identity.public)
        keys = ClientKeys.generate(random.Random(9))
        stage = ClientStage(None)  # type: ignore[arg-type]  # each needs the other
        stage.client = MixnetClient(directory, node, network.topology, keys, parameters, stage.on_link)
        try:
            yield stage
        finally:
            await stage.client.stop()


@contextlib.asynccontextmanager
async def running_client(parameters: TrafficParameters = QUICK) -> AsyncIterator[tuple[ClientStage, LoopbackGateway]]:
    """One that is connected, and its gateway."""
    async with LoopbackGateway(network=known_network()) as gateway, staged_client(gateway, parameters) as stage:
        await stage.client.start(PATIENCE)
        yield stage, gateway
