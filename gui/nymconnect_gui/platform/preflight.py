"""Whether a window can be opened at all. Qt ends the whole process if not, so this is asked before."""

import ctypes
import os
import socket
import sys
from collections.abc import Mapping
from pathlib import Path

_X_SOCKETS = Path("/", "tmp", ".X11-unix")


def obstacle(environment: Mapping[str, str] = os.environ) -> str | None:
    """Why there can be no window, as one sentence; None if there can. ImportError if PySide6 cannot be loaded."""
    platform = environment.get("QT_QPA_PLATFORM", "xcb").partition(":")[0]
    if sys.platform in ("win32", "darwin") or platform not in ("xcb", "wayland"):
        return None
    wayland, x11 = environment.get("WAYLAND_DISPLAY", ""), environment.get("DISPLAY", "")
    if not wayland and not x11:
        return "there is no display"
    if not (wayland and _answers_wayland(wayland, environment)) and not (x11 and _answers_x11(x11)):
        return f"the display {wayland or x11} does not answer"
    return None if wayland else _missing_library()


def _answers_wayland(name: str, environment: Mapping[str, str]) -> bool:
    return _answers(str(Path(environment.get("XDG_RUNTIME_DIR", "")) / name))


def _answers_x11(display: str) -> bool:
    """A display on another machine is taken on trust."""
    host, _, number = display.rpartition(":")
    if host not in ("", "unix"):
        return True
    path = f"{_X_SOCKETS}/X{number.partition('.')[0]}"
    return _answers(path) or _answers(f"\0{path}")


def _answers(path: str) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        try:
            probe.connect(path)
        except OSError:
            return False
        return True


def _missing_library() -> str | None:
    """Qt's X11 part needs libraries that no package of Python's brings."""
    from PySide6.QtCore import QLibraryInfo

    plugin = Path(QLibraryInfo.path(QLibraryInfo.LibraryPath.PluginsPath)) / "platforms" / "libqxcb.so"
    try:
        ctypes.CDLL(str(plugin))
    except OSError as error:
        return f"Qt cannot load a library that it needs ({error})"
    return None
