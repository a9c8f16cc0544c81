"""``nymconnect gui``: the window, where there can be one; else the same session without, after one line that says why.

The window is a package of its own that nothing here imports: it is named only, and loaded only if there is a display.
"""

import argparse
import sys
from importlib import import_module
from typing import cast


async def run(flags: argparse.Namespace) -> int:
    """Without a window: what `connect` does. Its module loads the network stack, which a window does later."""
    return cast(int, await import_module("nymconnect_proxy.commands.connect").run(flags))


def open_window(flags: argparse.Namespace) -> int | None:
    """The exit code after the window has been closed, or None where none can be opened."""
    try:
        obstacle = import_module("nymconnect_gui.platform.preflight").obstacle()
        if obstacle is None:
            return cast(int, import_module("nymconnect_gui.app").main(flags))
    except ImportError as error:  # PySide6 is an extra, and needs libraries of the system
        obstacle = f"Qt cannot be loaded ({error})"
    print(f"nymconnect: {obstacle}: serving without a window", file=sys.stderr, flush=True)
    return None
