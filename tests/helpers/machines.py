"""Machines on which something is missing, made of Linux's namespaces: no network, a full disk, other users.

Each is a command line that runs the program that comes after it. Root makes them at once; everybody else inside a user
namespace, where the system lets them. Where it does not, the command fails, and with it the test that needs it.
"""

import os
import sys
from pathlib import Path

from tests.helpers.command import ROOT

# Over a folder that is closed to others, an empty one that is not; in it, at their places, the folders $@ of it.
_OPENED = """
hold=$(mktemp -d) && number=0
for path; do number=$((number + 1)); mkdir "$hold/$number" && mount --bind "$path" "$hold/$number"; done
mount -t tmpfs -o mode=755 none "$closed" && number=0
for path; do
    number=$((number + 1)); mkdir -p "$path" && mount --move "$hold/$number" "$path" && rmdir "$hold/$number"
done
rmdir "$hold"
"""


# A new network namespace has its loopback switched off. SIOCSIFFLAGS with IFF_UP and IFF_RUNNING; see netdevice(7).
_WITH_LOOPBACK = """
import fcntl, os, socket, struct, sys
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as link:
    fcntl.ioctl(link, 0x8914, struct.pack("16sH22x", b"lo", 0x41))
os.execvp(sys.argv[1], sys.argv[1:])
"""


def apart(*namespaces: str, users: bool = False) -> list[str]:
    """Run in namespaces of its own, such as "--net"; with `users`, several user ids can be had there."""
    if os.geteuid() == 0:
        return ["unshare", *namespaces]
    mapping = ["--map-root-user", *(["--map-auto"] if users else [])]
    return ["unshare", "--user", *mapping, *namespaces]


def without_network() -> list[str]:
    """Only loopback, and no way out."""
    return [*apart("--net"), sys.executable, "-c", _WITH_LOOPBACK]


def inside(pid: int, namespace: str) -> list[str]:
    """Run where the program `pid` is, as to its network ("--net")."""
    user = [] if os.geteuid() == 0 else ["--user", "--preserve-credentials"]
    return ["nsenter", f"--target={pid}", *user, namespace]


def with_small_disk(folder: Path, size: int) -> list[str]:
    """A disk of `size` bytes at `folder`. Others find it in ``/proc/PID/root``."""
    mount = f'mount -t tmpfs -o size={size},mode=700 none "$0"; exec "$@"'
    return [*apart("--mount"), "sh", "-ec", mount, str(folder)]


def as_user(number: int) -> list[str]:
    """Another user of this machine, without rights of ours, who can read what Python and this program are made of."""
    steps = ["umask 022"]
    for closed, paths in _behind_closed_doors().items():
        quoted = " ".join(f"'{path}'" for path in paths)
        steps.append(f"(closed='{closed}'; set -- {quoted}; {_OPENED})")
    become = f"setpriv --reuid={number} --regid={number} --clear-groups --no-new-privs"
    steps.append(f'exec {become} "$@"')
    return [*apart("--mount", users=True), "sh", "-ec", "\n".join(steps), "sh"]


def _behind_closed_doors() -> dict[Path, list[Path]]:
    """Folders above ours that others cannot pass, each with what is needed in it."""
    needed = {path.resolve() for path in (ROOT, Path(sys.prefix), Path(sys.base_prefix))}
    found: dict[Path, list[Path]] = {}
    for path in sorted(needed):
        if any(parent in needed for parent in path.parents):
            continue  # it comes with that
        doors = [folder for folder in reversed(path.parents) if not folder.stat().st_mode & 0o001]
        if doors:
            found.setdefault(doors[0], []).append(path)
    return found
