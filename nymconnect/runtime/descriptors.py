"""How many descriptors this process may have, and whether one that it was given is among the last.

Connections must leave some for what a node cannot do without: files, its database, links to other nodes. POSIX gives
out the lowest free number. So while nothing from outside keeps a number of the reserve, a new descriptor's number says
whether the others are all in use, by any part of the process. Windows has no such limit, and its handles no such order.
"""

import contextlib
import sys

if sys.platform != "win32":
    import resource

MOST_FILES = 1 << 20  # some systems allow a thousand times as many, and choke on it
SMALLEST_RESERVE, LARGEST_RESERVE = 32, 512


def raise_limit() -> None:
    """Let this process have as many as the system allows. Call it once, at the start of a program."""
    if sys.platform == "win32":
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MOST_FILES if hard == resource.RLIM_INFINITY else min(hard, MOST_FILES)
    for limit in (wanted, min(wanted, 10240)):  # macOS allows no more than the second, although it reports more
        if soft == resource.RLIM_INFINITY or soft >= limit:
            return
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (limit, hard))
            return


def reserve(limit: int) -> int:
    """How many of `limit` descriptors no connection from outside may take."""
    return max(SMALLEST_RESERVE, min(LARGEST_RESERVE, limit // 4))


def room() -> int | None:
    """How many descriptors are not of the reserve; None if nothing bounds them."""
    if sys.platform == "win32":
        return None
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return None if soft == resource.RLIM_INFINITY else max(0, soft - reserve(soft))


def is_spare(descriptor: int) -> bool:
    """Whether it is one of the reserve, and should be given back."""
    most = room()
    return most is not None and descriptor >= most
