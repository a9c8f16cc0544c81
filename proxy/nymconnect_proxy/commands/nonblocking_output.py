"""Lines for standard output and standard error that never hold the program up.

A pipe that nobody reads is full after 64 KiB; then a plain `print` blocks, and with it everything that runs on the
event loop. Here a thread writes, and what waits for it is bounded: lines beyond that are dropped, counted, and their
number is said once there is room again. A kind of log line that somebody outside can cause at will is written a few
times a minute; the next one of its kind says how many were left out, or else the last one, at the end of the minute. Of
a kind is what comes from one place in the code; but each failure with a text of its own is one of its own, so that no
flood of one hides another.
"""

import contextlib
import logging
import os
import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import TextIO

from nymconnect.runtime.repeats import Repeats

MOST_WAITING = 1000  # lines
PATIENCE = 1.0  # seconds that the end of the program waits for the last lines
A_MINUTE, AT_ONCE = 60.0, 10  # lines of one kind
MOST_TEXTS = 200  # failures with a text of their own in a minute; more are of a kind with those of their place
_PAUSE = 0.1  # seconds until a descriptor that does not block is tried again


class LineOutlet:
    """Writes lines to `stream` from a thread of its own. `dropped` makes the line that says how many are missing.

    Without a stream, as Python has none where a descriptor was closed before it began, all lines go nowhere.
    """

    def __init__(self, stream: TextIO | None, dropped: Callable[[int], str], most: int = MOST_WAITING) -> None:
        self._stream = stream
        self._dropped_line = dropped
        self._most = most
        self._waiting: deque[str] = deque()
        self._dropped = 0
        self._writing = False
        self._closed = stream is None  # or the reader has gone
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
            assert self._stream is not None
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


@dataclass(slots=True)
class _Kind:
    repeats: Repeats
    last: str = ""


class LogOutlet(logging.Handler):
    """The log on a `LineOutlet`."""

    def __init__(self, stream: TextIO | None) -> None:
        super().__init__()
        self.lines = LineOutlet(stream, lambda lines: f"{lines} lines of the log were dropped: nobody read them")
        self._kinds: dict[tuple[str, int, str], _Kind] = {}  # by place in the code and, of failures, text
        self._texts = 0
        self._minute: threading.Timer | None = None

    def emit(self, record: logging.LogRecord) -> None:
        try:
            message, text = record.getMessage(), self.format(record)
        except Exception:  # arguments that do not fit their message, by whatever library
            message = text = str(record.msg)
        if record.levelno <= logging.DEBUG:
            self.lines.line(text)
            return
        kind = self._kind_of(record, message)
        times = kind.repeats.count(time.monotonic())
        if times:
            self.lines.line(_counted(text, times))
        else:
            kind.last = text

    def flush(self) -> None:
        """`logging` calls this when the program ends."""
        self._end_minute()
        self.lines.flush()

    def _kind_of(self, record: logging.LogRecord, message: str) -> _Kind:
        place = record.pathname, record.lineno
        key = (*place, message if record.levelno >= logging.ERROR else "")
        if key not in self._kinds:
            if key[2] and self._texts >= MOST_TEXTS:
                key = (*place, "")
            self._texts += bool(key[2])
        if self._minute is None:
            self._minute = threading.Timer(A_MINUTE, self._end_minute)
            self._minute.daemon = True
            self._minute.start()
        return self._kinds.setdefault(key, _Kind(Repeats(A_MINUTE, AT_ONCE)))

    def _end_minute(self) -> None:
        """Write the last line of each kind of which some were left out, and begin to count anew."""
        self.acquire()
        try:
            if self._minute is not None:
                self._minute.cancel()
                self._minute = None
            kinds, self._kinds, self._texts = self._kinds, {}, 0
            for kind in kinds.values():
                if times := kind.repeats.take():
                    self.lines.line(_counted(kind.last, times))
        finally:
            self.release()


def _counted(text: str, times: int) -> str:
    return text if times == 1 else f"{text} (and {times - 1} like it that were left out)"
