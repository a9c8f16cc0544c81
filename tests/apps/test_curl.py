"""curl, in all the ways in which it knows proxies."""

import random
import shlex
from pathlib import Path

import pytest

from tests.apps.certificates import Certificates
from tests.apps.programs import needed, run
from tests.apps.proxy import Proxy
from tests.apps.recipe_values import recipe_value
from tests.apps.world import World
from tests.helpers.targets import file_server

BODY = random.Random(1).randbytes(50_000)
CURL = ("curl", "-q", "--silent", "--show-error", "--fail", "--max-time", "60")


@pytest.fixture(autouse=True)
def installed() -> None:
    needed("curl")


@pytest.mark.parametrize("scheme", ["socks5h", "socks4a", "http"])
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


@pytest.mark.parametrize("scheme", ["socks5", "socks5h", "socks4", "socks4a"])
async def test_addresses_are_reached(world: World, proxy: Proxy, tmp_path: Path, scheme: str) -> None:
    async with file_server({"/file": BODY}, world.listen(80)) as port:
        url = f"http://{world.address}:{port}/file"
        ended = await run(world.inside, tmp_path, *CURL, "--proxy", f"{scheme}://{proxy}", url)
    assert ended.checked() == BODY


async def test_a_plain_http_address_goes_through_a_tunnel_if_curl_is_told_to(
    world: World, proxy: Proxy, tmp_path: Path
) -> None:
    async with file_server({"/file": BODY}, world.listen(80)) as port:
        url = f"http://{world.target}:{port}/file"
        tunnel = ("--proxy", f"http://{proxy}", "--proxytunnel")
        assert (await run(world.inside, tmp_path, *CURL, *tunnel, url)).checked() == BODY
        refused = await run(world.inside, tmp_path, *CURL, *tunnel[:2], url)
    assert refused.code == 22  # of --fail: an HTTP status of 400 or more
    assert "405" in refused.complaints


@pytest.mark.parametrize("scheme", ["socks5h", "socks4a", "http"])
async def test_a_user_name_is_taken(world: World, proxy: Proxy, tmp_path: Path, scheme: str) -> None:
    """It keeps the streams of one program apart from those of others."""
    async with file_server({"/file": BODY}, world.listen(80)) as port:
        url = f"http://{world.target}:{port}/file"
        words = ("--proxytunnel", "--proxy", f"{scheme}://program:secret@{proxy}", url)
        ended = await run(world.inside, tmp_path, *CURL, *words)
    assert ended.checked() == BODY


async def test_the_variable_and_the_settings_file_of_the_recipe_work(
    world: World, proxy: Proxy, tmp_path: Path
) -> None:
    name, value = recipe_value(proxy, "curl", 1).removeprefix("export ").split("=")
    (tmp_path / ".curlrc").write_text(recipe_value(proxy, "curl", 2) + "\n")
    async with file_server({"/file": BODY}, world.listen(80)) as port:
        url = f"http://{world.target}:{port}/file"
        by_variable = await run(world.inside, tmp_path, *CURL, url, more={name: value})
        by_file = await run(world.inside, tmp_path, "curl", "--silent", "--show-error", url)
        command = recipe_value(proxy, "curl", 0, **{"https://example.org/": url})
        by_flag = await run(world.inside, tmp_path, *shlex.split(command))
    assert by_variable.checked() == by_file.checked() == by_flag.checked() == BODY


async def test_a_port_that_the_exit_does_not_allow_is_refused_with_the_reason(
    world: World, proxy: Proxy, tmp_path: Path
) -> None:
    if not world.apart:
        pytest.skip("the exit allows every port of loopback")
    words = ("--proxy", f"socks5h://{proxy}", f"http://{world.target}:25/")
    ended = await run(world.inside, tmp_path, *CURL, *words)
    assert ended.code == 97
    assert "(2)" in ended.complaints  # not allowed by ruleset, RFC 1928
