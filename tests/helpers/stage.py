"""A whole embedded network in the test's own event loop, and a session on it with its SOCKS port."""

import asyncio
import contextlib
import re
import shutil
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace

from python_socks.async_.asyncio import Proxy

from nymconnect.base58 import b58encode
from nymconnect.client.client import MixnetClient
from nymconnect.client.parameters import TrafficParameters
from nymconnect.directory.client import DirectoryClient
from nymconnect.endpoints import Endpoint
from nymconnect.node.gateway.gateway import Gateway
from nymconnect.runtime.http import http_client
from nymconnect_proxy.diagnostics.fetch_through import fetch_through
from nymconnect_proxy.exit.requester import NetworkRequester, embedded_requester
from nymconnect_proxy.practice.embedded import EmbeddedNetwork
from nymconnect_proxy.session.session import Session
from nymconnect_proxy.session.states import State
from nymconnect_proxy.settings.config import Settings
from nymconnect_proxy.settings.networks import OwnNetwork

PATIENCE = 120.0
CURL_PROXY_ERROR = 97
# Everything shares one event loop here, so what is not needed for correctness is left out: long delays, and a main
# stream of cover. The window keeps the queues of a busy machine shorter than the patience for acks, or else everything
# would be sent twice and make the queues longer still.
FAST = TrafficParameters(
    average_packet_delay=0.002, average_ack_delay=0.002, paced=False, loop_cover_average_delay=0.5, window=40
)


@dataclass
class Stage:
    """All parts, for tests that look inside or break something."""

    network: EmbeddedNetwork
    requester: NetworkRequester
    session: Session

    @property
    def socks(self) -> Endpoint:
        return self.session.status.socks

    async def fetch(self, port: int, path: str, host: str = "localhost", patience: float = PATIENCE) -> bytes:
        """A file of a target on this machine, through the mixnet."""
        return (await fetch_through(self.socks, host, port, path, patience)).body

    async def open(
        self, port: int, host: str = "localhost", patience: float = PATIENCE
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """A connection to a target; python_socks.ProxyError if it is refused."""
        sock = await Proxy.from_url(f"socks5://{self.socks}", rdns=True).connect(host, port, timeout=patience)
        return await asyncio.open_connection(sock=sock)

    async def curl(self, *arguments: str) -> tuple[int, bytes, str]:
        """Exit code, output and complaints of curl."""
        return await curl(self.socks, *arguments)

    @property
    def open_streams(self) -> int:
        """At both ends."""
        return self.session.status.counters["streams"] + self.requester.snapshot().active


async def curl(socks: Endpoint, *arguments: str) -> tuple[int, bytes, str]:
    """Run curl through the SOCKS port: exit code, output, complaints."""
    program = shutil.which("curl")
    assert program is not None, "curl is not installed"
    command = [program, "-q", "--silent", "--show-error", "--max-time", str(PATIENCE * 4)]
    process = await asyncio.create_subprocess_exec(
        *command,
        "--socks5-hostname",
        str(socks),
        *arguments,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    output, errors = await process.communicate()
    return process.returncode or 0, output, errors.decode()


def socks_code(errors: str) -> int:
    """The SOCKS reply code in curl's complaint."""
    found = re.search(r"\((\d+)\)\s*$", errors)
    assert found is not None, errors
    return int(found[1])


def settings_for(network: EmbeddedNetwork, gateway: int = 0) -> Settings:
    """For a session on `network` that enters by its gateway with this number."""
    return Settings(
        socks=Endpoint("127.0.0.1", 0),
        network=OwnNetwork(network.api_url),
        requester=str(network.requester_address),
        gateway=b58encode(network.gateways[gateway].description.identity),
    )


@contextlib.asynccontextmanager
async def stage(
    traffic: TrafficParameters = FAST,
    make_requester: Callable[[MixnetClient], NetworkRequester] = embedded_requester,
    mixes_per_layer: int = 2,
) -> AsyncIterator[Stage]:
    """Two gateways: the session enters by the first, the requester sits behind the second."""
    made: list[NetworkRequester] = []

    def make(client: MixnetClient) -> NetworkRequester:
        made.append(make_requester(client))
        return made[-1]

    network = EmbeddedNetwork(make, mixes_per_layer, requester_traffic=traffic)
    await network.start()
    session = Session(settings_for(network), traffic=traffic)
    try:
        await session.connect()
        await reach(session, State.CONNECTED)
        yield Stage(network, made[0], session)
    finally:
        await session.disconnect()
        await network.stop()


async def reach(session: Session, *states: State) -> None:
    """Wait until the session is in one of `states`; fails at once if it fails instead."""
    async with asyncio.timeout(PATIENCE):
        status = await session.wait(*states, State.FAILED)
    assert status.state in states, status.reason


async def eventually(condition: Callable[[], bool], patience: float = PATIENCE) -> None:
    """Wait for something that has no event of its own."""
    async with asyncio.timeout(patience):
        while not condition():  # noqa: ASYNC110 -- counters and process tables do not call back
            await asyncio.sleep(0.01)


def replacement(gateway: Gateway) -> Gateway:
    """A new gateway with the keys and ports of one that runs: what its restart leaves, if it keeps no state."""
    settings = replace(gateway._settings, mix_port=gateway.mix_port, ws_port=gateway.ws_port)
    return Gateway(settings, gateway._keys)


@contextlib.asynccontextmanager
async def started(gateway: Gateway, network: EmbeddedNetwork) -> AsyncIterator[None]:
    """Run a gateway in the place of one that was stopped."""
    async with http_client() as http:
        topology = await DirectoryClient([network.api_url], http).semi_skimmed()
    await gateway.start()
    try:
        gateway.update(topology)
        yield
    finally:
        await gateway.stop()
