"""A wallet that can only be given an RPC URL: its calls, made by curl, reach an https server through the mixnet."""

import json
import socket
from pathlib import Path

from aiohttp import web

from tests.apps.certificates import Certificates
from tests.apps.programs import needed, run
from tests.apps.proxy import Proxy
from tests.apps.world import World
from tests.helpers.targets import served

CURL = ("curl", "-q", "--silent", "--show-error", "--fail", "--max-time", "60", "--noproxy", "*")
CALLS = 3


async def test_calls_reach_the_server_that_the_settings_name(
    world: World, proxy: Proxy, certificates: Certificates, rpc_port: int, tmp_path: Path
) -> None:
    needed("curl")
    asked: list[tuple[str, str]] = []

    async def answer(request: web.Request) -> web.Response:
        call = await request.json()
        asked.append((request.path, request.host))
        response = web.json_response({"jsonrpc": "2.0", "id": call["id"], "result": hex(len(call["params"]))})
        if call["id"] == CALLS - 1:  # the connection is kept for the next call
            response.force_close()
        return response

    application = web.Application()
    application.router.add_post("/{path:.*}", answer)
    with world.outside.entered():
        listening = socket.create_server((world.address, rpc_port))
    async with served(application, listening, certificates.server):
        for number in range(CALLS):
            call = {"jsonrpc": "2.0", "id": number, "method": "eth_call", "params": ["x"] * number}
            words = ("--header", "Content-Type: application/json", "--data", json.dumps(call))
            ended = await run(world.inside, tmp_path, *CURL, *words, f"http://{proxy.rpc}/")
            assert json.loads(ended.checked()) == {"jsonrpc": "2.0", "id": number, "result": hex(number)}
    host = world.target if rpc_port == 443 else f"{world.target}:{rpc_port}"
    assert set(asked) == {("/v3/key", host)}
