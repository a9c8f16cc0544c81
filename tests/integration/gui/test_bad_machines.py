"""Machines without a network, with a full disk, with a second user: for real, and seen by who sits in front of them."""

import asyncio
import contextlib
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from nymconnect.runtime.program import own_command
from nymconnect_proxy.commands.control import NO_WINDOW
from tests.helpers.command import environment
from tests.helpers.machines import as_user, inside, with_small_disk, without_network
from tests.helpers.person import Person, environment_at
from tests.helpers.small_network import network
from tests.helpers.targets import unused_port

pytestmark = [
    pytest.mark.timeout(600),
    pytest.mark.skipif(sys.platform != "linux", reason="namespaces are Linux's"),
]

DISK = 256 * 1024  # bytes
USERS = (65_532, 65_533)  # of no account

# Asks the proxy at 127.0.0.1:argv[1] for a connection: refused at once, by the proxy, or granted.
ASK = """
import socket, sys
try:
    line = socket.create_connection(("127.0.0.1", int(sys.argv[1])), timeout=60)
except ConnectionRefusedError:
    sys.exit("closed")
line.sendall(b"\\5\\1\\0")
assert line.recv(2) == b"\\5\\0"
line.sendall(b"\\5\\1\\0\\1\\xc0\\0\\2\\1\\0\\x50")
sys.exit("granted" if line.recv(10)[1] == 0 else "refused")
"""
# All files below argv[1] that can be read, and all folders that can be listed.
READ = """
import os, sys
for folder, folders, files in os.walk(sys.argv[1]):
    print(folder)
    for file in files:
        path = os.path.join(folder, file)
        try:
            open(path, "rb").close()
        except OSError:
            continue
        print(path)
"""


@pytest.mark.parametrize(
    ("directory", "sentence", "help_page"),
    [
        ("https://192.0.2.1/api", "This computer has no network. Check the connection, then try again.", ""),
        (
            "https://mixnet.example.org/api",
            "https://mixnet.example.org/api/ was not found. Check the network of this computer and the address of the"
            " directory.",
            "settings-network",
        ),
    ],
)
def test_without_a_network(directory: str, sentence: str, help_page: str, tmp_path: Path) -> None:
    port = unused_port()
    flags = ("--socks", f"127.0.0.1:{port}", "--network", directory)
    with Person(tmp_path, tmp_path / "report", *flags, prefix=without_network()) as person:
        person.do("go home")
        person.do("press ring")
        seen = person.do("until Failed")
        assert seen["sentence"] == f"{sentence} The proxy refuses connections: nothing goes around the mixnet."
        assert "Try again" in seen["buttons"]
        ask = [*inside(person.pid, "--net"), sys.executable, "-c", ASK, str(port)]
        assert subprocess.run(ask, capture_output=True, text=True, check=False).stderr.strip() in ("closed", "refused")
        assert ("Open settings" in seen["buttons"]) == bool(help_page)
        if help_page:
            assert person.do("press Open settings")["page"] == help_page
        person.do("go settings-network")  # what needs no network goes on
        person.do("press Practice network")
        person.do("go home")
        person.do("press Try again")
        assert person.do("until Connected")["state"] == "Connected"
        person.quit()


async def test_with_a_full_disk(tmp_path: Path) -> None:
    """Keys for a real network must be kept, or the client would be another one each time."""
    async with network(1) as running:
        flags = ("--socks", "127.0.0.1:0", "--network", running.api_url, "--requester", str(running.requester_address))
        await asyncio.to_thread(on_a_full_disk, tmp_path, flags)


def on_a_full_disk(files: Path, flags: tuple[str, ...]) -> None:
    home = files / "home"
    home.mkdir()
    with Person(home, files / "report", *flags, prefix=with_small_disk(home, DISK)) as person:
        person.do("go settings-log")
        assert person.do("press Warnings")["notice"] == ""  # it is kept
        there = Path(f"/proc/{person.pid}/root{home}")
        settings = there / "config" / "nymconnect" / "settings.toml"
        before = settings.read_bytes()
        assert b"warning" in before
        filler = there / "filler"
        fill(filler)

        seen = person.do("press Errors")
        assert seen["notice"] == (
            "The settings were not saved and last until the program ends: The disk is full. Make room, then try again."
        )
        assert settings.read_bytes() == before
        person.do("go home")
        person.do("press ring")
        person.do("until Connected")  # it works meanwhile
        assert person.do("until The disk is full. Make room, then try again.")["page"] == "home"
        assert not keys_in(there)

        filler.unlink()
        person.do("press ring")
        person.do("until Disconnected")
        assert keys_in(there)
        person.do("go settings-log")
        person.do("press Debug")
        assert b"debug" in settings.read_bytes()
        assert {path.name for path in settings.parent.iterdir()} == {"settings.toml"}  # no half of one
        person.quit()


def keys_in(home: Path) -> list[Path]:
    """Files with content that a session has kept, whole or not."""
    data = home / ".local" / "share" / "nymconnect"
    return [path for path in data.rglob("*") if path.is_file() and path.stat().st_size]


def fill(path: Path) -> None:
    """Until nothing more fits."""
    with contextlib.suppress(OSError), path.open("wb", buffering=0) as file:
        while file.write(bytes(512)):
            pass
    assert os.statvfs(path).f_bavail == 0


@pytest.fixture
def homes() -> Iterator[list[Path]]:
    """Of two users, each in its own, which all can look into; pytest's own folders are closed to them."""
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        top = Path(folder)
        top.chmod(0o1777)
        made = [top / str(number) for number in USERS]
        for number, home in zip(USERS, made, strict=True):
            run_as(number, "mkdir", "-m", "755", str(home))
        try:
            yield made
        finally:
            for number, home in zip(USERS, made, strict=True):
                run_as(number, "rm", "-rf", str(home))


def run_as(number: int, *command: str, home: Path = Path("/")) -> str:
    whole = [*as_user(number), *command]
    done = subprocess.run(whole, cwd="/", env=environment_at(home), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr  # also where several users cannot be had
    return done.stdout


def test_a_second_user_of_the_machine(homes: list[Path], tmp_path: Path) -> None:
    port = unused_port()
    with (
        Person(homes[0], tmp_path / "1", "--socks", f"127.0.0.1:{port}", prefix=as_user(USERS[0])) as first,
        Person(homes[1], tmp_path / "2", "--socks", f"127.0.0.1:{port}", prefix=as_user(USERS[1])) as second,
    ):
        first.do("go home")
        first.do("press ring")
        first.do("until Connected")

        second.do("go home")  # a window of its own, not that of the first
        second.do("press ring")
        seen = second.do("until Failed")
        assert seen["sentence"] == f"Another program already uses 127.0.0.1:{port}. End it, or take another port."
        offer = next(text for text in seen["buttons"] if text.startswith("Use port "))
        assert port < int(offer.removeprefix("Use port ")) < port + 50
        second.do(f"press {offer}")
        second.do("until Connected")
        assert first.do("look")["state"] == "Connected"

        for mine, user in enumerate(USERS):
            own, others = homes[mine], homes[1 - mine]
            assert any(name.endswith("settings.toml") for name in readable(user, own))
            assert [name for name in readable(user, others) if "/nymconnect" in name] == []
            asked = run_as_other(user, others)
            assert asked.returncode == 1
            assert asked.stderr == f"nymconnect: {NO_WINDOW}\n"
        first.quit()
        assert second.do("look")["state"] == "Connected"
        second.quit()


def readable(user: int, home: Path) -> list[str]:
    return run_as(user, sys.executable, "-c", READ, str(home)).splitlines()


def run_as_other(user: int, home: Path) -> "subprocess.CompletedProcess[str]":
    """`nymconnect control`, by a user who points it to the folders of another one."""
    command = [*as_user(user), *own_command(), "control", "disconnect"]
    return subprocess.run(
        command, cwd="/", env=environment(home), capture_output=True, text=True, check=False, timeout=120
    )
