"""Known answers: `tests/vectors/*.json`, above all those printed by the published Rust crates (`rust-*.json`).

`tests/vectors/PROVENANCE.md` says where they come from.
"""

import json
from functools import cache
from pathlib import Path
from typing import Any

import pytest

_FOLDER = Path(__file__).parents[1] / "vectors"


@cache
def load_file(name: str) -> dict[str, Any]:
    """All sections of a vector file; the test fails with the file's name if it cannot be read."""
    try:
        sections: dict[str, Any] = json.loads((_FOLDER / name).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        pytest.fail(f"{name}: {error}")
    return sections


def load(name: str) -> dict[str, Any]:
    """All sections of `rust-<name>.json`."""
    return load_file(f"rust-{name}.json")


def cases(name: str, section: str) -> Any:
    """Parametrises a test with `vector`: one run for each entry of a section, named after the entry."""
    entries = load(name)[section]
    if not entries:
        pytest.fail(f"rust-{name}.json: section {section} is empty")
    ids = [
        str(entry.get("name", index)) if isinstance(entry, dict) else str(index) for index, entry in enumerate(entries)
    ]
    return pytest.mark.parametrize("vector", entries, ids=ids)


def unhex(text: str) -> bytes:
    return bytes.fromhex(text)


def pattern(length: int) -> bytes:
    """Bytes 0, 1, … 250, 0, 1, …: the message of every vector that only needs some message."""
    return (bytes(range(251)) * (length // 251 + 1))[:length]
