"""How commands print: sentences for a person, or one JSON object a line whose first field is ``event``."""

import json
import sys
from collections.abc import Mapping


class Output:
    """Writes to stdout and flushes each line, for it may be a pipe. A reader that has gone is no reason to stop."""

    def __init__(self, as_json: bool) -> None:
        self._as_json = as_json

    def event(self, name: str, values: Mapping[str, object], sentence: str | None = None) -> None:
        """One event; `sentence` is what a person reads, None for nothing."""
        if self._as_json:
            self._line(json.dumps({"event": name, **values}))
        elif sentence is not None:
            self._line(sentence)

    def _line(self, text: str) -> None:
        try:
            print(text, flush=True)
        except BrokenPipeError:
            # Python would complain once more when it closes stdout at exit.
            sys.stdout = open("/dev/null", "w") if sys.platform != "win32" else open("nul", "w")  # noqa: SIM115
