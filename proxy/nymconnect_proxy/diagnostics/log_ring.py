"""The last lines of the log, kept in memory for the log view and the problem report. Bounded, and never on disk."""

import logging
import threading
from collections import deque
from dataclasses import dataclass

MAX_LINES = 2000
MAX_LENGTH = 1000  # characters of one line


@dataclass(frozen=True, slots=True)
class LogLine:
    """`number` counts all lines since the start, `time` is Unix time, `level` one of logging's numbers."""

    number: int
    time: float
    level: int
    logger: str
    text: str


class LogRing(logging.Handler):
    """Add it to the root logger. Records may come from any thread; a view asks for what is new."""

    def __init__(self, max_lines: int = MAX_LINES) -> None:
        super().__init__()
        self._lines: deque[LogLine] = deque(maxlen=max_lines)
        self._count = 0
        self._guard = threading.Lock()

    def emit(self, record: logging.LogRecord) -> None:
        """Keep one record as one line, its exception as a few words."""
        try:
            text = record.getMessage()
        except (TypeError, ValueError):  # arguments that do not fit their message, by whatever library
            text = str(record.msg)
        if record.exc_info is not None and record.exc_info[1] is not None:
            text = f"{text}: {record.exc_info[1]!r}"
        text = " ".join(text.split())
        if len(text) > MAX_LENGTH:
            text = text[: MAX_LENGTH - 1] + "…"
        with self._guard:
            self._count += 1
            self._lines.append(LogLine(self._count, record.created, record.levelno, record.name, text))

    def after(self, number: int = 0) -> list[LogLine]:
        """The lines that came after the line with this number, as far as they are still there."""
        with self._guard:
            return [line for line in self._lines if line.number > number]

    def clear(self) -> None:
        """Forget all lines; numbers go on."""
        with self._guard:
            self._lines.clear()
