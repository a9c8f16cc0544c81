"""``python -m nymconnect_proxy``: the command line, for the child processes that it starts."""

import sys

from nymconnect_proxy.cli import main

sys.exit(main())
