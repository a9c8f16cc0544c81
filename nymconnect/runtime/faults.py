"""Failures in the log, where strangers can cause them at will: a few lines a minute, and how many there were."""

import logging

from nymconnect.runtime.clock import clock
from nymconnect.runtime.repeats import Repeats


class FaultLog:
    """Says that a part of this program has failed, `burst` times a minute at most."""

    def __init__(self, log: logging.Logger, burst: int = 1) -> None:
        self._log = log
        self._repeats = Repeats(burst=burst)

    def note(self, what: str, error: BaseException) -> None:
        """`what` has made us fail; the traceback is for the debug level."""
        if times := self._repeats.count(clock()):
            since = f" (times since the last such line: {times})" if times > 1 else ""
            details = error if self._log.isEnabledFor(logging.DEBUG) else None
            self._log.error("%s: %s: %s%s", what, type(error).__name__, error, since, exc_info=details)
