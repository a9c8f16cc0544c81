"""Servers that are real programs: sshd and an IRC server, in the outside, with keys and settings of their own."""

import contextlib
import getpass
import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.apps.programs import Running, is_open, until
from tests.apps.world import World


@dataclass(frozen=True)
class SshServer:
    """Where it listens, and the options that let `ssh` know it and be known by it."""

    port: int
    options: tuple[str, ...]


@contextlib.contextmanager
def ssh_server(world: World, home: Path) -> Iterator[SshServer]:
    """Lets the user of the tests in by a key."""
    port = world.port(22)
    for name in ("host_key", "user_key"):
        key = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", str(home / name)]
        subprocess.run(key, check=True, capture_output=True)
    settings = {
        "ListenAddress": f"{world.address}:{port}",
        "HostKey": str(home / "host_key"),
        "AuthorizedKeysFile": str(home / "user_key.pub"),
        "PidFile": "none",
        "StrictModes": "no",
        "UsePAM": "no",
        "PasswordAuthentication": "no",
        "PermitRootLogin": "prohibit-password",
        "UseDNS": "no",
    }
    (home / "sshd_config").write_text("".join(f"{name} {value}\n" for name, value in settings.items()))
    host_key = (home / "host_key.pub").read_text().split()[:2]
    (home / "known_hosts").write_text(" ".join([f"[{world.target}]:{port},{world.target}", *host_key]) + "\n")
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(exist_ok=True)  # sshd wants it, and the package's start script makes it
    options = {
        "IdentityFile": str(home / "user_key"),
        "IdentitiesOnly": "yes",
        "UserKnownHostsFile": str(home / "known_hosts"),
        "BatchMode": "yes",
        "Port": str(port),
        "User": getpass.getuser(),
    }
    with Running(world.outside, home, "/usr/sbin/sshd", "-D", "-e", "-f", str(home / "sshd_config")):
        until(lambda: is_open(world.outside, world.address, port), "sshd")
        yield SshServer(port, tuple(word for pair in options.items() for word in ("-o", "=".join(pair))))


@contextlib.contextmanager
def irc_server(world: World, home: Path) -> Iterator[int]:
    """At a port that exits allow, which those of IRC are not; it says nothing to who says nothing. Yields the port."""
    port = world.port(8443)
    (home / "ngircd.conf").write_text(
        f"[Global]\nName = irc.example\nInfo = of the tests\nListen = {world.address}\nPorts = {port}\n"
        "[Options]\nDNS = no\nIdent = no\nPAM = no\n"
        "[Limits]\nMaxConnectionsIP = 0\nPingTimeout = 3600\nPongTimeout = 3600\n"
    )
    with Running(world.outside, home, "/usr/sbin/ngircd", "-n", "-f", str(home / "ngircd.conf")):
        until(lambda: is_open(world.outside, world.address, port), "IRC server")
        yield port
