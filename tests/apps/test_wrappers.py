"""Programs that give a proxy to others, or to a plain connection."""

import random
import shlex
from pathlib import Path

import pytest

from tests.apps.programs import needed, run
from tests.apps.proxy import Proxy
from tests.apps.recipe_values import recipe_value
from tests.apps.world import World
from tests.helpers.targets import file_server

BODY = random.Random(4).randbytes(30_000)
REQUEST = b"GET /file HTTP/1.0\r\n\r\n"
PLAIN_CURL = ("curl", "-q", "--silent", "--show-error", "--fail", "--max-time", "60")


@pytest.mark.parametrize("kind", ["socks5", "socks4", "http"])
async def test_ncat_hands_over_names(world: World, proxy: Proxy, tmp_path: Path, kind: str) -> None:
    needed("ncat")
    async with file_server({"/file": BODY}, world.listen(80)) as port:
        # The web server of the tests gives up a request whose sender has closed its half.
        options = ("--no-shutdown", "--proxy", str(proxy), "--proxy-type", kind, "--proxy-dns", "remote")
        ended = await run(world.inside, tmp_path, "ncat", *options, world.target, str(port), feed=REQUEST)
    assert ended.checked().endswith(BODY)


async def test_proxychains_gives_names_and_connections_of_another_program_to_the_proxy(
    world: World, proxy: Proxy, tmp_path: Path
) -> None:
    needed("proxychains4", "curl")
    (tmp_path / "nymconnect.conf").write_text(recipe_value(proxy, "proxychains", 0))
    start = shlex.split(recipe_value(proxy, "proxychains", 1))[:-1]
    async with file_server({"/file": BODY}, world.listen(80)) as port:
        url = f"http://{world.target}:{port}/file"
        ended = await run(world.inside, tmp_path, *start, *PLAIN_CURL, url)
    assert ended.checked() == BODY


@pytest.mark.parametrize("version", [4, 5])
async def test_tsocks_gives_connections_of_another_program_to_the_proxy(
    world: World, proxy: Proxy, tmp_path: Path, version: int
) -> None:
    """By address, for it leaves names to the system. It takes loopback for local, so it needs a target elsewhere.

    It offers a password, which the proxy then asks for; any will do.
    """
    needed("tsocks", "curl")
    if not world.apart:
        pytest.skip("the target is on loopback")
    settings = tmp_path / "tsocks.conf"
    settings.write_text(
        f"local = 127.0.0.0/255.0.0.0\nserver = {proxy.host}\nserver_port = {proxy.port}\nserver_type = {version}\n"
        "default_user = nobody\ndefault_pass = nothing\n"
    )
    async with file_server({"/file": BODY}, world.listen(80)) as port:
        url = f"http://{world.address}:{port}/file"
        more = {"TSOCKS_CONF_FILE": str(settings)}
        ended = await run(world.inside, tmp_path, "tsocks", *PLAIN_CURL, url, more=more)
    assert ended.checked() == BODY


async def test_torsocks_gives_connections_to_the_proxy_and_is_refused_names(
    world: World, proxy: Proxy, tmp_path: Path
) -> None:
    """It asks for the address of a name with Tor's RESOLVE, which requesters have not; then it asks nobody else."""
    needed("torsocks", "curl")
    if not world.apart:
        pytest.skip("the target is on loopback")
    start = ("torsocks", "--address", proxy.host, "--port", proxy.port, *PLAIN_CURL)
    async with file_server({"/file": BODY}, world.listen(80)) as port:
        by_address = await run(world.inside, tmp_path, *start, f"http://{world.address}:{port}/file")
        by_name = await run(world.inside, tmp_path, *start, f"http://{world.target}:{port}/file")
    assert by_address.checked() == BODY
    assert (by_name.code, by_name.output) == (6, b"")
    assert "Status reply: 7" in by_name.complaints
