"""`DirectoryClient` against directories that are gone, slow, wrong or in parts."""

import asyncio
import contextlib
import hashlib
import random
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from nymconnect.directory import client, documents
from nymconnect.directory.client import DirectoryClient
from nymconnect.directory.models import MAX_DOCUMENT_LENGTH, Metadata, NodeList, NodePage, Pagination, encode
from nymconnect.errors import UserError
from nymconnect.runtime.http import http_client
from tests.helpers.directories import START, small_state
from tests.helpers.mixnet_pair import make_recipient
from tests.helpers.tls import Certificate, certificate
from tests.helpers.upstream_proxy import upstream_proxy

Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]

INFO = encode(small_state().calendar.info(START))


class FakeDirectory:
    """Answers every request by a function, and remembers what was asked."""

    def __init__(self, answer: Answer) -> None:
        self.asked: list[str] = []
        self._answer = answer

    async def start(self) -> str:
        application = web.Application()
        application.router.add_route("*", "/{path:.*}", self._handle)
        self._runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        return f"http://127.0.0.1:{self._runner.addresses[0][1]}/"

    async def stop(self) -> None:
        await self._runner.cleanup()

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(request.path_qs)
        return await self._answer(request)


def json_answer(body: bytes, **more: Any) -> Answer:
    async def answer(_: web.Request) -> web.StreamResponse:
        return web.Response(body=body, **({"content_type": "application/json"} | more))

    return answer


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with http_client() as session:
        yield session


Start = Callable[[Answer], Awaitable[tuple[FakeDirectory, str]]]


@pytest.fixture
async def start() -> AsyncIterator[Start]:
    started: list[FakeDirectory] = []

    async def start_one(
        answer: Answer,
    ) -> tuple[FakeDirectory, str]:
        directory = FakeDirectory(answer)
        url = await directory.start()
        started.append(directory)
        return directory, url

    yield start_one
    for directory in started:
        await directory.stop()


async def closed_url(start: Start) -> str:
    """Base URL of a port where nobody listens any more."""
    directory, url = await start(json_answer(b"{}"))
    await directory.stop()
    return url


async def test_unreachable_directory_is_one_line_for_people(http: aiohttp.ClientSession, start: Start) -> None:
    url = await closed_url(start)
    with pytest.raises(UserError) as caught:
        await DirectoryClient([url], http).key_rotation_info()
    assert str(caught.value) == f"directory {url} cannot be reached: connection refused"


async def test_next_base_stands_in_and_stays(http: aiohttp.ClientSession, start: Start) -> None:
    broken, broken_url = await start(json_answer(INFO, status=503))
    directory, url = await start(json_answer(INFO))
    client = DirectoryClient([broken_url, url], http)
    for _ in range(3):
        assert (await client.key_rotation_info()).rotation_id == 5
    assert (len(broken.asked), len(directory.asked)) == (1, 3)


async def test_every_base_is_named_once_if_all_fail(http: aiohttp.ClientSession, start: Start) -> None:
    gone = await closed_url(start)
    _, broken = await start(json_answer(b"[]"))
    with pytest.raises(UserError) as caught:
        await DirectoryClient([gone, broken], http).key_rotation_info()
    assert str(caught.value).count(gone) == str(caught.value).count(broken) == 1
    assert "\n" not in str(caught.value)


async def test_directory_is_tried_three_times(http: aiohttp.ClientSession, start: Start) -> None:
    tries = 0

    async def third_time(_: web.Request) -> web.StreamResponse:
        nonlocal tries
        tries += 1
        if tries < 3:
            raise web.HTTPServiceUnavailable
        return web.Response(body=INFO, content_type="application/json")

    _, url = await start(third_time)
    assert (await DirectoryClient([url], http).key_rotation_info()).rotation_id == 5


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (json_answer(b""), "empty"),
        (json_answer(b"{}"), "does not decode"),
        (json_answer(INFO[:-1]), "does not decode"),
        (json_answer(INFO, content_type="text/html"), "not JSON but 'text/html'"),
        (json_answer(INFO, status=500), "HTTP status 500"),
        (json_answer(INFO, status=302, headers={"Location": "/elsewhere"}), "HTTP status 302"),
    ],
)
async def test_unusable_answer_is_named(
    http: aiohttp.ClientSession,
    start: Start,
    answer: Answer,
    reason: str,
) -> None:
    directory, url = await start(answer)
    with pytest.raises(UserError, match=reason):
        await DirectoryClient([url], http).key_rotation_info()
    assert len(directory.asked) == client.TRIES


async def test_answer_is_read_no_further_than_the_cap(
    http: aiohttp.ClientSession, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "MAX_DOCUMENT_LENGTH", 200_000)
    written_whole = 0

    async def endless(request: web.Request) -> web.StreamResponse:
        nonlocal written_whole
        response = web.StreamResponse(headers={"Content-Type": "application/json"})
        await response.prepare(request)
        for _ in range(MAX_DOCUMENT_LENGTH // 65536):
            await response.write(b" " * 65536)
        written_whole += 1
        return response

    _, url = await start(endless)
    with pytest.raises(UserError, match="too long"):
        await DirectoryClient([url], http).key_rotation_info()
    assert written_whole == 0


async def test_silent_directory_times_out(http: aiohttp.ClientSession, start: Start) -> None:
    released = asyncio.Event()

    async def silent(_: web.Request) -> web.StreamResponse:
        await released.wait()
        return web.Response()

    _, url = await start(silent)
    with pytest.raises(UserError, match=r"no answer within 0\.05 s"):
        await DirectoryClient([url], http, timeout=0.05).key_rotation_info()
    released.set()


class PagedLists:
    """A directory that serves its lists one row a page, changed by a function."""

    def __init__(self, change: Callable[[str, int, NodeList], NodeList] | None = None) -> None:
        self.state = small_state()
        self._change = change

    async def __call__(self, request: web.Request) -> web.StreamResponse:
        if request.path.endswith("rewarded-set"):
            return self._json(self.state.rewarded_set(START))
        wanted = documents.is_active_mixnode if "mixnodes" in request.path else documents.can_enter
        page = int(request.query["page"])
        whole = documents.node_list(self.state, START, wanted)
        rows = whole.nodes.data[page : page + 1]
        pagination = Pagination(len(whole.nodes.data), page, 1)
        answer = NodeList(whole.metadata, NodePage(pagination, rows))
        return self._json(self._change(request.path, page, answer) if self._change else answer)

    @staticmethod
    def _json(document: object) -> web.Response:
        return web.Response(body=encode(document), content_type="application/json")


def with_metadata(answer: NodeList, **changes: Any) -> NodeList:
    old = answer.metadata
    members = {name: getattr(old, name) for name in old.__struct_fields__} | changes
    return NodeList(Metadata(**members), answer.nodes)


async def test_lists_are_read_page_by_page(http: aiohttp.ClientSession, start: Start) -> None:
    directory, url = await start(PagedLists())
    topology = await DirectoryClient([url], http).topology()
    assert topology.is_routable()
    assert len(topology.gateways) == 2
    # The rewarded set, three pages of mix nodes, two of gateways.
    assert len(directory.asked) == 6


@pytest.mark.parametrize("member", ["rotation_id", "absolute_epoch_id"])
async def test_refresh_whose_pages_disagree_is_dropped(http: aiohttp.ClientSession, start: Start, member: str) -> None:
    def change(path: str, page: int, answer: NodeList) -> NodeList:
        return with_metadata(answer, **{member: 999}) if page == 1 else answer

    _, url = await start(PagedLists(change))
    with pytest.raises(UserError, match="pages belong to different epochs"):
        await DirectoryClient([url], http).topology()


@pytest.mark.parametrize(("member", "value"), [("rotation_id", 6), ("absolute_epoch_id", 121), ("status", "fresh")])
async def test_refresh_whose_lists_disagree_is_dropped(
    http: aiohttp.ClientSession, start: Start, member: str, value: object
) -> None:
    def change(path: str, page: int, answer: NodeList) -> NodeList:
        return with_metadata(answer, **{member: value}) if "gateways" in path else answer

    _, url = await start(PagedLists(change))
    with pytest.raises(UserError, match="node lists belong to different epochs"):
        await DirectoryClient([url], http).topology()


async def test_lists_that_differ_in_refresh_time_only_agree(http: aiohttp.ClientSession, start: Start) -> None:
    def change(path: str, page: int, answer: NodeList) -> NodeList:
        return with_metadata(answer, refreshed_at=f"{path} {page}")

    _, url = await start(PagedLists(change))
    assert (await DirectoryClient([url], http).topology()).is_routable()


@pytest.mark.parametrize("repeat", [False, True], ids=["empty pages", "the same page"])
async def test_list_that_does_not_end_is_dropped(http: aiohttp.ClientSession, start: Start, repeat: bool) -> None:
    def change(path: str, page: int, answer: NodeList) -> NodeList:
        rows = small_state().rows(START)[:1] if repeat else []
        return NodeList(answer.metadata, NodePage(Pagination(10**9, page, 1), rows))

    directory, url = await start(PagedLists(change))
    with pytest.raises(UserError, match="does not end"):
        await DirectoryClient([url], http).topology()
    assert len(directory.asked) == client.TRIES * (1 + (client.MAX_PAGES if repeat else 1))


class Described:
    """Serves self-descriptions, two nodes on a page; `addresses` are those of their requesters."""

    def __init__(self, addresses: list[str | None], total: int | None = None) -> None:
        self._addresses = addresses
        self._total = len(addresses) if total is None else total

    async def __call__(self, request: web.Request) -> web.StreamResponse:
        page = int(request.query["page"])
        rows = [
            {"node_id": 1, "description": {"network_requester": address and {"address": address}, "declared_role": {}}}
            for address in self._addresses[2 * page : 2 * page + 2]
        ]
        pagination = {"total": self._total, "page": page, "size": 2}
        return web.Response(body=encode({"pagination": pagination, "data": rows}), content_type="application/json")


async def test_requesters_are_read_page_by_page_and_what_is_no_address_is_left_out(
    http: aiohttp.ClientSession, start: Start
) -> None:
    known = [make_recipient(random.Random(seed)) for seed in range(2)]
    listed = [str(known[0]), None, "nonsense", str(known[1]), str(known[0])]
    directory, url = await start(Described(listed))
    assert await DirectoryClient([url], http).requesters() == known
    assert len(directory.asked) == 3


async def test_a_list_of_descriptions_that_does_not_end_is_dropped(http: aiohttp.ClientSession, start: Start) -> None:
    _, url = await start(Described([None], total=10**9))
    with pytest.raises(UserError, match="does not end"):
        await DirectoryClient([url], http).requesters()


@pytest.mark.parametrize(
    "url",
    [
        "",
        "validator.example/api/",
        "ftp://validator.example/",
        "http://",
        "http://host:99999/",
        "http://[::1",
        "http://host/?a=1",
        "http://host/#a",
        "http://user:password@host/",
    ],
)
async def test_what_is_no_directory_url_is_refused(http: aiohttp.ClientSession, url: str) -> None:
    with pytest.raises(UserError, match="not the URL of a directory"):
        DirectoryClient([url], http)


@pytest.mark.parametrize("count", [0, client.MAX_URLS + 1])
async def test_number_of_urls_is_bounded(http: aiohttp.ClientSession, count: int) -> None:
    with pytest.raises(UserError):
        DirectoryClient(["http://127.0.0.1:1/"] * count, http)


# --- a certificate that is named --------------------------------------------------------------------------------------


@contextlib.asynccontextmanager
async def secure_directory(files: Certificate) -> AsyncIterator[str]:
    """An https directory with that certificate, which no authority has signed."""
    application = web.Application()
    application.router.add_route("*", "/{path:.*}", json_answer(INFO))
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=files.server_context()).start()
    try:
        yield f"https://localhost:{runner.addresses[0][1]}/"
    finally:
        await runner.cleanup()


def fingerprint(files: Certificate) -> str:
    """As openssl shows it."""
    digest = hashlib.sha256(ssl.PEM_cert_to_DER_cert(files.certificate.read_text())).digest()
    return digest.hex(":").upper()


@pytest.mark.parametrize("scheme", ["", "socks5", "http"])
async def test_a_certificate_that_is_named_counts_and_no_other(scheme: str, tmp_path: Path) -> None:
    for name in ("ours", "other"):
        (tmp_path / name).mkdir()
    ours, other = certificate(tmp_path / "ours"), certificate(tmp_path / "other")
    async with contextlib.AsyncExitStack() as stack:
        url = await stack.enter_async_context(secure_directory(ours))
        upstream = (await stack.enter_async_context(upstream_proxy(scheme))).upstream if scheme else None
        http = await stack.enter_async_context(http_client(upstream))
        asked = await DirectoryClient([f"{url}#{fingerprint(ours)}"], http).key_rotation_info()
        assert asked.current_absolute_epoch_id >= 0
        with pytest.raises(UserError, match=r"cannot be reached: it shows another certificate$"):
            await DirectoryClient([f"{url}#{fingerprint(other)}"], http).key_rotation_info()
        with pytest.raises(UserError, match=r"cannot be reached: no trusted TLS connection$"):
            await DirectoryClient([url], http).key_rotation_info()


async def test_a_certificate_that_authorities_trust_does_not_do_where_another_one_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = certificate(tmp_path)
    files.trust(monkeypatch)
    async with secure_directory(files) as url, upstream_proxy("socks5") as proxy, http_client(proxy.upstream) as http:
        await DirectoryClient([url], http).key_rotation_info()
        with pytest.raises(UserError, match="another certificate"):
            await DirectoryClient([f"{url}#{'0' * 64}"], http).key_rotation_info()
