"""Seeded mutations of recorded inputs: of byte strings, of texts, of JSON documents.

Each mutator takes a random generator and the recorded inputs and makes one new input. It is a function of the generator
alone, so a seed repeats a run.
"""

import json
import random
from collections.abc import Callable, Sequence
from typing import Any

Mutator = Callable[[random.Random, Sequence[bytes]], bytes]

_EDGE_BYTES = (0, 1, 2, 3, 4, 6, 0x7F, 0x80, 0xFB, 0xFC, 0xFD, 0xFE, 0xFF)
_TEXT_PIECES = (*"0123456789 .,:;/*#@[]{}\"'+-_\\\n\r\tAaZzexu%", "é", "\u2028", "\x00", "\x7f", "0x", "-1", "1e3")
_NUMBERS = (
    *("0", "1", "-1", "255", "256", "65535", "65536", "1000000000", "2147483648", "4294967295", "4294967296"),
    *("9223372036854775807", "9223372036854775808", "18446744073709551615", "18446744073709551616"),
    *("-9223372036854775808", "-9223372036854775809", "-0", "1.0", "1.5", "1e2", "1E+2", "1e400", "1" * 400),
)
_STRINGS = ("", "a", "0", "1", "null", " ", "ü", "\u0000", "10.0.0.1", "::1", "accept", "x" * 600)
_BAD_LITERALS = ("01", "+1", ".5", "1.", "NaN", "Infinity", "True", "'a'", '"\\ud800"', '"\\x41"', '"\x01"', "")


# --- bytes ------------------------------------------------------------------------------------------------------


def mutate_bytes(rng: random.Random, seeds: Sequence[bytes]) -> bytes:
    """One to three edits of a seed; now and then none, so that the good case is compared as well."""
    data = rng.choice(seeds)
    for _ in range(rng.choice((0, 1, 1, 1, 1, 1, 2, 3))):
        data = rng.choice(_BYTE_EDITS)(rng, data, seeds)
    return data


def _place(rng: random.Random, data: bytes) -> int:
    """A position; the front, where headers are, more often than the rest."""
    return rng.randrange(min(len(data), rng.choice((4, 24, 64, len(data)))) or 1) if data else 0


def _flip_bit(rng: random.Random, data: bytes, _: Sequence[bytes]) -> bytes:
    at = _place(rng, data)
    return data[:at] + bytes(byte ^ 1 << rng.randrange(8) for byte in data[at : at + 1]) + data[at + 1 :]


def _set_byte(rng: random.Random, data: bytes, _: Sequence[bytes]) -> bytes:
    at = _place(rng, data)
    return data[:at] + bytes([rng.choice((*_EDGE_BYTES, rng.randrange(256)))]) + data[at + 1 :]


def _truncate(rng: random.Random, data: bytes, _: Sequence[bytes]) -> bytes:
    return data[: rng.choice((_place(rng, data), max(0, len(data) - rng.randrange(1, 40))))]


def _extend(rng: random.Random, data: bytes, _: Sequence[bytes]) -> bytes:
    length = rng.choice((1, 1, 2, 3, 4, 16, 100))
    return data + rng.choice((bytes(length), rng.randbytes(length), data[:length], b"\xff" * length))


def _splice(rng: random.Random, data: bytes, seeds: Sequence[bytes]) -> bytes:
    other = rng.choice(seeds)
    at = _place(rng, data)
    return data[:at] + other[rng.choice((at, _place(rng, other))) :]


def _cut_out(rng: random.Random, data: bytes, _: Sequence[bytes]) -> bytes:
    at = _place(rng, data)
    return data[:at] + data[at + rng.choice((1, 1, 2, 4, 16)) :]


def _insert(rng: random.Random, data: bytes, _: Sequence[bytes]) -> bytes:
    at, length = _place(rng, data), rng.choice((1, 1, 2, 4, 16))
    return data[:at] + rng.choice((rng.randbytes(length), data[at : at + length])) + data[at:]


def _blank(rng: random.Random, data: bytes, _: Sequence[bytes]) -> bytes:
    """Makes a run of equal bytes, as long as a key: keys of zeros are special on both curves."""
    at, length = rng.choice((0, _place(rng, data))), rng.choice((16, 32))
    run = rng.choice((b"\x00", b"\x00", b"\x01", b"\xff")) * len(data[at : at + length])
    return data[:at] + run + data[at + length :]


def _edit_length(rng: random.Random, data: bytes, _: Sequence[bytes]) -> bytes:
    """Overwrites what could be a length field by a length that could be in question."""
    at, width = _place(rng, data), rng.choice((1, 2, 4, 8))
    limit = (1 << 8 * width) - 1
    old = int.from_bytes(data[at : at + width], "big")
    value = rng.choice((0, 1, old - 1, old + 1, len(data), len(data) - at - width, limit, limit >> 1)) & limit
    return data[:at] + value.to_bytes(width, "big") + data[at + width :]


_BYTE_EDITS = (
    *(_flip_bit, _flip_bit, _set_byte, _set_byte, _truncate, _extend),
    *(_splice, _cut_out, _insert, _blank, _edit_length),
)


# --- texts ------------------------------------------------------------------------------------------------------


def mutate_text(rng: random.Random, seeds: Sequence[bytes]) -> bytes:
    """One to three edits of a text, which mostly stays UTF-8."""
    if rng.random() < 0.1:
        return mutate_bytes(rng, seeds)
    text = rng.choice(seeds).decode()
    for _ in range(rng.choice((0, 1, 1, 1, 2, 3))):
        at, piece = rng.randrange(len(text) + 1), rng.choice(_TEXT_PIECES)
        skipped = rng.choice((0, 0, 1, 1, rng.randrange(1, 8)))
        other = rng.choice(seeds).decode()
        text = rng.choice(
            (
                text[:at] + piece + text[at + skipped :],
                text[:at] + text[at + skipped :],
                text[:at] + text[at : at + 1].swapcase() + text[at + 1 :],
                text[:at] + other[rng.randrange(len(other) + 1) :],
                text[:at] + text[at : at + skipped] + text[at:],
            )
        )
    return text.encode()


# --- JSON -------------------------------------------------------------------------------------------------------


class _Members(list[tuple[str, Any]]):
    """A JSON object that may hold a member twice."""


class _Literal(str):
    """Written into the document as it is."""


def mutate_json(rng: random.Random, seeds: Sequence[bytes]) -> bytes:
    """One or two edits of the tree, written with or without blanks; now and then an edit of the text instead."""
    seed = rng.choice(seeds)
    try:
        tree = json.loads(seed, object_pairs_hook=_Members, parse_int=_Literal, parse_float=_Literal)
    except ValueError:
        return mutate_text(rng, seeds)
    if rng.random() < 0.15:
        return mutate_text(rng, [seed])
    for _ in range(rng.choice((0, 1, 1, 1, 1, 1, 2))):
        tree = _edit_tree(rng, tree)
    text = _write(tree, rng.choice(("", "", "", " ", "\n\t")))
    return (text + rng.choice(("",) * 12 + (" ", "\n", "x", "{}", "\x00"))).encode()


def _write(node: object, blank: str) -> str:
    if isinstance(node, _Literal):
        return str(node)
    if isinstance(node, _Members):
        return "{" + ",".join(f"{blank}{json.dumps(k)}{blank}:{blank}{_write(v, blank)}" for k, v in node) + blank + "}"
    if isinstance(node, list):
        return "[" + ",".join(blank + _write(each, blank) for each in node) + "]"
    return json.dumps(node, ensure_ascii=False)


def _containers(node: object) -> list[list[Any]]:
    """All objects and arrays that are not empty, the outermost first."""
    if not isinstance(node, list) or not node:
        return []
    children = [child for _, child in node] if isinstance(node, _Members) else node
    return [node, *(inner for child in children for inner in _containers(child))]


def _edit_tree(rng: random.Random, tree: Any) -> Any:
    places = _containers(tree)
    if not places or rng.random() < 0.04:
        return _other_value(rng, tree)
    place = rng.choice([each for each in places if isinstance(each, _Members)] or places)
    if rng.random() < 0.4:
        place = rng.choice(places)
    index = rng.randrange(len(place))
    if isinstance(place, _Members):
        _edit_member(rng, place, index)
    else:
        rng.choice(
            (
                lambda: place.__setitem__(index, _other_value(rng, place[index])),
                lambda: place.pop(index),
                lambda: place.insert(index, place[rng.randrange(len(place))]),
            )
        )()
    return tree


def _edit_member(rng: random.Random, members: _Members, index: int) -> None:
    name, value = members[index]
    edit = rng.choice(("drop", "retype", "retype", "retype", "retype", "rename", "again", "null", "unknown", "move"))
    if edit == "drop":
        members.pop(index)
    elif edit == "retype":
        members[index] = (name, _other_value(rng, value))
    elif edit == "rename":
        members[index] = (rng.choice((name + "s", name.upper(), name.title(), "", name[:-1], "type")), value)
    elif edit == "again":
        again = (name, rng.choice((value, _other_value(rng, value))))
        members.insert(rng.randrange(len(members) + 1), again)
    elif edit == "null":
        members[index] = (name, None)
    elif edit == "unknown":
        members.insert(rng.randrange(len(members) + 1), (rng.choice(("more", "x", "")), _any_value(rng)))
    else:
        members.append(members.pop(index))


def _any_value(rng: random.Random) -> Any:
    kind = rng.randrange(10)
    if kind < 4:
        return _Literal(rng.choice(_NUMBERS))
    if kind < 6:
        return rng.choice(_STRINGS)
    if kind < 9:
        return rng.choice((None, True, False, [], _Members(), [_Literal("1")], _Members([("a", _Literal("1"))])))
    return _Literal(rng.choice((*_BAD_LITERALS, "[" * 100 + "]" * 100, "[" * 200 + "]" * 200)))


def _other_value(rng: random.Random, old: Any) -> Any:
    """Near `old` half of the time, else anything."""
    if rng.random() < 0.5:
        return _any_value(rng)
    if isinstance(old, _Literal):
        return rng.choice(
            (_Literal(old + ".0"), _Literal(old + "e0"), str(old), [old], _Literal("-" + old), _Literal("0" + old))
        )
    if isinstance(old, _Members):
        return rng.choice(([value for _, value in old], [old], _Members(), None, _Members(old[:1])))
    if isinstance(old, list):
        return rng.choice((_Members(), old[:-1], [*old, *old[:1]], [old], "", None))
    if isinstance(old, str):
        escaped = _Literal('"' + "".join(f"\\u{ord(each):04x}" for each in old[:40]) + '"')
        near = (
            old + " ",
            old[:-1],
            old[1:],
            old.swapcase(),
            old + old[-1:],
            old.replace(":", ""),
            old.replace(".", ""),
        )
        return rng.choice((escaped, [old], *near, mutate_text(rng, [old.encode()]).decode(errors="replace")))
    return rng.choice((None, True, False, _Literal("0"), _Literal("1"), "true", "null"))
