"""``nymconnect network``: the embedded mixnet alone, until Ctrl-C."""

import argparse
import asyncio
import contextlib
import functools
import sys
import threading
from pathlib import Path

from nymconnect.errors import UserError
from nymconnect_proxy.commands.output import Output
from nymconnect_proxy.exit.requester import embedded_requester
from nymconnect_proxy.practice.embedded import EmbeddedNetwork
from nymconnect_proxy.protocol.exit_policy import AddressPolicy

MAX_POLICY = 1024 * 1024


async def run(flags: argparse.Namespace) -> int:
    """Serve until cancelled, or until stdin closes with ``--follow-stdin``."""
    policy = None if flags.exit_policy is None else read_policy(flags.exit_policy)
    make_requester = functools.partial(embedded_requester, policy=policy)
    network = EmbeddedNetwork(make_requester, mixes_per_layer=flags.mixnodes, gateways=flags.gateways)
    await network.start(flags.api.host, flags.api.port)
    try:
        Output(flags.json, serving=True).event(
            "network",
            {"api": network.api_url, "requester": str(network.requester_address)},
            f"directory: {network.api_url}\nrequester: {network.requester_address}\n"
            "A practice network: the operator of this machine sees everything, so it gives no "
            "anonymity.",
        )
        ends = {asyncio.ensure_future(_until_failed(network))}
        if flags.follow_stdin:
            ends.add(asyncio.ensure_future(_stdin_closed()))
        try:
            done, _ = await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
            done.pop().result()
        finally:
            for end in ends:
                end.cancel()
    finally:
        await network.stop()
    return 0


def read_policy(path: Path) -> AddressPolicy:
    """Read an exit policy from a file; UserError names the file and, if there is one, the line that is wrong."""
    try:
        with path.open("rb") as file:
            data = file.read(MAX_POLICY + 1)
        if len(data) > MAX_POLICY:
            raise UserError(f"an exit policy has at most {MAX_POLICY // 1024} KiB")
        return AddressPolicy.parse(data.decode())
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise UserError(f"{path}: exit policy, line {line}: not UTF-8") from error
    except UserError as error:
        raise UserError(f"{path}: {error}") from error


async def _until_failed(network: EmbeddedNetwork) -> None:
    raise UserError(f"the network has failed: {await network.failed()}")


async def _stdin_closed() -> None:
    """Wait for the end of stdin: our parent has gone. A daemon thread, because a blocked read cannot be cancelled."""
    loop, closed = asyncio.get_running_loop(), asyncio.Event()

    def watch() -> None:
        sys.stdin.buffer.read()
        with contextlib.suppress(RuntimeError):  # the loop has ended before
            loop.call_soon_threadsafe(closed.set)

    threading.Thread(target=watch, name="stdin watch", daemon=True).start()
    await closed.wait()
