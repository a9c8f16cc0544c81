"""The RPC address: what goes on to the server, what comes back, and who is kept out."""

import asyncio
import contextlib
import io
import json
import random
import socket
from base64 import b64encode
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web
from yarl import URL

from nymconnect.endpoints import Endpoint
from nymconnect.errors import UserError
from nymconnect.runtime.http import http_client
from nymconnect.runtime.outbound import dial
from nymconnect_proxy.exit.requester import NetworkRequester, RequesterOptions
from nymconnect_proxy.ingress.listener import ListenerOptions, SocksListener
from nymconnect_proxy.ingress.local_ports import Doors
from nymconnect_proxy.ingress.multiplexer import ExchangeOptions
from nymconnect_proxy.ingress.rpc import MAX_REQUEST, RpcDoor, RpcOptions
from nymconnect_proxy.protocol.exit_policy import AddressPolicy
from nymconnect_proxy.settings.networks import NamedNetwork, Network, OwnNetwork
from nymconnect_proxy.settings.options import Secret, Server
from nymconnect_proxy.settings.settings import Settings
from nymconnect_proxy.streams.exit_stream import ExitOptions
from nymconnect_proxy.streams.pipe import PipeOptions
from nymconnect_proxy.streams.socket_close import reset
from tests.helpers.mixnet_pair import MixnetEnd, mixnet_pair, only
from tests.helpers.tls import certificate

PIPES = PipeOptions(linger=0.1, flush_timeout=1.0)
QUIET = ExchangeOptions(pipes=PIPES, check_timeout=None)
HALF = bytes(range(256)) * 40
# Addresses that lead here, and from which browsers keep back that it is a page that asks.
UNTRUSTED = ["0.0.0.0:8545", "[::ffff:127.0.0.1]:8545", "[::]:8545", "192.168.1.5:8545", "[fe80::1]:8545", "127.0.0.2"]
CALL = {"jsonrpc": "2.0", "id": 1, "method": "eth_blockNumber", "params": []}


@dataclass
class Scene:
    """An address that leads through listener and requester to an https server of the test."""

    url: str
    http: aiohttp.ClientSession
    listener: SocksListener
    mixnet: MixnetEnd
    door: RpcDoor
    seen: list[web.Request] = field(default_factory=list)

    async def call(self, path: str = "/", **more: object) -> tuple[int, str]:
        """A POST of a wallet: status and body."""
        async with self.http.post(self.url + path, json=CALL, **more) as response:  # type: ignore[arg-type]
            return response.status, await response.text()


def basic(name: str, password: str) -> str:
    """A login as a header."""
    return "Basic " + b64encode(f"{name}:{password}".encode()).decode()


async def serve(request: web.Request) -> web.StreamResponse:
    """What the server of the test does, by path."""
    if request.path.endswith("/moved"):
        raise web.HTTPTemporaryRedirect("https://elsewhere.example/")
    if request.path.endswith("/long"):
        return web.Response(body=bytes(300_000))
    if request.path.endswith("/failing"):
        return web.json_response({"error": "no"}, status=500)
    if request.path.endswith(("/breaking", "/endless")):
        answer = web.StreamResponse()
        await answer.prepare(request)
        await answer.write(HALF)
        if request.path.endswith("/endless"):
            await asyncio.sleep(30)
        assert request.transport is not None
        reset(request.transport)
        return answer
    if request.path.endswith("/slow"):
        await asyncio.sleep(30)
    response = web.json_response({"id": 1, "result": request.path_qs, "sent": (await request.read()).decode()})
    response.set_cookie("session", "1")
    return response


@contextlib.asynccontextmanager
async def scene(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    *,
    name: str = "localhost",
    trusted: bool = True,
    path: str = "/v3/key",
    login: str = "",
    options: RpcOptions | None = None,
    raw: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]] | None = None,
) -> AsyncIterator[Scene]:
    made = certificate(tmp_path, name)
    if trusted:
        made.trust(monkeypatch)
    seen: list[web.Request] = []

    async def handle(request: web.Request) -> web.StreamResponse:
        seen.append(request)
        return await serve(request)

    application = web.Application()
    application.router.add_route("*", "/{path:.*}", handle)
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    if raw is None:
        await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=made.server_context()).start()
        port = runner.addresses[0][1]
    else:
        listening = await asyncio.start_server(raw, "127.0.0.1", 0, ssl=made.server_context())
        port = listening.sockets[0].getsockname()[1]

    client, exit_ = mixnet_pair(1)
    requester = NetworkRequester(
        exit_, AddressPolicy.open(), RequesterOptions(streams=ExitOptions(allow_loopback=True), pipes=PIPES)
    )
    listener = SocksListener(ListenerOptions(QUIET, localhost=True), random.Random(1))
    await requester.start()
    socks = Endpoint("127.0.0.1", await listener.start(port=0))
    listener.attach(client, only(exit_.address))
    listener.set_serving(True)
    server = Server("localhost", f"https://{login}localhost:{port}{path}")
    door = RpcDoor(replace(options or RpcOptions(server), server=server), socks)
    address = await door.start("127.0.0.1", 0)
    try:
        async with http_client() as http:
            yield Scene(f"http://127.0.0.1:{address}", http, listener, client, door, seen)
    finally:
        await door.stop()
        await listener.stop()
        await requester.stop()
        await runner.cleanup()
        if raw is not None:
            listening.close()


async def test_a_call_goes_to_the_server_and_comes_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with scene(tmp_path, monkeypatch) as on:
        headers = {"Cookie": "a=b", "X-Secret": "s", "User-Agent": "My Wallet/1.0", "Accept": "application/json"}
        async with on.http.post(on.url + "/", json=CALL, headers=headers) as response:
            answer = await response.json()
            assert "Set-Cookie" not in response.headers
        assert answer["result"] == "/v3/key"
        assert json.loads(answer["sent"]) == CALL
        (request,) = on.seen
        assert request.method == "POST"
        assert request.headers["Content-Type"] == "application/json"
        assert not {"Cookie", "X-Secret"} & set(request.headers)
        assert request.headers["User-Agent"] == "Mozilla/5.0"
        assert request.headers["Host"].startswith("localhost:")


async def test_connections_to_the_server_are_used_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with scene(tmp_path, monkeypatch) as on:
        for _ in range(3):
            assert (await on.call())[0] == 200
        assert on.listener.snapshot().accepted == 1


@pytest.mark.parametrize(
    ("base", "asked", "expected"),
    [
        ("", "/", "/"),
        ("/v3/key", "/get_info", "/v3/key/get_info"),
        ("/v3/key/", "/a%2Fb?x=1&y=%20", "/v3/key/a%2Fb?x=1&y=%20"),
        ("/rpc?token=t", "/", "/rpc?token=t"),
        ("/rpc?token=t", "/?x=1", "/rpc/?x=1"),
    ],
)
async def test_a_path_goes_behind_that_of_the_server(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, base: str, asked: str, expected: str
) -> None:
    async with (
        scene(tmp_path, monkeypatch, path=base) as on,
        on.http.get(URL(on.url + asked, encoded=True)) as response,
    ):
        assert (await response.json())["result"] == expected


async def test_the_servers_own_errors_come_back_as_they_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with scene(tmp_path, monkeypatch) as on:
        assert await on.call("/failing") == (500, '{"error": "no"}')


async def test_a_login_in_the_servers_url_is_given_to_the_server(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with scene(tmp_path, monkeypatch, login="na%20me:pass@") as on:
        assert (await on.call())[0] == 200
        assert on.seen[0].headers["Authorization"] == basic("na me", "pass")


async def test_a_redirect_is_not_followed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with scene(tmp_path, monkeypatch) as on:
        status, text = await on.call("/moved")
        assert status == 502
        assert "rpc_url" in text
        assert "elsewhere" not in text


@pytest.mark.parametrize("name", ["localhost", "other.example"], ids=["unknown issuer", "other name"])
async def test_a_certificate_that_is_not_trusted_is_not_talked_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    async with scene(tmp_path, monkeypatch, name=name, trusted=name != "localhost") as on:
        status, text = await on.call()
        assert status == 502
        assert "certificate" in text
        assert on.seen == []


async def test_while_the_port_refuses_so_does_the_address(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with scene(tmp_path, monkeypatch) as on:
        on.listener.set_serving(False)
        status, text = await on.call()
        assert status == 502
        assert "could not reach" in text
        assert on.mixnet.sent == []


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "http://127.0.0.1:8545"},
        {"Origin": "null"},
        {"Origin": ""},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Host": "evil.example"},
        {"Host": "localhost.evil.example:8545"},
        {"Host": ""},
        *({"Host": host} for host in UNTRUSTED),
    ],
)
@pytest.mark.parametrize("path", ["/", "/" + "a" * 100_000], ids=["short", "long"])
async def test_web_pages_and_names_that_they_own_hear_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, headers: dict[str, str], path: str
) -> None:
    async with scene(tmp_path, monkeypatch) as on:
        with pytest.raises((aiohttp.ServerDisconnectedError, ConnectionResetError)):
            await on.call(path, headers=headers)
        assert on.mixnet.sent == []


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "chrome-extension://abcdefgh", "Sec-Fetch-Site": "cross-site"},
        {"Origin": "moz-extension://abcdefgh"},
        {"Sec-Fetch-Site": "none"},
        {"Host": "localhost:8545"},
        {"Host": "[::1]:8545"},
    ],
)
async def test_wallets_are_let_in_also_as_extensions(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, headers: dict[str, str]
) -> None:
    async with scene(tmp_path, monkeypatch) as on:
        assert (await on.call(headers=headers))[0] == 200


@pytest.mark.parametrize("method", ["OPTIONS", "PUT", "DELETE", "PATCH", "HEAD"])
async def test_other_methods_are_not_passed_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, method: str) -> None:
    async with scene(tmp_path, monkeypatch) as on, on.http.request(method, on.url + "/") as response:
        assert response.status == 405
        assert not any(name.startswith("Access-Control") for name in response.headers)
        assert on.mixnet.sent == []


async def test_bodies_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    options = RpcOptions(Server("", ""), max_response=100_000)
    async with scene(tmp_path, monkeypatch, options=options) as on:
        async with on.http.post(on.url + "/", data=io.BytesIO(bytes(MAX_REQUEST + 1))) as response:
            assert response.status == 413
        assert on.mixnet.sent == []
        with pytest.raises(aiohttp.ClientError):
            await on.call("/long")


async def test_a_server_that_is_slow_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with scene(tmp_path, monkeypatch, options=RpcOptions(Server("", ""), patience=1.0)) as on:
        assert (await on.call("/slow"))[0] == 504


@pytest.mark.parametrize("cut_by", ["server", "port", "us"])
async def test_an_answer_that_breaks_off_does_not_look_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cut_by: str
) -> None:
    """Not even to a wallet for which the end of the connection is the end of the answer."""
    async with scene(tmp_path, monkeypatch) as on, asyncio.timeout(30):
        path = "/breaking" if cut_by == "server" else "/endless"
        reader, writer = await dial("127.0.0.1", URL(on.url).port or 0, 5.0)
        writer.write(f"POST {path} HTTP/1.0\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n{{}}".encode())
        assert b"200" in await reader.readuntil(b"\r\n\r\n")
        assert await reader.readexactly(len(HALF)) == HALF
        if cut_by == "port":
            await on.listener.detach()
        elif cut_by == "us":
            await on.door.stop()
        with pytest.raises(ConnectionResetError):
            await reader.read(1)
        writer.close()


async def test_a_password_is_demanded_where_one_is_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    options = RpcOptions(Server("", ""), password=b"secret")
    async with scene(tmp_path, monkeypatch, options=options) as on:
        for headers in ({}, {"Authorization": basic("user", "wrong")}, {"Authorization": "Basic ?"}):
            async with on.http.get(on.url + "/", headers=headers) as response:
                assert response.status == 401
                assert response.headers["WWW-Authenticate"].startswith("Basic")
        right = {"Authorization": basic("user", "secret")}
        async with on.http.get(on.url + "/", headers=right) as response:
            assert response.status == 200
        assert "Authorization" not in on.seen[0].headers


@pytest.mark.parametrize("host", UNTRUSTED)
async def test_an_address_without_word_of_browsers_takes_the_password_and_asks_nobody_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, host: str
) -> None:
    options = RpcOptions(Server("", ""), password=b"secret", allow_remote=True)
    async with scene(tmp_path, monkeypatch, options=options) as on:
        for headers in ({}, {"Authorization": basic("user", "wrong")}):
            with pytest.raises((aiohttp.ServerDisconnectedError, ConnectionResetError)):
                await on.call(headers={"Host": host, **headers})
        assert on.mixnet.sent == []
        assert (await on.call(headers={"Host": host, "Authorization": basic("user", "secret")}))[0] == 200


async def test_another_address_of_loopback_is_trusted_where_it_was_opened() -> None:
    door = RpcDoor(RpcOptions(SERVER), NOWHERE)
    port = await door.start("127.0.0.2", 0)
    try:
        async with http_client() as http, http.put(f"http://127.0.0.2:{port}/") as response:
            assert response.status == 405
    finally:
        await door.stop()


@pytest.mark.parametrize("head", ["", "Connection: close\r\n"])
@pytest.mark.parametrize("is_whole", [True, False], ids=["with close_notify", "without"])
async def test_an_answer_that_nothing_but_the_end_ends_is_whole_only_if_tls_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, head: str, is_whole: bool
) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(f"HTTP/1.1 200 OK\r\n{head}\r\n".encode() + HALF)
        await writer.drain()
        if not is_whole:
            writer.get_extra_info("socket").shutdown(socket.SHUT_WR)
            await reader.read()
        writer.close()

    async with scene(tmp_path, monkeypatch, raw=answer) as on, asyncio.timeout(30):
        if is_whole:
            async with on.http.post(on.url + "/", json=CALL) as response:
                assert await response.read() == HALF
        else:
            with pytest.raises((aiohttp.ClientError, ConnectionResetError)):
                async with on.http.post(on.url + "/", json=CALL) as response:
                    await response.read()


# --- the doors of a session --------------------------------------------------------------------------------------

NOWHERE = Endpoint("127.0.0.1", 0)
SERVER = Server("rpc.example", "https://rpc.example/")
HERE = Server("localhost", "https://localhost/")


async def test_doors_open_and_close_together() -> None:
    doors = await Doors.open(Settings(socks=NOWHERE, rpc_listen=NOWHERE, rpc_url=SERVER), None)
    assert doors.rpc is not None
    assert 0 < doors.rpc.port != doors.socks.port
    await doors.close()
    again = await Doors.open(Settings(socks=doors.socks, rpc_listen=doors.rpc, rpc_url=SERVER), None)
    assert (again.socks, again.rpc) == (doors.socks, doors.rpc)
    await again.close()


@pytest.mark.parametrize(
    "network",
    [
        NamedNetwork.PRACTICE,
        *map(
            OwnNetwork,
            ["http://127.0.0.1:8080/api", "http://localhost/", "http://[::1]/", "http://[::ffff:127.0.0.1]/"],
        ),
    ],
)
async def test_a_network_on_this_computer_leads_to_this_computer(network: Network) -> None:
    doors = await Doors.open(Settings(network=network, socks=NOWHERE, rpc_listen=NOWHERE, rpc_url=HERE), None)
    assert doors.rpc is not None
    await doors.close()


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        (Settings(rpc_listen=NOWHERE), "set rpc_url"),
        (Settings(rpc_listen=Endpoint("0.0.0.0", 0), rpc_url=SERVER), "takes the switch allow_remote and a password"),
        (Settings(rpc_listen=Endpoint("0.0.0.0", 0), rpc_url=SERVER, allow_remote=True), "and a password"),
        (Settings(rpc_listen=Endpoint("0.0.0.0", 0), rpc_url=SERVER, password=Secret("p")), "the switch allow_remote"),
        (Settings(rpc_listen=Endpoint("localhost", 0), rpc_url=SERVER), "literal IP address"),
        (Settings(rpc_listen=NOWHERE, rpc_url=Server("a.onion", "https://a.onion/")), "can look up the name a.onion"),
        (Settings(network=NamedNetwork.MAINNET, rpc_listen=NOWHERE, rpc_url=HERE), "can look up the name localhost"),
        (
            Settings(network=OwnNetwork("https://192.0.2.1/"), rpc_listen=NOWHERE, rpc_url=HERE),
            "can look up the name localhost",
        ),
    ],
)
async def test_an_address_that_cannot_be_is_a_clear_error_and_leaves_nothing_open(
    settings: Settings, complaint: str
) -> None:
    doors = await Doors.open(Settings(socks=NOWHERE), None)
    await doors.close()
    with pytest.raises(UserError, match=complaint):
        await Doors.open(replace(settings, socks=doors.socks), None)
    again = await Doors.open(Settings(socks=doors.socks), None)
    await again.close()
