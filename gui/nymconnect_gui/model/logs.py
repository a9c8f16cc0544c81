"""What of the log is kept for the window: all from the level in the settings on; the terminal gets warnings only."""

import logging

from nymconnect_proxy.commands.nonblocking_output import LogOutlet

LOUD_LIBRARIES = ("aiohttp", "asyncio")  # they log whole requests, addresses included


def record(level: str) -> None:
    """Let the root logger take lines from `level` (a name of the option `log_level`) on."""
    root = logging.getLogger()
    root.setLevel(level.upper())
    for handler in root.handlers:
        if isinstance(handler, logging.StreamHandler | LogOutlet):
            handler.setLevel(max(handler.level, logging.WARNING))
    for library in LOUD_LIBRARIES:
        logging.getLogger(library).setLevel(logging.DEBUG if level == "debug" else logging.ERROR)
