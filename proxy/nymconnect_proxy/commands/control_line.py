"""The line to a window that runs: an order of one word there, a line of JSON back, over a local socket of this user.

The window listens on it (`nymconnect_gui.platform.instance`), so who asks here hears what the window shows: there is
one session, and one truth about it. The socket is in a folder that only this user can open; on Windows, and where its
path would be too long for a socket, it has a name of its own instead.
"""

import contextlib
import os
import socket
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from nymconnect.crypto import blake3_digest
from nymconnect.storage import Directories

SHOW, STAY, STATUS, CONNECT, DISCONNECT, QUIT = "show", "stay", "status", "connect", "disconnect", "quit"
ORDERS = (SHOW, STAY, STATUS, CONNECT, DISCONNECT, QUIT)
MAX_ORDER = 16  # bytes
MAX_ANSWER = 256 * 1024
PATIENCE = 5.0  # seconds
MAX_PATH = 100  # bytes; sockets take 104 to 108, depending on the system


def server_name(directories: Directories) -> str:
    """Where the window of this user listens: a path, or a name that the system finds."""
    path = str(directories.cache / "window.socket")
    if sys.platform != "win32" and len(os.fsencode(path)) <= MAX_PATH:
        return path
    return "nymconnect-" + blake3_digest(os.fsencode(path)).hex()[:24]


def ask(directories: Directories, order: str, patience: float = PATIENCE) -> bytes | None:
    """Give an order to the window of this user; its answer, or None if none runs or it does not answer in time."""
    request = f"{order}\n".encode("ascii")
    with contextlib.suppress(OSError):
        return (_by_pipe if sys.platform == "win32" else _by_socket)(server_name(directories), request, patience)
    return None


def _by_socket(name: str, request: bytes, patience: float) -> bytes | None:
    path = name if os.path.isabs(name) else str(Path(tempfile.gettempdir()) / name)  # where Qt puts such names
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as line:
        line.settimeout(patience)
        line.connect(path)
        line.sendall(request)
        return _answer(line.recv)


def _by_pipe(name: str, request: bytes, patience: float) -> bytes | None:
    """A pipe of Windows opens like a file; it has no time-out, and ends when the window closes it."""
    with open(rf"\\.\pipe\{name}", "r+b", buffering=0) as line:
        line.write(request)
        return _answer(line.read)


def _answer(read: Callable[[int], bytes]) -> bytes | None:
    """One whole line; None if the other side ends before, or says too much."""
    answer = b""
    while not answer.endswith(b"\n") and len(answer) <= MAX_ANSWER:
        more = read(65536)
        if not more:
            break
        answer += more
    return answer if answer.endswith(b"\n") else None
