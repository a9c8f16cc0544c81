"""``nymconnect network``: the embedded mixnet alone, until Ctrl-C."""

import argparse
import asyncio
import contextlib
import sys
import threading

from nymconnect.embedded import EmbeddedNetwork
from nymconnect_proxy.commands.output import Output
from nymconnect_proxy.requester import embedded_requester


async def run(flags: argparse.Namespace) -> int:
    """Serve until cancelled, or until stdin closes with ``--follow-stdin``."""
    network = EmbeddedNetwork(embedded_requester, mixes_per_layer=flags.mixnodes, gateways=flags.gateways)
    await network.start(flags.api.host, flags.api.port)
    try:
        Output(flags.json).event(
            "network",
            {"api": network.api_url, "requester": str(network.requester_address)},
            f"directory: {network.api_url}\nrequester: {network.requester_address}\n"
            "A practice network: whoever runs this machine sees everything, so it gives no anonymity.",
        )
        await (_stdin_closed() if flags.follow_stdin else asyncio.Event().wait())
    finally:
        await network.stop()
    return 0


async def _stdin_closed() -> None:
    """Wait for the end of stdin: our parent has gone. A daemon thread, because a blocked read cannot be cancelled."""
    loop, closed = asyncio.get_running_loop(), asyncio.Event()

    def watch() -> None:
        sys.stdin.buffer.read()
        with contextlib.suppress(RuntimeError):  # the loop has ended before
            loop.call_soon_threadsafe(closed.set)

    threading.Thread(target=watch, name="stdin watch", daemon=True).start()
    await closed.wait()
