"""A session on an embedded network and a web server to fetch from: the stage for `selftest` and `bench`."""

import contextlib
import hashlib
import os
from collections.abc import AsyncIterator
from dataclasses import dataclass

from aiohttp import web

from nymconnect.client.parameters import TrafficParameters
from nymconnect.endpoints import Endpoint
from nymconnect.errors import UserError
from nymconnect_proxy.diagnostics.fetch_through import Fetched, fetch_through
from nymconnect_proxy.session.session import Session
from nymconnect_proxy.session.states import State
from nymconnect_proxy.settings.config import Settings

PATH = "/file"


@dataclass(frozen=True, slots=True)
class Trial:
    """A connected session and a target that serves `content`."""

    session: Session
    content: bytes
    target_port: int

    async def fetch(self, patience: float) -> Fetched:
        """Get the content through the mixnet; UserError unless it arrives byte for byte."""
        fetched = await fetch_through(self.session.status.socks, "localhost", self.target_port, PATH, patience)
        if hashlib.sha256(fetched.body).digest() != hashlib.sha256(self.content).digest():
            raise UserError("the file did not arrive as it was sent")
        return fetched


@contextlib.asynccontextmanager
async def trial(settings: Settings, length: int, traffic: TrafficParameters | None = None) -> AsyncIterator[Trial]:
    """Start everything, yield once connected, stop everything. `length` is the length of the content in bytes."""
    content = os.urandom(length)
    session = Session(settings, traffic=traffic)
    async with _target(content) as port:
        await session.connect()
        try:
            status = await session.wait(State.CONNECTED, State.FAILED)
            if status.state is State.FAILED:
                raise UserError(status.reason or "the session has failed")
            yield Trial(session, content, port)
        finally:
            await session.disconnect()


@contextlib.asynccontextmanager
async def _target(content: bytes) -> AsyncIterator[int]:
    async def answer(_: web.Request) -> web.Response:
        return web.Response(body=content)

    application = web.Application()
    application.router.add_get(PATH, answer)
    runner = web.AppRunner(application)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()


def trial_settings() -> Settings:
    """The embedded network on any free port."""
    return Settings(socks=Endpoint("127.0.0.1", 0))
