"""Counts the rooms of each package and the import arrows between them: ``python benchmarks/rooms.py [CHECKOUT]``.

A room is a module or a package that lies directly in a package. An arrow leads from one room to another of the same
package if anything in the first imports anything in the second. `docs/architecture.md` has the two tables.
"""

import ast
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
SOURCE_ROOTS = (".", "proxy", "gui")
PACKAGES = ("nymconnect", "nymconnect_proxy", "nymconnect_gui")


def modules(checkout: Path) -> dict[str, Path]:
    """Every module by its import name; a package's name leads to its `__init__`."""
    found = {}
    for root in SOURCE_ROOTS:
        for package in PACKAGES:
            for path in (checkout / root / package).rglob("*.py"):
                parts = path.relative_to(checkout / root).with_suffix("").parts
                found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def imports(path: Path, known: set[str]) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in known)
        elif isinstance(node, ast.ImportFrom) and node.module in known:
            for alias in node.names:
                name = f"{node.module}.{alias.name}"
                yield name if name in known else node.module


def main() -> None:
    found = modules(Path(sys.argv[1]) if len(sys.argv) > 1 else REPOSITORY)
    rooms: defaultdict[str, set[str]] = defaultdict(set)
    arrows: defaultdict[str, set[tuple[str, str]]] = defaultdict(set)
    for name, path in found.items():
        if "." in name:
            rooms[name.rpartition(".")[0]].add(name)
        for target in imports(path, set(found)):
            ours, theirs = name.split("."), target.split(".")
            shared = 0
            while shared < min(len(ours), len(theirs)) and ours[shared] == theirs[shared]:
                shared += 1
            if 0 < shared < min(len(ours), len(theirs)):
                arrows[".".join(ours[:shared])].add((ours[shared], theirs[shared]))
    for package in sorted(rooms):
        print(f"| `{package}` | {len(rooms[package])} | {len(arrows[package])} |")


if __name__ == "__main__":
    main()
