"""``python -m nymconnect_proxy``: the command line, for the child processes that it starts."""

import os
import sys
from importlib.util import find_spec


def leave_current_folder() -> None:
    """Without ``-P``, Python has put the current folder first on the import path: what lies there by chance shall not
    run. A checkout that is found by nothing else stays."""
    if sys.flags.safe_path or not sys.path or os.path.realpath(sys.path[0]) != os.path.realpath(os.curdir):
        return
    current = sys.path.pop(0)
    if find_spec("nymconnect") is None or find_spec("nymconnect_resources") is None:
        sys.path.insert(0, current)


leave_current_folder()

from nymconnect_proxy.cli import main  # noqa: E402 -- only now

sys.exit(main())
