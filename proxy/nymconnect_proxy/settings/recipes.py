"""How to set programs up for the proxy: one recipe each, read from ``recipes/*.toml`` of the data package.

Command line and window show the same recipes. A file reads like this; `de` and any other language may be left out, and
then the texts are English::

    name = "curl"                     # as the program calls itself
    kind = "tool"                     # see ProgramKind
    protocol = "SOCKS5"               # that the steps choose
    names = "proxy"                   # who resolves names once the steps are done, see NameHandling
    supported = true                  # false: there is no way, and the steps say what to do instead
    tested = "7.88.1"                 # the version that the tests of this repository run; left out if they run none
    summary = "…"
    limits = ["…"]                    # what does not work, or goes around the proxy
    [[steps]]
    text = "…"
    value = "curl -x socks5h://{proxy} …"   # to be copied; left out if there is nothing to copy
    [de]
    name = "…"                        # only if it is more than the program's own
    summary = "…"
    limits = ["…"]
    steps = ["…"]

``{host}``, ``{port}`` and ``{proxy}`` (both, with brackets around an IPv6 address) are filled in by `rendered`.
"""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import Enum
from typing import TypeVar

import msgspec

from nymconnect.endpoints import Endpoint
from nymconnect.errors import UserError
from nymconnect_resources import names_in, read_text

FOLDER = "recipes"
ENGLISH = "en"
MAX_TEXT = 1000
_PLACEHOLDER = re.compile(r"\{(\w*)\}")
_KNOWN = ("host", "port", "proxy")

T = TypeVar("T")


class ProgramKind(Enum):
    """What sort of program it is; the window groups recipes by it."""

    WALLET = "wallet"
    MESSENGER = "messenger"
    MAIL = "mail"
    BROWSER = "browser"
    TOOL = "tool"


class NameHandling(Enum):
    """Who learns the names of the hosts that the program asks for, once the steps are done."""

    PROXY = "proxy"  # the exit alone
    PARTLY = "partly"  # the exit, but some go around: the limits say which
    ADDRESSES = "addresses"  # the program asks for addresses, so there is nothing to resolve
    NONE = "none"  # the program does not use the proxy at all


@dataclass(frozen=True, slots=True)
class Step:
    """What to do, and what to copy for it if there is something."""

    text: str
    value: str | None = None


@dataclass(frozen=True, slots=True)
class Recipe:
    """One program. `key` is what the command line calls it; `tested` is empty for programs that no test runs."""

    key: str
    name: str
    kind: ProgramKind
    protocol: str
    names: NameHandling
    summary: str
    steps: tuple[Step, ...]
    limits: tuple[str, ...] = ()
    tested: str = ""
    supported: bool = True


def load_recipes(language: str = ENGLISH) -> tuple[Recipe, ...]:
    """All recipes in the order of their names, in `language` where there is a translation; UserError for a broken file.

    `language` may be a locale such as ``de_AT.UTF-8``: what stands before the first ``_``, ``-`` or ``.`` counts.
    """
    short = re.split(r"[-_.]", language, maxsplit=1)[0].lower()
    read = [
        read_recipe(name.removesuffix(".toml"), read_text(f"{FOLDER}/{name}"), short)
        for name in names_in(FOLDER)
        if name.endswith(".toml")
    ]
    return tuple(sorted(read, key=lambda recipe: recipe.name.casefold()))


def find(recipes: tuple[Recipe, ...], wanted: str) -> Recipe:
    """The recipe with this key or name, whatever the case; UserError if there is none."""
    for recipe in recipes:
        if wanted.casefold() in (recipe.key.casefold(), recipe.name.casefold()):
            return recipe
    raise UserError(f"there is no recipe for {wanted!r}; there are: {', '.join(recipe.key for recipe in recipes)}")


def rendered(recipe: Recipe, host: str, port: int) -> Recipe:
    """The recipe with the address of the proxy filled in."""
    values = {"host": host, "port": str(port), "proxy": str(Endpoint(host, port))}

    def fill(text: str) -> str:
        return _PLACEHOLDER.sub(lambda match: values[match[1]], text)

    steps = tuple(Step(fill(step.text), None if step.value is None else fill(step.value)) for step in recipe.steps)
    return replace(recipe, summary=fill(recipe.summary), limits=tuple(map(fill, recipe.limits)), steps=steps)


# --- the files --------------------------------------------------------------------------------------------------


class _Translation(msgspec.Struct, forbid_unknown_fields=True):
    summary: str
    steps: list[str]
    limits: list[str] = []
    name: str = ""


class _File(msgspec.Struct, forbid_unknown_fields=True):
    name: str
    kind: ProgramKind
    protocol: str
    names: NameHandling
    summary: str
    steps: list[Step]
    limits: list[str] = []
    tested: str = ""
    supported: bool = True


def read_recipe(key: str, text: str, language: str = ENGLISH) -> Recipe:
    """One file; `key` is its name without the ending. UserError that names file and field if it is broken."""
    where = f"recipe {key}.toml"
    try:
        tables = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise UserError(f"{where} is not TOML: {error}") from error
    # A language is a table with a name of two letters, which no field has.
    translations = {name: tables.pop(name) for name in list(tables) if len(name) == 2}
    file = _convert(where, tables, _File)
    recipe = Recipe(
        key=key,
        name=file.name,
        kind=file.kind,
        protocol=file.protocol,
        names=file.names,
        summary=file.summary,
        steps=tuple(file.steps),
        limits=tuple(file.limits),
        tested=file.tested,
        supported=file.supported,
    )
    _check(where, "", recipe)
    for name, table in translations.items():
        translated = _translated(f"{where}: {name}", recipe, _convert(f"{where}: {name}", table, _Translation))
        _check(where, f"{name}.", translated)
        if name == language:
            recipe = translated
    return recipe


def _convert(where: str, tables: object, shape: type[T]) -> T:
    try:
        return msgspec.convert(tables, shape)
    except msgspec.ValidationError as error:
        raise UserError(f"{where}: {error}") from error


def _translated(where: str, recipe: Recipe, words: _Translation) -> Recipe:
    for field, count in (("steps", len(recipe.steps)), ("limits", len(recipe.limits))):
        if len(getattr(words, field)) != count:
            raise UserError(f"{where}: {field} must be {count}, as many as in English")
    steps = tuple(Step(text, step.value) for text, step in zip(words.steps, recipe.steps, strict=True))
    name = words.name or recipe.name
    return replace(recipe, name=name, summary=words.summary, steps=steps, limits=tuple(words.limits))


def _check(where: str, prefix: str, recipe: Recipe) -> None:
    """Nothing empty, nothing endless, no placeholder that `rendered` does not know."""
    if not recipe.steps:
        raise UserError(f"{where}: {prefix}steps is empty")
    for field, text in _texts(recipe).items():
        if not text.strip() or len(text) > MAX_TEXT:
            raise UserError(f"{where}: {prefix}{field} must have 1 to {MAX_TEXT} characters")
        for match in _PLACEHOLDER.finditer(text):
            if match[1] not in _KNOWN:
                raise UserError(f"{where}: {prefix}{field} has an unknown placeholder {match[0]}")


def _texts(recipe: Recipe) -> Mapping[str, str]:
    """Every text by the name of its field."""
    texts = {"name": recipe.name, "protocol": recipe.protocol, "summary": recipe.summary}
    for number, step in enumerate(recipe.steps):
        texts[f"steps[{number}].text"] = step.text
        if step.value is not None:
            texts[f"steps[{number}].value"] = step.value
    return texts | {f"limits[{number}]": text for number, text in enumerate(recipe.limits)}
