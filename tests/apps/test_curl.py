"""curl, in all the ways in which it knows proxies."""

import random
from pathlib import Path

import pytest

from tests.apps.certificates import Certificates
from tests.apps.programs import needed, run
from tests.apps.proxy import Proxy
from tests.apps.world import World
from tests.helpers.targets import file_server

BODY = random.Random(1).randbytes(50_000)
CURL = ("curl", "-q", "--silent", "--show-error", "--fail", "--max-time", "60")


@pytest.fixture(autouse=True)
def curl() -> None:
    needed("curl")


@pytest.mark.parametrize("scheme", ["socks5h"])
async def test_names_are_handed_over(
    world: World, proxy: Proxy, certificates: Certificates, tmp_path: Path, scheme: str
) -> None:
    async with file_server({"/file": BODY}, world.listen(443), certificates.server) as port:
        ended = await run(
            world.inside,
            tmp_path,
            *(*CURL, "--cacert", str(certificates.authority), "--proxy", f"{scheme}://{proxy}"),
            f"https://{world.target}:{port}/file",
        )
    assert ended.checked() == BODY


@pytest.mark.parametrize("scheme", ["socks5"])
async def test_addresses_are_reached(world: World, proxy: Proxy, tmp_path: Path, scheme: str) -> None:
    async with file_server({"/file": BODY}, world.listen(80)) as port:
        url = f"http://{world.address}:{port}/file"
        ended = await run(world.inside, tmp_path, *CURL, "--proxy", f"{scheme}://{proxy}", url)
    assert ended.checked() == BODY
