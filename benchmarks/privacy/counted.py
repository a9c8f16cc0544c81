"""Runs one of our modules as a program that, on SIGUSR1, writes down how many objects it holds: for `soak`.

``counted.py FILE MODULE ARGUMENTS…``. FILE gets one JSON object: memory blocks of the interpreter, objects that the
collector tracks and the most frequent types of them, entries of all its dicts, lists, sets and queues together, and the
largest of these. POSIX only.
"""

import gc
import json
import runpy
import signal
import sys
from collections import Counter, deque
from pathlib import Path
from types import FrameType
from typing import Any

from nymconnect.storage import write_private

TYPES = 12
LARGEST = 8


def census() -> dict[str, Any]:
    """What this process holds; garbage is collected first."""
    gc.collect()
    objects = gc.get_objects()
    kinds = Counter(f"{type(each).__module__}.{type(each).__qualname__}" for each in objects)
    containers = [each for each in objects if isinstance(each, dict | list | set | frozenset | deque)]
    sizes = sorted((len(each) for each in containers), reverse=True)
    return {
        "blocks": sys.getallocatedblocks(),
        "objects": len(objects),
        "entries": sum(sizes),
        "largest": sizes[:LARGEST],
        "types": dict(kinds.most_common(TYPES)),
    }


def main() -> None:
    path, module = Path(sys.argv[1]), sys.argv[2]

    def write(_number: int, _frame: FrameType | None) -> None:
        write_private(path, json.dumps(census()).encode())

    signal.signal(signal.SIGUSR1, write)
    sys.argv = [module, *sys.argv[3:]]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
