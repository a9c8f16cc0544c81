"""How commands print: sentences for a person, or one JSON object a line whose first field is ``event``."""

import atexit
import json
import sys
from collections.abc import Mapping

from nymconnect_proxy.commands.nonblocking_output import LineOutlet


class Output:
    """Writes to stdout and flushes each line, for it may be a pipe. A reader that has gone ends nothing.

    A command that serves (`serving`) does not wait for a slow reader either: what that leaves unread is dropped.
    """

    def __init__(self, as_json: bool, *, serving: bool = False) -> None:
        self._as_json = as_json
        self._outlet = LineOutlet(sys.stdout, self._dropped) if serving else None
        if self._outlet is not None:
            atexit.register(self._outlet.flush)

    def event(self, name: str, values: Mapping[str, object], sentence: str | None = None) -> None:
        """One event; `sentence` is what a person reads, None for nothing."""
        if self._as_json:
            self._line(json.dumps({"event": name, **values}))
        elif sentence is not None:
            self._line(sentence)

    def _dropped(self, lines: int) -> str:
        if self._as_json:
            return json.dumps({"event": "dropped", "lines": lines})
        return f"{lines} lines were dropped: nobody read them in time"

    def _line(self, text: str) -> None:
        if self._outlet is not None:
            self._outlet.line(text)
            return
        try:
            print(text, flush=True)
        except BrokenPipeError:
            # Python would complain once more when it closes stdout at exit.
            sys.stdout = open("/dev/null", "w") if sys.platform != "win32" else open("nul", "w")  # noqa: SIM115
