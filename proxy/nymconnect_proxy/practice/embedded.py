"""A whole mixnet on loopback: directory, mix nodes, gateways and a network requester, in one event loop.

For a first run, for tests, and for anyone who wants a network to try things on. The one who runs it sees everything, so
it gives no anonymity; every place that shows it to a person has to say so. Every link speaks what it speaks on the live
network.

The requester is handed in, as a function that makes one from a connected mixnet client.
"""

import asyncio
import time
from collections.abc import Callable, Iterable
from contextlib import AsyncExitStack
from dataclasses import replace
from typing import Protocol

from nymconnect.client.client import MixnetClient
from nymconnect.client.gateway.keys import ClientKeys
from nymconnect.client.parameters import SurbParameters, TrafficParameters
from nymconnect.crypto import Ed25519Secret, X25519Secret
from nymconnect.directory.client import DirectoryClient
from nymconnect.directory.network_state import LAYER_ASSIGNMENTS, Assignment, Calendar, NetworkState
from nymconnect.directory.server import DirectoryServer
from nymconnect.errors import UsageError
from nymconnect.node.gateway.gateway import Gateway
from nymconnect.node.keys import NodeKeys, SphinxKeys
from nymconnect.node.mixnode import MixNode
from nymconnect.node.relay import NodeSettings
from nymconnect.packet.addressing import Recipient
from nymconnect.runtime.clock import SYSTEM_RNG
from nymconnect.runtime.http import http_client
from nymconnect.runtime.tasks import TaskSet

HOST = "127.0.0.1"
NETWORK_NAME = "embedded"
# A node remembers each packet of a key, at four bytes: for all nodes in one process 13 MB an hour and idle client. With
# Nym's 24 epochs that would come to 300 MB before the keys change.
VALIDITY_EPOCHS = 6
# As nym-node runs its requester: answers leave when there are some, beside loop cover. What waits in a lane decides
# how many reply SURBs are asked for: with the client's 30 fragments a paced client would not hear early enough of the
# next ones to fill its slots, and with small requests every tenth SURB would go into asking.
REQUESTER_TRAFFIC = TrafficParameters(paced=False, lane_limit=45, surbs=SurbParameters(minimum_request=30))


class Service(Protocol):
    """Something that runs beside the network."""

    async def start(self) -> None: ...

    async def stop(self) -> None: ...


class EmbeddedNetwork:
    """Three layers of mix nodes, gateways, a directory and one requester behind the last gateway, all at `host`."""

    def __init__(
        self,
        make_requester: Callable[[MixnetClient], Service],
        mixes_per_layer: int = 2,
        gateways: int = 2,
        *,
        host: str = HOST,
        epoch_duration: float = 3600.0,
        validity_epochs: int = VALIDITY_EPOCHS,
        requester_traffic: TrafficParameters = REQUESTER_TRAFFIC,
    ) -> None:
        if mixes_per_layer < 1 or gateways < 1:
            raise UsageError("a network needs a mix node in each layer and a gateway")
        self._host = host
        self._make_requester = make_requester
        self._requester_traffic = requester_traffic
        self.state = NetworkState(Calendar(time.time(), epoch_duration, validity_epochs))
        self._keys: dict[int, SphinxKeys] = {}
        mixes = 3 * mixes_per_layer
        self.mixnodes = tuple(MixNode(*self._settings_and_keys(number)) for number in range(mixes))
        self.gateways = tuple(Gateway(*self._settings_and_keys(mixes + number)) for number in range(gateways))
        self._directory = DirectoryServer(self.state, NETWORK_NAME)
        self._requester_client: MixnetClient | None = None
        self._stack = AsyncExitStack()
        self._tasks = TaskSet("embedded network")
        self._api = ""
        self._failure = ""
        self._has_failed = asyncio.Event()

    @property
    def api_url(self) -> str:
        """Base URL of the directory; UsageError unless started."""
        if not self._api:
            raise UsageError("the network is not started")
        return self._api

    @property
    def requester_address(self) -> Recipient:
        """Nym address of the requester; UsageError unless started."""
        if self._requester_client is None:
            raise UsageError("the network is not started")
        return self._requester_client.address

    async def start(self, api_host: str = HOST, api_port: int = 0) -> None:
        """Bring everything up, and return when the requester answers. UserError if a port cannot be had."""
        try:
            await self._start_nodes()
            port = await self._directory.start(api_host, api_port)
            self._stack.push_async_callback(self._directory.stop)
            self._api = f"http://[{api_host}]:{port}/" if ":" in api_host else f"http://{api_host}:{port}/"
            await self._introduce_nodes()
            await self._start_requester()
        except BaseException:
            await self.stop()
            raise
        self._tasks.keep(self._rotate_keys, "key rotation")

    async def failed(self) -> str:
        """Wait until a part has failed without which the network is of no use; returns the error."""
        await self._has_failed.wait()
        return self._failure

    def _crashed(self, error: BaseException) -> None:
        self._failure = f"{type(error).__name__}: {error}"
        self._has_failed.set()

    async def stop(self) -> None:
        """Take everything down, in the reverse order."""
        await self._tasks.close()
        await self._stack.aclose()
        self._api, self._requester_client = "", None

    # --- parts -------------------------------------------------------------------------------------------------

    def _settings_and_keys(self, number: int) -> tuple[NodeSettings, NodeKeys]:
        node_id = number + 1
        rotation_id = self.state.calendar.rotation_id(time.time())
        sphinx = self._keys[node_id] = SphinxKeys(X25519Secret.generate(SYSTEM_RNG), rotation_id)
        keys = NodeKeys(Ed25519Secret.generate(SYSTEM_RNG), sphinx, X25519Secret.generate(SYSTEM_RNG))
        return NodeSettings(node_id, self._host), keys

    @property
    def _nodes(self) -> Iterable[MixNode | Gateway]:
        return (*self.mixnodes, *self.gateways)

    async def _start_nodes(self) -> None:
        for node in self._nodes:
            await node.start()
            self._stack.push_async_callback(node.stop)
        for number, mixnode in enumerate(self.mixnodes):
            self.state.add(replace(mixnode.description, assignment=LAYER_ASSIGNMENTS[number % 3]))
        for gateway in self.gateways:
            self.state.add(replace(gateway.description, assignment=Assignment.ENTRY))

    async def _introduce_nodes(self) -> None:
        """Let every node learn of the others from the directory, as nodes do."""
        async with http_client() as http:
            topology = await DirectoryClient([self._api], http).semi_skimmed()
        for node in self._nodes:
            node.update(topology)

    async def _start_requester(self) -> None:
        http = await self._stack.enter_async_context(http_client())
        directory = DirectoryClient([self._api], http)
        topology = await directory.topology()
        gateway = topology.gateways[self.gateways[-1].description.identity]
        client = MixnetClient(
            directory, gateway, topology, ClientKeys.generate(), self._requester_traffic, on_crash=self._crashed
        )
        self._stack.push_async_callback(client.stop)
        await client.start()
        requester = self._make_requester(client)
        await requester.start()
        self._stack.push_async_callback(requester.stop)
        self._requester_client = client
        self.state.set_requester(self.gateways[-1].description.node_id, str(client.address))

    # --- key rotation ------------------------------------------------------------------------------------------

    async def _rotate_keys(self) -> None:
        """At each epoch, bring every node's keys up to date and publish them."""
        calendar = self.state.calendar
        while True:
            now = time.time()
            await asyncio.sleep(calendar.epoch_start(calendar.epoch_id(now) + 1) - now)
            epoch_id = calendar.epoch_id(time.time())
            for node in self._nodes:
                node_id = node.description.node_id
                keys = self._keys[node_id] = keys_at(self._keys[node_id], epoch_id, calendar.validity_epochs)
                node.rotate(keys)
                self.state.set_sphinx_keys(node_id, node.description.sphinx_keys)


def keys_at(keys: SphinxKeys, epoch_id: int, validity_epochs: int) -> SphinxKeys:
    """What a node's keys become in an epoch: announced in the last of a rotation, changed with it, retired after one.

    A node that slept through the announcement starts the rotation with a key that nobody could know before.
    """
    rotation_id, epoch_in_rotation = divmod(epoch_id, validity_epochs)
    if keys.rotation_id < rotation_id:
        if keys.rotation_id == rotation_id - 1 and keys.secondary_is_next:
            keys = keys.advance()
        else:
            keys = SphinxKeys(X25519Secret.generate(SYSTEM_RNG), rotation_id)
    if epoch_in_rotation == 1 and not keys.secondary_is_next:
        keys = keys.retire()
    if epoch_in_rotation == validity_epochs - 1 and not keys.secondary_is_next:
        keys = keys.announce(X25519Secret.generate(SYSTEM_RNG))
    return keys
