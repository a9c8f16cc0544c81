"""``nymconnect selftest``: one file through an embedded mixnet, and what that took."""

import argparse

from nymconnect.client.counters import ClientCount
from nymconnect.runtime.clock import clock
from nymconnect_proxy.commands.output import Output
from nymconnect_proxy.diagnostics.selftest_network import trial, trial_settings

LENGTH = 256 * 1024
PATIENCE = 25.0


async def run(flags: argparse.Namespace) -> int:
    """Exit 0 and print the measurements, or UserError with what failed."""
    start = clock()
    async with trial(trial_settings(), LENGTH) as stage:
        ready = clock() - start
        fetched = await stage.fetch(PATIENCE)
        counters = stage.session.status.counters
    seconds = fetched.complete - fetched.first_byte
    values: dict[str, object] = {
        "ready_s": round(ready, 3),
        "connected_s": round(fetched.connected, 3),
        "first_byte_s": round(fetched.first_byte, 3),
        "complete_s": round(fetched.complete, 3),
        "bytes": LENGTH,
        "kilobytes_per_s": round(LENGTH / 1000 / seconds, 1),
        **counters,
    }
    Output(flags.json).event(
        "selftest",
        values,
        f"network and client ready after {ready:.2f} s\n"
        f"target connected after {fetched.connected:.2f} s, first byte after {fetched.first_byte:.2f} s\n"
        f"{LENGTH // 1024} KiB arrived byte for byte after {fetched.complete:.2f} s "
        f"({LENGTH / 1000 / seconds:.0f} kB/s)\n"
        f"packets: {counters.get(ClientCount.DATA_SENT, 0)} data, {counters.get(ClientCount.COVER_SENT, 0)} cover, "
        f"{counters.get(ClientCount.RETRANSMITTED, 0)} sent again\n"
        "selftest passed",
    )
    return 0
