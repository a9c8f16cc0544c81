"""An exit that touches no network: its mixnet is in memory, its resolver and its dialler are a test's."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

from nymconnect_proxy.exit.requester import (
    NetworkRequester,
    RequesterOptions,
)
from nymconnect_proxy.protocol.exit_policy import AddressPolicy
from nymconnect_proxy.protocol.requests import Request, encode_request
from nymconnect_proxy.protocol.responses import (
    NetworkData,
    Response,
    decode_response,
)
from nymconnect_proxy.protocol.versions import CURRENT, Versions
from tests.helpers.mixnet_pair import MixnetEnd, mixnet_pair

POLICY = AddressPolicy.parse("ExitPolicy reject *:25\nExitPolicy accept *:*")


Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class ScriptedTarget:
    """Resolver and dialler that touch no network; `error` is what dialling raises."""

    own: tuple[str, ...] = ()

    def __init__(self, addresses: Sequence[str] = ("1.1.1.1",), errors: Sequence[OSError] = ()) -> None:
        self.addresses = addresses
        self.errors = list(errors)
        self.resolved: list[str] = []
        self.dialled: list[tuple[str, int]] = []

    async def resolve(self, host: str) -> Sequence[str]:
        self.resolved.append(host)
        if not self.addresses:
            raise OSError("no such name")
        return self.addresses

    async def dial(self, host: str, port: int, patience: float) -> Streams:
        self.dialled.append((host, port))
        if self.errors:
            raise self.errors.pop(0)
        await asyncio.Event().wait()
        raise AssertionError


class MessageClient:
    """A client that writes single messages."""

    def __init__(self, mixnet: MixnetEnd, requester: NetworkRequester) -> None:
        self.mixnet = mixnet
        self.requester = requester

    async def send(self, request: Request, versions: Versions = CURRENT, surbs: int = 3) -> None:
        await self.mixnet.send(self.requester.address, encode_request(request, versions), surbs=surbs)

    async def answer(self) -> tuple[Versions, Response]:
        return decode_response((await asyncio.wait_for(self.mixnet.receive(), 5)).data)

    async def answers(self, count: int) -> list[Response]:
        """The next `count` answers, sorted as they were sent: the text before the close."""
        return sorted([(await self.answer())[1] for _ in range(count)], key=lambda a: isinstance(a, NetworkData))

    async def settled(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(5):
            while not condition():  # noqa: ASYNC110 -- counters of a service, which have no event to wait for
                await asyncio.sleep(0)


@asynccontextmanager
async def serving(
    target: ScriptedTarget | None = None, options: RequesterOptions | None = None
) -> AsyncIterator[MessageClient]:
    client, exit_ = mixnet_pair(5)
    target = target or ScriptedTarget()
    requester = NetworkRequester(
        exit_, POLICY, options or RequesterOptions(), target.dial, target.resolve, lambda address: address in target.own
    )
    await requester.start()
    try:
        yield MessageClient(client, requester)
    finally:
        await requester.stop()
