"""Where aiohttp's servers log: they report bytes that are no HTTP as their own error, with the peer's address.

One line a minute counts what was unreadable, another what was our own fault. The rest is logged at debug level.
"""

import logging

from aiohttp.http_exceptions import HttpProcessingError

from nymconnect.runtime.clock import clock
from nymconnect.runtime.faults import FaultLog
from nymconnect.runtime.repeats import Repeats


def http_log(owner: str, log: logging.Logger) -> logging.Logger:
    """For an aiohttp server of `owner`; the lines appear in `log`."""
    logger = logging.Logger(f"{log.name}.http")
    logger.parent = log
    logger.addFilter(_PeersAreNoErrors(owner, log))
    return logger


class _PeersAreNoErrors(logging.Filter):
    def __init__(self, owner: str, log: logging.Logger) -> None:
        super().__init__()
        self._owner = owner
        self._log = log
        self._unreadable = Repeats()
        self._faults = FaultLog(log)

    def filter(self, record: logging.LogRecord) -> bool:
        if record.levelno >= logging.WARNING:
            self._count(record.exc_info[1] if record.exc_info else None, record.msg)
            record.levelno, record.levelname = logging.DEBUG, logging.getLevelName(logging.DEBUG)
        return self._log.isEnabledFor(logging.DEBUG)

    def _count(self, error: BaseException | None, words: str) -> None:
        if not isinstance(error, HttpProcessingError):
            self._faults.note(f"{self._owner}: an HTTP request made us fail", error or RuntimeError(words))
        elif times := self._unreadable.count(clock()):
            self._log.warning(
                "%s: a peer sent what is no HTTP request (times since the last such line: %d)", self._owner, times
            )
