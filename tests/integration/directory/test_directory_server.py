"""The directory service over loopback HTTP, asked by `DirectoryClient` and by a plain HTTP client."""

import asyncio
import contextlib
import io
import logging
import random
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from nymconnect.directory import server as server_module
from nymconnect.directory.client import DirectoryClient
from nymconnect.directory.models import AddressQuery, RefreshRequest, encode
from nymconnect.directory.server import DirectoryServer
from nymconnect.directory.topology import RouteError
from nymconnect.errors import UsageError, UserError
from nymconnect.lobby import LobbyLimits
from nymconnect.packet.addressing import NodeAddress
from nymconnect.runtime.http import http_client
from tests.helpers.directories import ROTATION, START, gateway_record, identity_of, noise_of, small_state

SKIMMED = "v2/unstable/nym-nodes/skimmed"
GETS = [
    "v1/epoch/key-rotation-info",
    "v1/epoch/current",
    "v1/nym-nodes/rewarded-set",
    "v1/nym-nodes/described",
    "v1/api-status/health",
    "v1/network/details",
    SKIMMED,
    f"{SKIMMED}/mixnodes/active",
    f"{SKIMMED}/mixnodes/all",
    f"{SKIMMED}/entry-gateways",
    f"{SKIMMED}/exit-gateways",
    "v2/unstable/nym-nodes/semi-skimmed",
]


class Clock:
    """Unix time that moves when told."""

    def __init__(self) -> None:
        self.now = START + 10.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def server(clock: Clock) -> AsyncIterator[DirectoryServer]:
    server = DirectoryServer(small_state(), "local", clock)
    await server.start("127.0.0.1", 0)
    yield server
    await server.stop()


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with http_client() as session:
        yield session


def base(server: DirectoryServer, prefix: str = "/") -> str:
    return f"http://127.0.0.1:{server.port}{prefix}"


async def get(http: aiohttp.ClientSession, url: str, status: int = 200) -> Any:
    async with http.get(url) as response:
        assert response.status == status
        assert response.content_type == "application/json"
        return await response.json()


@pytest.mark.parametrize("prefix", ["/", "/api/"])
@pytest.mark.parametrize("path", GETS)
async def test_route_answers_json_whatever_is_asked(
    server: DirectoryServer, http: aiohttp.ClientSession, prefix: str, path: str
) -> None:
    query = "?page=3&per_page=1&no_legacy=true&output="
    plain = await get(http, base(server, prefix) + path)
    assert await get(http, base(server, prefix) + path + query + "bincode") == plain
    assert await get(http, base(server, prefix) + path + query + "yaml") == plain


async def test_client_reads_key_rotation_info(
    server: DirectoryServer, http: aiohttp.ClientSession, clock: Clock
) -> None:
    client = DirectoryClient([base(server)], http)
    assert (await client.key_rotation_info()).rotation_id == ROTATION
    clock.now += 24 * 3600
    assert (await client.key_rotation_info()).rotation_id == ROTATION + 1


@pytest.mark.parametrize("prefix", ["", "/", "/api", "/api/"])
async def test_client_draws_routes_from_the_topology(
    server: DirectoryServer, http: aiohttp.ClientSession, prefix: str
) -> None:
    topology = await DirectoryClient([base(server, prefix)], http).topology()
    assert topology.is_routable()
    assert (topology.epoch_id, topology.rotation_id) == (120, ROTATION)
    assert set(topology.gateways) == {identity_of(4).public, identity_of(5).public}
    route = topology.route_to(identity_of(4).public, 0.0, random.Random(1))
    assert [hop.address.port for hop in route.hops] == [1801, 1802, 1803, 1804]


async def test_client_leaves_out_nodes_that_are_down(server: DirectoryServer, http: aiohttp.ClientSession) -> None:
    client = DirectoryClient([base(server)], http)
    server.state.set_alive(2, False)
    server.state.set_alive(5, False)
    topology = await client.topology()
    assert topology.layers[1] == ()
    assert set(topology.gateways) == {identity_of(4).public}
    with pytest.raises(RouteError, match="layer 2"):
        topology.route_to(identity_of(4).public, 0.0, random.Random(1))


async def test_node_reads_noise_keys_and_addresses(server: DirectoryServer, http: aiohttp.ClientSession) -> None:
    topology = await DirectoryClient([base(server)], http).semi_skimmed()
    node = topology.node_at(NodeAddress("127.0.0.1", 1803))
    assert node is not None
    assert node.noise_key == noise_of(3).public
    assert topology.known_ip("127.0.0.1")
    assert topology.node_of(identity_of(6).public) is not None
    assert topology.is_routable()


async def post(http: aiohttp.ClientSession, url: str, body: bytes | io.BytesIO) -> tuple[int, Any]:
    async with http.post(url, data=body, headers={"Content-Type": "application/json"}) as response:
        assert response.content_type == "application/json"
        return response.status, await response.json()


async def test_node_asks_which_addresses_are_nodes(server: DirectoryServer, http: aiohttp.ClientSession) -> None:
    body = encode(AddressQuery(["127.0.0.1", "127.0.0.2"]))
    status, answer = await post(http, base(server) + "v1/unstable/nym-nodes/by-addresses", body)
    assert status == 200
    assert answer["existence"]["127.0.0.1"] is not None
    assert answer["existence"]["127.0.0.2"] is None


async def test_node_refreshes_its_description(
    server: DirectoryServer, http: aiohttp.ClientSession, clock: Clock
) -> None:
    server.state.set_alive(3, False)
    body = encode(RefreshRequest.sign(identity_of(3), clock.now))
    status, _ = await post(http, base(server) + "v1/nym-nodes/refresh-described", body)
    assert status == 200
    assert server.state.is_alive(3)


async def test_refresh_is_limited_signed_and_fresh(
    server: DirectoryServer, http: aiohttp.ClientSession, clock: Clock
) -> None:
    url = base(server) + "v1/nym-nodes/refresh-described"
    good = RefreshRequest.sign(identity_of(1), clock.now)
    forged = RefreshRequest(good.node_identity, good.request_timestamp, [0] * 64)
    assert (await post(http, url, encode(forged)))[0] == 400
    assert await post(http, url, encode(good)) == (200, None)
    assert (await post(http, url, encode(good)))[0] == 429
    clock.now += 31
    assert (await post(http, url, encode(RefreshRequest.sign(identity_of(2), clock.now - 31))))[0] == 400
    assert (await post(http, url, encode(RefreshRequest.sign(identity_of(99), clock.now))))[0] == 404


@pytest.mark.parametrize("path", ["v1/nym-nodes/refresh-described", "v1/unstable/nym-nodes/by-addresses"])
@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"addresses": 1}', b"\xff"])
async def test_bad_body_is_the_peers_fault(
    server: DirectoryServer, http: aiohttp.ClientSession, path: str, body: bytes
) -> None:
    status, answer = await post(http, base(server) + path, body)
    assert status == 400
    assert set(answer) == {"message"}


async def test_huge_body_is_refused(server: DirectoryServer, http: aiohttp.ClientSession) -> None:
    body = io.BytesIO(b" " * (server_module.MAX_REQUEST_BODY + 1))
    assert (await post(http, base(server) + "v1/unstable/nym-nodes/by-addresses", body))[0] == 413


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("v1/nothing", 404),
        (f"{SKIMMED}?role=king", 400),
        (f"{SKIMMED}/mixnodes/active?epoch_id=x", 400),
        (f"{SKIMMED}/mixnodes/active?epoch_id=-1", 400),
        ("v1/nym-nodes/refresh-described", 405),
    ],
)
async def test_refusals_are_json(server: DirectoryServer, http: aiohttp.ClientSession, path: str, status: int) -> None:
    assert set(await get(http, base(server) + path, status)) == {"message"}


async def test_nothing_but_the_two_posts_takes_a_body(server: DirectoryServer, http: aiohttp.ClientSession) -> None:
    for path in GETS:
        for method in ("POST", "PUT", "DELETE"):
            async with http.request(method, base(server) + path) as response:
                assert response.status == 405


async def test_skimmed_list_by_role_and_epoch(server: DirectoryServer, http: aiohttp.ClientSession) -> None:
    everything = await get(http, base(server) + SKIMMED)
    exits = await get(http, base(server) + f"{SKIMMED}?role=exit-gateway")
    nothing = await get(http, base(server) + f"{SKIMMED}?epoch_id=120")
    earlier = await get(http, base(server) + f"{SKIMMED}?epoch_id=119")
    assert everything["nodes"]["pagination"]["total"] == 6
    assert [row["node_id"] for row in exits["nodes"]["data"]] == [5]
    assert (nothing["metadata"]["status"], nothing["nodes"]["data"]) == ("no-updates", [])
    assert earlier["nodes"] == everything["nodes"]


async def test_network_details_name_the_asked_base(server: DirectoryServer, http: aiohttp.ClientSession) -> None:
    for prefix in ("/", "/api/"):
        details = await get(http, base(server, prefix) + "v1/network/details")
        assert details["network"]["nym_api_urls"][0]["url"] == base(server, prefix)


async def test_health_tells_the_uptime(server: DirectoryServer, http: aiohttp.ClientSession, clock: Clock) -> None:
    clock.now += 7
    assert (await get(http, base(server) + "v1/api-status/health"))["uptime"] == 7


async def test_fault_of_ours_tells_nothing(
    server: DirectoryServer, http: aiohttp.ClientSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "state", None)
    answer = await get(http, base(server) + "v1/nym-nodes/rewarded-set", 500)
    assert answer == {"message": "internal error"}


async def test_state_can_change_while_it_is_served(server: DirectoryServer, http: aiohttp.ClientSession) -> None:
    client = DirectoryClient([base(server)], http)
    assert len((await client.topology()).gateways) == 2
    server.state.add(gateway_record(8))
    assert len((await client.topology()).gateways) == 3


async def test_port_is_known_while_started() -> None:
    server = DirectoryServer(small_state())
    with pytest.raises(UsageError):
        _ = server.port
    bound = await server.start("127.0.0.1", 0)
    assert server.port == bound > 0
    with pytest.raises(UsageError):
        await server.start("127.0.0.1", 0)
    await server.stop()
    await server.stop()
    with pytest.raises(UsageError):
        _ = server.port


async def test_taken_port_is_one_line_for_people(server: DirectoryServer) -> None:
    second = DirectoryServer(small_state())
    with pytest.raises(UserError, match=f"cannot listen on 127.0.0.1:{server.port}") as caught:
        await second.start("127.0.0.1", server.port)
    assert "\n" not in str(caught.value)
    await second.stop()


# --- strangers --------------------------------------------------------------------------------------------------


async def heads(server: DirectoryServer, count: int) -> list[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """Connections that have begun a request and do not end it."""
    made = [await asyncio.open_connection("127.0.0.1", server.port) for _ in range(count)]
    for _, writer in made:
        writer.write(b"GET /v1/epoch/current HTTP/1.1\r\nHost: x\r\nX-Endless: ")
    return made


async def test_who_leaves_requests_unfinished_keeps_nobody_else_from_the_directory(clock: Clock) -> None:
    server = DirectoryServer(small_state(), "local", clock, places=LobbyLimits(strangers=10, known=0, per_address=10))
    await server.start("127.0.0.1", 0)
    begun = await heads(server, 30)
    async with http_client() as http:
        for _ in range(3):
            await get(http, base(server) + "v1/epoch/current")
    for _, writer in begun:
        writer.close()
    await server.stop()


async def test_a_request_that_does_not_end_is_closed_and_one_after_another_are_served(clock: Clock) -> None:
    server = DirectoryServer(small_state(), "local", clock, patience=1.0)
    await server.start("127.0.0.1", 0)
    ((reader, writer),) = await heads(server, 1)
    connector = aiohttp.TCPConnector(limit=1)
    async with aiohttp.ClientSession(connector=connector) as http:
        until = asyncio.get_running_loop().time() + 3.0
        while asyncio.get_running_loop().time() < until:  # longer than the patience, over one connection
            await get(http, base(server) + "v1/epoch/current")
            await asyncio.sleep(0.2)
    with contextlib.suppress(ConnectionResetError):
        async with asyncio.timeout(5.0):
            assert await reader.read() == b""
    writer.close()
    await server.stop()


async def test_a_body_that_does_not_come_is_given_up(server: DirectoryServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server_module, "BODY_TIMEOUT", 0.2)
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    path = b"/v1/unstable/nym-nodes/by-addresses"
    writer.write(b"POST " + path + b" HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{")
    async with asyncio.timeout(5.0):
        assert (await reader.readline()).startswith(b"HTTP/1.1 408 ")
    writer.close()


async def test_strangers_that_speak_no_http_write_one_line_and_no_address(
    server: DirectoryServer, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(30):
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(b"GET / HTTP/1.1\r\nbad header\xff\r\n\r\n")
        assert b" 400 " in await asyncio.wait_for(reader.read(), 10.0)
        writer.close()
    lines = [record for record in caplog.records if record.levelno >= logging.INFO]
    assert [line.levelno for line in lines] == [logging.WARNING]
    assert "no HTTP" in lines[0].getMessage()
    assert "127.0.0.1" not in caplog.text
