"""Wget, which knows no SOCKS: HTTP CONNECT on the same port."""

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

BODY = random.Random(5).randbytes(50_000)


@pytest.fixture(autouse=True)
def installed() -> None:
    needed("wget")


async def test_wget_downloads_by_the_command_and_by_the_settings_file(
    world: World, proxy: Proxy, certificates: Certificates, tmp_path: Path
) -> None:
    trust = ("--no-verbose", f"--ca-certificate={certificates.authority}", "--output-document=-")
    async with file_server({"/file": BODY}, world.listen(443), certificates.server) as port:
        url = f"https://{world.target}:{port}/file"
        command, *words = shlex.split(recipe_value(proxy, "wget", 0, **{"https://example.org/": url}))
        by_flag = await run(world.inside, tmp_path, command, *trust, *words)
        (tmp_path / ".wgetrc").write_text(recipe_value(proxy, "wget", 1) + "\n")
        by_file = await run(world.inside, tmp_path, "wget", *trust, url)
    assert by_flag.checked() == by_file.checked() == BODY


async def test_a_plain_http_address_is_refused_and_not_asked_for_directly(
    world: World, proxy: Proxy, tmp_path: Path
) -> None:
    async with file_server({"/file": BODY}, world.listen(80)) as port:
        url = f"http://{world.target}:{port}/file"
        words = ("-e", "use_proxy=on", "-e", f"http_proxy=http://{proxy}", "--tries=1", "--output-document=-")
        ended = await run(world.inside, tmp_path, "wget", *words, url)
    assert ended.code != 0
    assert "405" in ended.complaints
