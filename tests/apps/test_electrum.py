"""Electrum's way to its server. Debian has no server of its protocol, so this ends with what the wallet says first."""

import asyncio
import json
from pathlib import Path

import pytest

from tests.apps.certificates import self_signed
from tests.apps.programs import PATIENCE, Running, needed
from tests.apps.proxy import Proxy
from tests.apps.recipe_values import recipe_value
from tests.apps.world import World


@pytest.mark.parametrize(("kind", "usual"), [("t", 8332), ("s", 50002)], ids=["plain", "tls"])
async def test_electrum_reaches_the_server_that_it_was_told(
    world: World, proxy: Proxy, tmp_path: Path, kind: str, usual: int
) -> None:
    needed("electrum")
    if not world.apart:
        pytest.skip("a server on loopback may be reached without the proxy")
    said: list[bytes] = []

    async def read_one_line(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if line := await reader.readline():  # a connection that only looks at the certificate says nothing
            said.append(line)
        writer.close()

    listening = world.listen(usual)
    server = f"{world.target}:{listening.getsockname()[1]}:{kind}"
    words = recipe_value(proxy, "electrum", 0, **{"electrum.example.org:50002:s": server}).split()
    command = (words[0], "daemon", *words[1:], "--dir", str(tmp_path / "electrum"), "-v=*")
    tls = self_signed(tmp_path, world.target) if kind == "s" else None
    async with await asyncio.start_server(read_one_line, sock=listening, ssl=tls):
        with Running(world.inside, tmp_path, *command) as running:
            await running.wait_for(lambda: bool(said), PATIENCE, "first request")
            await asyncio.sleep(5.0)  # for what else it may ask for
    request = json.loads(said[0])
    assert request["method"] == "server.version"
    assert "electrum" in request["params"][0]
