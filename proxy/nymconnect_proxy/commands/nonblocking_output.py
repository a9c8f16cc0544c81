"""Lines for standard output and standard error that never hold the program up.

A pipe that nobody reads is full after 64 KiB; then a plain `print` blocks, and with it everything that runs on the
event loop. Here a thread writes, and what waits for it is bounded: lines beyond that are dropped, counted, and their
number is said once there is room again. A kind of log line that somebody outside can cause at will is written a few
times a minute; the next one of its kind says how many were left out.
"""

import contextlib
import logging
import os
import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import TextIO

from nymconnect.runtime.repeats import Repeats

MOST_WAITING = 1000  # lines
PATIENCE = 1.0  # seconds that the end of the program waits for the last lines
A_MINUTE, AT_ONCE = 60.0, 10  # lines of one kind
_PAUSE = 0.1  # seconds until a descriptor that does not block is tried again


class LineOutlet:
    """Writes lines to `stream` from a thread of its own. `dropped` makes the line that says how many are missing."""

    def __init__(self, stream: TextIO, dropped: Callable[[int], str], most: int = MOST_WAITING) -> None:
        self._stream = stream
        self._dropped_line = dropped
        self._most = most
        self._waiting: deque[str] = deque()
        self._dropped = 0
        self._writing = False
        self._closed = False  # the reader has gone
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None

    def line(self, text: str) -> None:
        """Have `text` written as a line, or dropped; returns at once."""
        with self._changed:
            if self._closed:
                return
            if len(self._waiting) >= self._most:
                self._dropped += 1
                return
            self._waiting.append(text)
            if self._thread is None:  # a daemon: one that is stuck in a full pipe must not keep the program
                self._thread = threading.Thread(target=self._run, name="outlet", daemon=True)
                self._thread.start()
            self._changed.notify_all()

    def flush(self, patience: float = PATIENCE) -> bool:
        """Wait until all is written; False if it is not in time."""
        with self._changed:
            return self._changed.wait_for(lambda: self._closed or not (self._waiting or self._writing), patience)

    def _run(self) -> None:
        while True:
            with self._changed:
                self._writing = False
                self._changed.notify_all()
                self._changed.wait_for(lambda: bool(self._waiting))
                lines = list(self._waiting)
                self._waiting.clear()
                if self._dropped:
                    lines.append(self._dropped_line(self._dropped))
                    self._dropped = 0
                self._writing = True
            try:
                _write(self._stream, "".join(f"{line}\n" for line in lines))
            except (OSError, ValueError):  # the reader has gone, which is no reason to stop; or the stream is closed
                with self._changed:
                    self._closed = True
                    self._waiting.clear()
                    self._changed.notify_all()
                return


def _write(stream: TextIO, text: str) -> None:
    """Past Python's buffer, whose lock the interpreter wants when it ends; on Windows only that knows the console."""
    try:
        descriptor = None if sys.platform == "win32" else stream.fileno()
    except (OSError, ValueError):  # a stream in memory
        descriptor = None
    if descriptor is None:
        stream.write(text)
        stream.flush()
        return
    left = memoryview(text.encode(stream.encoding or "utf-8", "backslashreplace"))
    while left:
        with contextlib.suppress(BlockingIOError):
            left = left[os.write(descriptor, left) :]
            continue
        time.sleep(_PAUSE)


class LogOutlet(logging.Handler):
    """The log on a `LineOutlet`."""

    def __init__(self, stream: TextIO) -> None:
        super().__init__()
        self.lines = LineOutlet(stream, lambda lines: f"{lines} lines of the log were dropped: nobody read them")
        self._kinds: dict[tuple[str, int], Repeats] = {}  # by the place in the code, so there are not many

    def emit(self, record: logging.LogRecord) -> None:
        times = 1
        if record.levelno > logging.DEBUG:
            kind = self._kinds.setdefault((record.pathname, record.lineno), Repeats(A_MINUTE, AT_ONCE))
            times = kind.count(time.monotonic())
            if not times:
                return
        try:
            text = self.format(record)
        except Exception:  # arguments that do not fit their message, by whatever library
            text = str(record.msg)
        self.lines.line(text if times == 1 else f"{text} (and {times - 1} like it that were left out)")

    def flush(self) -> None:
        """`logging` calls this when the program ends."""
        self.lines.flush()
