"""What runs outside: an embedded mixnet at the address that is given, for as long as the tests live.

`nymconnect network` is the same, but its nodes are on loopback, where a client on another machine does not find them.
"""

import asyncio
import functools
import json
import os
import sys

from nymconnect_proxy.exit.requester import embedded_requester
from nymconnect_proxy.practice.embedded import EmbeddedNetwork


async def serve(host: str) -> None:
    """Say in one line of JSON where it is, and serve."""
    # The targets have an address of this machine, which an exit does not connect to.
    network = EmbeddedNetwork(functools.partial(embedded_requester, is_own=lambda _ip: False), host=host)
    await network.start(host)
    try:
        ports = [gateway.ws_port for gateway in network.gateways]
        where = {"api": network.api_url, "requester": str(network.requester_address), "gateway_ports": ports}
        print(json.dumps({"event": "network", **where}), flush=True)
        parent = os.getppid()
        while os.getppid() == parent:  # noqa: ASYNC110 -- that the tests were killed has no event
            await asyncio.sleep(1.0)
    finally:
        await network.stop()


if __name__ == "__main__":
    asyncio.run(serve(sys.argv[1]))
