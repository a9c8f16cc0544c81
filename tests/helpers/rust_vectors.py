"""Known answers: `tests/vectors/*.json`, above all those printed by the published Rust crates.

`rust-*.json` is from the line 1.21, `rust-2.0-*.json` from the line 2.0; nearly all sections are in both.
`tests/vectors/PROVENANCE.md` says where they come from.
"""

import json
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import pytest

_FOLDER = Path(__file__).parents[1] / "vectors"
LINES = ("1.21", "2.0")
OLD, NEW = LINES

each_line = pytest.mark.parametrize("line", LINES)


@cache
def load_file(name: str) -> dict[str, Any]:
    """All sections of a vector file; the test fails with the file's name if it cannot be read."""
    try:
        sections: dict[str, Any] = json.loads((_FOLDER / name).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        pytest.fail(f"{name}: {error}")
    return sections


def load(name: str, line: str = OLD) -> dict[str, Any]:
    """All sections of `rust-<name>.json`, or of the same file of another line."""
    return load_file(_file(name, line))


def _file(name: str, line: str) -> str:
    return f"rust-{name}.json" if line == OLD else f"rust-{line}-{name}.json"


def cases(name: str, section: str, lines: Sequence[str] = LINES) -> Any:
    """Parametrises a test with `vector`: one run for each entry of a section in each line, named after both."""
    runs = []
    for line in lines:
        entries = load(name, line)[section]
        if not entries:
            pytest.fail(f"{_file(name, line)}: section {section} is empty")
        for index, entry in enumerate(entries):
            name_of_entry = entry.get("name", index) if isinstance(entry, dict) else index
            runs.append(pytest.param(entry, id=f"{line} {name_of_entry}"))
    return pytest.mark.parametrize("vector", runs)


def unhex(text: str) -> bytes:
    return bytes.fromhex(text)


def pattern(length: int) -> bytes:
    """Bytes 0, 1, … 250, 0, 1, …: the message of every vector that only needs some message."""
    return (bytes(range(251)) * (length // 251 + 1))[:length]
