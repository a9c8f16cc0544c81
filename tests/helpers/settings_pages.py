"""What tests of the settings pages do with a page and read of the file."""

import asyncio
from collections.abc import Callable

from nymconnect_gui.app import Program
from nymconnect_proxy.settings.config import Settings, read_settings


def saved(program: Program) -> Settings:
    assert program.keeper.path is not None
    return read_settings(program.keeper.path)


async def wait_for(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110 -- the bridge's tasks do not call back
            await asyncio.sleep(0)
