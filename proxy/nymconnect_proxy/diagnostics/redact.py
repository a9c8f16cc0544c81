"""Takes out of a text what says who somebody is, or with whom he talks; what is left can be shown to others.

First goes what is known by its value: this person's name, home and computer, and whatever the caller names. Then goes
what is known by its form: URLs, addresses, names of hosts, keys, e-mail addresses, paths below any home. Rather a word
too many than a name too few.
"""

import getpass
import platform
import re
from collections.abc import Callable, Iterable
from pathlib import Path

_SHORTEST = 3  # characters; shorter values would hit words that are nobody's
_BASE58 = "[1-9A-HJ-NP-Za-km-z]"
_NUMBERS = r"(?:25[0-5]|2[0-4]\d|1?\d?\d)"
_LOOPBACK = re.compile(r"127\.\d+\.\d+\.\d+|::1|localhost")

_FORMS: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(rf"{_BASE58}{{30,}}\.{_BASE58}{{30,}}@{_BASE58}{{30,}}"), "<nym address>"),
    (re.compile(r"\b([a-z][a-z0-9+.-]{1,15})://[^\s'\"<>)\]]+", re.IGNORECASE), r"\1://<somewhere>"),
    (re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+"), "<e-mail address>"),
    (re.compile(r"(?:/home/|/Users/|/root\b/?|[A-Za-z]:\\+Users\\+)[^\s/\\'\":,;)]*"), "~"),
    (re.compile(r"\b(?:[0-9a-fA-F]{2}[:-]?){16,}\b"), "<key>"),
    (re.compile(rf"\b{_BASE58}{{30,}}\b"), "<key>"),
    (re.compile(r"(?<![\w/])(?=[\w+/-]*\d)(?=[\w+/-]*[A-Za-z])[A-Za-z0-9+/_-]{24,}={0,2}"), "<key>"),
    (re.compile(rf"(?<![\w.])(?!127\.){_NUMBERS}(?:\.{_NUMBERS}){{3}}(?![\w.]*\w)(?::\d{{1,5}})?"), "<address>"),
    (re.compile(r"\[(?!::1\])[0-9a-fA-F:.]*:[0-9a-fA-F:.]*(?:%\w+)?\](?::\d{1,5})?"), "<address>"),
    (re.compile(r"(?<![\w:.])(?!::1\b)(?:[0-9a-fA-F]{0,4}:){2,7}(?:[0-9a-fA-F]{1,4})?(?:%\w+)?(?![\w:])"), "<address>"),
    (
        re.compile(
            r"\b(?:[A-Za-z0-9_](?:[\w-]{0,62})\.)+(?!py\b|toml\b|json\b|log\b)[A-Za-z][\w-]{1,62}\.?(?::\d{1,5})?"
        ),
        "<name>",
    ),
    (re.compile(r"(?<![\w.:])(?!localhost:|line:|127\.)[A-Za-z][\w.-]*:\d{1,5}\b"), "<name>"),
)


class Scrubber:
    """Use one for a whole text; `known` are values to take out wherever they stand, such as the settings' own."""

    def __init__(self, known: Iterable[str] = ()) -> None:
        marks = {_ask(getpass.getuser): "<user>", _ask(platform.node): "<computer>"}
        marks |= {_ask(lambda: str(Path.home())): "~", _ask(lambda: str(Path.home().resolve())): "~"}
        marks |= {value.strip(): "<removed>" for value in known}
        self._marks = {value.lower(): mark for value, mark in marks.items() if _may_be_somebodys(value)}
        longest_first = sorted(self._marks, key=len, reverse=True)
        words = "|".join(rf"(?<!\w){re.escape(value)}(?!\w)" for value in longest_first)
        self._literal = re.compile(words, re.IGNORECASE) if words else None

    def __call__(self, text: str) -> str:
        """`text` without any of it."""
        if self._literal is not None:
            text = self._literal.sub(lambda match: self._marks[match[0].lower()], text)
        for form, mark in _FORMS:
            text = form.sub(mark, text)
        return text


def _may_be_somebodys(value: str) -> bool:
    return len(value) >= _SHORTEST and _LOOPBACK.fullmatch(value) is None


def _ask(question: Callable[[], str]) -> str:
    """What the system says; it need not know."""
    try:
        return question()
    except (OSError, KeyError, RuntimeError, ImportError):
        return ""
