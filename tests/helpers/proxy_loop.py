"""The listener and the requester, joined by a mixnet in memory that shuffles messages."""

import asyncio
import contextlib
import random
import shutil
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field, replace

from python_socks.async_.asyncio import Proxy

from nymconnect.runtime.outbound import dial as dial_directly
from nymconnect_proxy.exit.requester import NetworkRequester, RequesterOptions
from nymconnect_proxy.ingress.listener import ListenerOptions, SocksListener
from nymconnect_proxy.ingress.multiplexer import ExchangeOptions
from nymconnect_proxy.protocol.exit_policy import AddressPolicy
from nymconnect_proxy.streams.client_stream import ClientOptions
from nymconnect_proxy.streams.exit_stream import ExitOptions
from nymconnect_proxy.streams.pipe import PipeOptions
from tests.helpers.mixnet_pair import MixnetEnd, mixnet_pair, only

CURL = shutil.which("curl")
CURL_PROXY_ERROR = 97
PIPES = PipeOptions(linger=0.2, flush_timeout=2.0)
QUIET = ExchangeOptions(pipes=PIPES, check_timeout=None)  # no questions between what a test sends


@dataclass
class Loop:
    """A listener that serves, and the requester it leads to."""

    port: int
    listener: SocksListener
    requester: NetworkRequester
    client_mixnet: MixnetEnd
    exit_mixnet: MixnetEnd
    dialled: list[str] = field(default_factory=list)

    async def open(
        self, target_port: int, host: str = "127.0.0.1"
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """A stream to ``host:target_port`` through the proxy."""
        return await asyncio.open_connection(sock=await self.connect(target_port, host))

    async def connect(self, target_port: int, host: str = "127.0.0.1", language: str = "socks5") -> socket.socket:
        """The same as a socket."""
        proxy = Proxy.from_url(f"{language}://127.0.0.1:{self.port}", rdns=True)
        return await proxy.connect(host, target_port, timeout=20)

    async def curl(self, *arguments: str) -> tuple[int, bytes, str]:
        """Exit code, output and error text of curl through the proxy."""
        assert CURL is not None
        proxy = f"socks5h://127.0.0.1:{self.port}"
        command = [CURL, "-q", "--silent", "--show-error", "--max-time", "30", "--proxy", proxy, *arguments]
        process = await asyncio.create_subprocess_exec(
            *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
        )
        output, errors = await process.communicate()
        return process.returncode or 0, output, errors.decode()


@contextlib.asynccontextmanager
async def proxy_loop(
    policy: AddressPolicy | None = None,
    streams: ClientOptions | None = None,
    *,
    allow_loopback: bool = True,
    anonymous: bool = True,
    dial: Callable[[str, int, float], Awaitable[tuple[asyncio.StreamReader, asyncio.StreamWriter]]] | None = None,
    pipes: PipeOptions = PIPES,
    seed: int = 1,
) -> AsyncIterator[Loop]:
    client_mixnet, exit_mixnet = mixnet_pair(seed)
    dialled: list[str] = []

    async def dial_here(host: str, port: int, patience: float) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        dialled.append(host)
        if dial is not None:
            return await dial(host, port, patience)
        return await dial_directly(host, port, patience)

    options = RequesterOptions(streams=ExitOptions(allow_loopback=allow_loopback), pipes=pipes)
    requester = NetworkRequester(exit_mixnet, policy or AddressPolicy.open(), options, dial_here)
    exchange = replace(QUIET, streams=streams or ClientOptions(), pipes=pipes, anonymous=anonymous)
    listener = SocksListener(ListenerOptions(exchange, localhost=True), random.Random(seed))
    await requester.start()
    port = await listener.start(port=0)
    listener.attach(client_mixnet, only(requester.address))
    listener.set_serving(True)
    try:
        yield Loop(port, listener, requester, client_mixnet, exit_mixnet, dialled)
    finally:
        await listener.stop()
        await requester.stop()
