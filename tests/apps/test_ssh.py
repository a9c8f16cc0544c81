"""OpenSSH by its recipe: netcat opens the connection."""

import hashlib
import random
import shlex
from pathlib import Path

import pytest

from tests.apps.programs import needed, run
from tests.apps.proxy import Proxy
from tests.apps.recipe_values import recipe_value
from tests.apps.services import SshServer
from tests.apps.world import World
from tests.helpers.git_server import make_repository

UPLOAD = random.Random(2).randbytes(40_000)


@pytest.fixture(autouse=True)
def installed() -> None:
    needed("ssh", "nc", "ncat", "git")


async def test_a_command_runs_over_there_and_takes_what_is_sent(
    world: World, proxy: Proxy, sshd: SshServer, tmp_path: Path
) -> None:
    command, *options, host = shlex.split(recipe_value(proxy, "ssh", 0, **{"user@example.org": world.target}))
    ended = await run(world.inside, tmp_path, command, *sshd.options, *options, host, "sha256sum", feed=UPLOAD)
    assert ended.checked().split()[0].decode() == hashlib.sha256(UPLOAD).hexdigest()


async def test_a_line_of_its_configuration_does_as_well(
    world: World, proxy: Proxy, sshd: SshServer, tmp_path: Path
) -> None:
    settings = tmp_path / "config"
    settings.write_text(recipe_value(proxy, "ssh", 1, host=world.target))
    words = ("ssh", "-F", str(settings), *sshd.options, world.target, "echo $((6 * 7))")
    assert (await run(world.inside, tmp_path, *words)).checked() == b"42\n"


async def test_ncat_opens_the_connection_as_well(world: World, proxy: Proxy, sshd: SshServer, tmp_path: Path) -> None:
    option = recipe_value(proxy, "ssh", 2).replace(" ", "=", 1)
    words = ("ssh", "-o", option, *sshd.options, world.target, "echo $((6 * 7))")
    assert (await run(world.inside, tmp_path, *words)).checked() == b"42\n"


async def test_git_clones_over_ssh(world: World, proxy: Proxy, sshd: SshServer, tmp_path: Path) -> None:
    repository = make_repository(tmp_path, {"file": UPLOAD})
    key, value = shlex.split(recipe_value(proxy, "git", 2))[-2:]
    command = f"{value} {shlex.join(sshd.options)}"
    words = ("git", "-c", f"{key}={command}", "clone", "--quiet", f"ssh://{world.target}{repository}", "clone")
    (await run(world.inside, tmp_path, *words)).checked()
    assert (tmp_path / "clone" / "file").read_bytes() == UPLOAD
