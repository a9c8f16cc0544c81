"""What a JSON input of the fuzzer says, for the rules that tell where both sides may read it differently."""

import json
from collections.abc import Iterator, Sequence
from typing import Any


class Document:
    """A JSON text read as leniently as can be, and what was odd in it. `root` is None if it is no JSON at all."""

    def __init__(self, text: bytes, seeds: Sequence[bytes]) -> None:
        self._usual = {path for seed in seeds for path, _ in places(self._load(seed), dict)}
        self.repeats = self.minus_zero = self.huge = self.beyond_i64 = False
        self.root = self._load(text)

    def _load(self, text: bytes) -> Any:
        self.repeats = self.minus_zero = self.huge = self.beyond_i64 = False
        try:
            return json.loads(text, object_pairs_hook=self._members, parse_int=self._number, parse_float=self._number)
        except (ValueError, RecursionError):
            return None

    def _members(self, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        self.repeats |= len(dict(pairs)) < len(pairs)
        return dict(pairs)

    def _number(self, text: str) -> float:
        self.minus_zero |= text == "-0"
        self.huge |= abs(float(text)) == float("inf")
        if set(text) & set(".eE"):
            return float(text)
        self.beyond_i64 |= int(text) >= 2**63
        return int(text)

    @property
    def has_an_array_for_an_object(self) -> bool:
        """Whether an array stands where the recorded inputs have an object."""
        return any(path in self._usual for path, _ in places(self.root, list))

    def at(self, path: str) -> list[Any]:
        """All values at a place such as `/nodes/data/*/entry`; `*` is each element of an array."""
        found = [self.root]
        for name in path.split("/")[1:]:
            if name == "*":
                found = [child for node in found if isinstance(node, list) for child in node]
            else:
                found = [node[name] for node in found if isinstance(node, dict) and name in node]
        return found

    def objects_at(self, path: str) -> list[dict[str, Any]]:
        return [node for node in self.at(path) if isinstance(node, dict)]


def places(node: Any, kind: type, path: str = "") -> Iterator[tuple[str, Any]]:
    """Path and value of each `kind` in a document; all elements of an array have one path."""
    if isinstance(node, kind):
        yield path, node
    children = (
        node.items() if isinstance(node, dict) else [("*", each) for each in node] if isinstance(node, list) else ()
    )
    for name, child in children:
        yield from places(child, kind, f"{path}/{name}")
