"""Real programs through a real `nymconnect connect` with its default traffic: curl, git, and Python with aiohttp."""

import asyncio
import hashlib
import random
import shutil
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp.abc import AbstractResolver, ResolveResult
from python_socks.async_.asyncio import Proxy

from nymconnect.endpoints import Endpoint
from tests.helpers.command import Command
from tests.helpers.git_server import git, git_server, make_repository
from tests.helpers.stage import PATIENCE, curl
from tests.helpers.targets import file_server

pytestmark = pytest.mark.skipif(
    shutil.which("curl") is None or shutil.which("git") is None, reason="curl or git is not installed"
)


def content(length: int, seed: int = 1) -> bytes:
    return random.Random(seed).randbytes(length)


@pytest.fixture(scope="module")
def socks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Endpoint]:
    """The SOCKS port of a program that runs for all tests here."""
    with Command(tmp_path_factory.mktemp("home"), "connect", "--json", "--socks", "127.0.0.1:0") as command:
        host, port = command.event("state", state="connected")["socks"].split(":")
        yield Endpoint(host, int(port))
        command.interrupt()
        assert command.end() == (0, "")


async def test_curl_downloads(socks: Endpoint) -> None:
    body = content(200_000)
    async with file_server({"/file": body}) as port:
        code, output, errors = await curl(socks, f"http://localhost:{port}/file")
    assert (code, errors) == (0, "")
    assert hashlib.sha256(output).digest() == hashlib.sha256(body).digest()


async def test_curl_uploads(socks: Endpoint, tmp_path: Path) -> None:
    body = content(100_000)
    (tmp_path / "file").write_bytes(body)
    async with file_server({}) as port:
        code, output, errors = await curl(socks, "--upload-file", str(tmp_path / "file"), f"http://127.0.0.1:{port}/")
    assert (code, errors) == (0, "")
    assert output.decode() == hashlib.sha256(body).hexdigest()


async def test_curl_fetches_several_files_over_one_connection(socks: Endpoint) -> None:
    files = {f"/{number}": content(3000, number) for number in range(5)}
    async with file_server(files) as port:
        code, output, errors = await curl(socks, *(f"http://localhost:{port}{path}" for path in files))
    assert (code, errors) == (0, "")
    assert output == b"".join(files.values())


@pytest.mark.parametrize("kind", ["smart", "dumb"])
async def test_git_clones(socks: Endpoint, tmp_path: Path, kind: str) -> None:
    files = {"README": b"read me\n", "data/noise": content(60_000), "data/empty": b""}
    make_repository(tmp_path, files)
    async with git_server(tmp_path) as port:
        await asyncio.to_thread(
            git,
            *("-c", f"http.proxy=socks5h://{socks}"),
            *("clone", "--quiet", f"http://localhost:{port}/{kind}/project.git", "clone"),
            at=tmp_path,
        )
    clone = tmp_path / "clone"
    assert {name: (clone / name).read_bytes() for name in files} == files
    git("fsck", "--strict", at=clone)
    assert git("rev-parse", "HEAD", at=clone) == git("rev-parse", "HEAD", at=tmp_path / "work")


async def test_aiohttp_with_python_socks(socks: Endpoint) -> None:
    files = {f"/{number}": content(10_000, number) for number in range(6)}

    async def get(http: aiohttp.ClientSession, url: str) -> bytes:
        async with http.get(url) as response:
            assert response.status == 200
            return await response.read()

    timeout = aiohttp.ClientTimeout(total=PATIENCE)
    async with (
        file_server(files) as port,
        aiohttp.ClientSession(connector=SocksConnector(socks), timeout=timeout) as http,
    ):
        bodies = await asyncio.gather(*(get(http, f"http://localhost:{port}{path}") for path in files))
        assert bodies == list(files.values())
        async with http.put(f"http://localhost:{port}/", data=files["/1"]) as response:
            assert await response.text() == hashlib.sha256(files["/1"]).hexdigest()


class SocksConnector(aiohttp.TCPConnector):
    """What the package aiohttp-socks does: python-socks opens the connection, names go to the proxy as they are."""

    def __init__(self, proxy: Endpoint) -> None:
        super().__init__(resolver=_NoResolver())
        self._socks_proxy = Proxy.from_url(f"socks5://{proxy}", rdns=True)

    async def _wrap_create_connection(self, *args: Any, req: Any, **_: Any) -> Any:
        sock = await self._socks_proxy.connect(req.url.host, req.url.port, timeout=PATIENCE)
        return await asyncio.get_running_loop().create_connection(args[0], sock=sock)


class _NoResolver(AbstractResolver):
    """Nothing is looked up on this side; the address is never used."""

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        return [ResolveResult(hostname=host, host="0.0.0.0", port=port, family=family, proto=0, flags=0)]

    async def close(self) -> None:
        pass
