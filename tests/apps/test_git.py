"""git over https, by its recipe: from a server with a certificate of the tests' own authority."""

import random
import shlex
from pathlib import Path

import pytest

from tests.apps.certificates import Certificates
from tests.apps.programs import needed, run
from tests.apps.proxy import Proxy
from tests.apps.recipe_values import recipe_value
from tests.apps.world import World
from tests.helpers.git_server import git, git_server, make_repository


@pytest.fixture(autouse=True)
def installed() -> None:
    needed("git")


@pytest.mark.parametrize("kind", ["smart", "dumb"])
async def test_git_clones_and_fetches(
    world: World, proxy: Proxy, certificates: Certificates, tmp_path: Path, kind: str
) -> None:
    files = {"README": b"read me\n", "data/noise": random.Random(3).randbytes(60_000)}
    make_repository(tmp_path, files)
    async with git_server(tmp_path, world.listen(443), certificates.server) as port:
        url = f"https://{world.target}:{port}/{kind}"
        words = shlex.split(recipe_value(proxy, "git", 0, **{"https://example.org": url}))
        command = (words[0], "-c", f"http.sslCAInfo={certificates.authority}", *words[1:], "clone")
        (await run(world.inside, tmp_path, *command)).checked()
    clone = tmp_path / "clone"
    assert {name: (clone / name).read_bytes() for name in files} == files
    git("fsck", "--strict", at=clone)
    assert git("rev-parse", "HEAD", at=clone) == git("rev-parse", "HEAD", at=tmp_path / "work")
