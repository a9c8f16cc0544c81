"""This program again, as a child process or at login: the one command line that names ourselves.

Without ``-P`` Python imports from the folder that somebody happens to stand in, before all others: a ``blake3.py`` left
in a folder of downloads would run with a wallet's keys. ``-P`` leaves ``PYTHONPATH`` and what is installed as they are.
A frozen program is its own interpreter and has no such path; there a word says which part of it is meant.
"""

import sys

MAIN = "nymconnect_proxy"
_FROZEN_WORDS = {MAIN: (), "nymconnect.client.pacer.child": ("pacer",)}


def own_command(module: str = MAIN) -> list[str]:
    """How to run the command line, or one of our modules that is a program; arguments follow."""
    if getattr(sys, "frozen", False):
        return [sys.executable, *_FROZEN_WORDS[module]]
    return [sys.executable, "-P", "-m", module]
