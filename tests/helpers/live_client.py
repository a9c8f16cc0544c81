"""Our own client attached to the network of a directory, as a session attaches it."""

import contextlib
from collections.abc import AsyncIterator

from nymconnect.client.client import MixnetClient
from nymconnect.client.gateway.keys import ClientKeys, choose_gateway
from nymconnect.client.parameters import TrafficParameters
from nymconnect.directory.client import DirectoryClient
from nymconnect.runtime.clock import SYSTEM_RNG
from nymconnect.runtime.http import http_client


@contextlib.asynccontextmanager
async def live_client(
    api: str, gateway: bytes | None = None, traffic: TrafficParameters | None = None
) -> AsyncIterator[MixnetClient]:
    """A started client, behind the gateway of this identity or behind any."""
    async with http_client() as http:
        directory = DirectoryClient([api], http)
        topology = await directory.topology()
        entry = choose_gateway(topology, SYSTEM_RNG, gateway)
        client = MixnetClient(directory, entry, topology, ClientKeys.generate(), traffic or TrafficParameters())
        await client.start()
        try:
            yield client
        finally:
            await client.stop()
