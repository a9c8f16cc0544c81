"""Names of our code that stand in back-quotes, in docstrings and documents, lead to something that exists."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
SOURCE_ROOTS = ("nymconnect", "proxy/nymconnect_proxy", "gui/nymconnect_gui")
DOCUMENTS = sorted([*REPOSITORY.glob("*.md"), *REPOSITORY.glob("docs/*.md"), *REPOSITORY.glob("benchmarks/*.md")])
QUOTED = re.compile(r"(?<!`)`{1,2}([^`\n]+)`{1,2}(?!`)")
DOTTED = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)+")
PYTHON_FILE = re.compile(r"[\w./-]+\.py|(nymconnect\w*|proxy|gui|tests|benchmarks|docs)/[\w./-]*")
FILE_ENDINGS = {"bin", "db", "desktop", "json", "lock", "log", "rs", "toml", "ts", "md", "ci", "qm", "rustup"}
# Words in the first part of dotted names that are no code of ours.
FOREIGN = {
    "asyncio", "blake3", "cryptography", "hazmat", "network", "os", "pagination", "random", "size", "socket", "ssl",
    "sys", "time",
}  # fmt: skip
# Names of Nym's crates, of libraries and of fields of their formats, and words that mean themselves.
FOREIGN_WORDS = {
    "ack_controller", "available_bandwidth", "data", "de", "deadline", "ip_check", "ip_nonlocal_bind", "light",
    "lioness", "log_level", "node_describe_cache", "now", "nymconnect_resources", "print", "proxy_runner", "router",
    "shared_keys", "snow", "ticket_replay", "time", "wsproto",
}  # fmt: skip
# The record of what changed keeps the names of its day.
HISTORY = {"CHANGELOG.md"}
PLACEHOLDER = re.compile(r"[A-Z]{4,}|…")


@cache
def modules() -> dict[str, Path]:
    found = {}
    for root in SOURCE_ROOTS:
        top = (REPOSITORY / root).parent
        for path in (REPOSITORY / root).rglob("*.py"):
            found[".".join(path.relative_to(top).with_suffix("").parts).removesuffix(".__init__")] = path
    return found


def relative(path: Path) -> str:
    return path.relative_to(REPOSITORY).as_posix()


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


@cache
def identifiers(path: Path) -> frozenset[str]:
    """Every name in the code of a module, without its leading underscore, and each word of its other strings."""
    found: set[str] = set()
    for node in ast.walk(tree(path)):
        match node:
            case ast.Name(id=name) | ast.Attribute(attr=name) | ast.arg(arg=name) | ast.keyword(arg=str(name)):
                found.add(name.lstrip("_"))
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                found.add(name.lstrip("_"))
            case ast.alias(name=name):
                found.update(name.split("."))
            case ast.Constant(value=str(text)) if " " not in text.strip():
                found.update(re.findall(r"\w+", text))
    return frozenset(found)


@cache
def classes() -> dict[str, list[Path]]:
    found: dict[str, list[Path]] = {}
    for path in modules().values():
        for node in ast.walk(tree(path)):
            if isinstance(node, ast.ClassDef):
                found.setdefault(node.name, []).append(path)
    return found


@cache
def module_endings() -> dict[str, list[Path]]:
    """`client.client` leads to `nymconnect.client.client`, and so on for every module and package."""
    found: dict[str, list[Path]] = {}
    for name, path in modules().items():
        parts = name.split(".")
        for at in range(len(parts)):
            found.setdefault(".".join(parts[at:]), []).append(path)
    return found


def leads_somewhere(name: str, owner: Path) -> bool:
    """For a dotted name: a module, something in a module, or a member of a class or of an object beside it."""
    parts = name.split(".")
    if parts[0] in FOREIGN or parts[-1] in FILE_ENDINGS:
        return True
    for length in range(len(parts), 0, -1):
        for path in module_endings().get(".".join(parts[:length]), []):
            if length == len(parts) or parts[length].lstrip("_") in identifiers(path):
                return True
    if any(parts[1].lstrip("_") in identifiers(path) for path in classes().get(parts[0], [])):
        return True
    return owner.suffix == ".py" and all(part.lstrip("_") in identifiers(owner) for part in parts)


def file_exists(name: str, owner: Path) -> bool:
    if any((folder / name).exists() for folder in (owner.parent, *owner.parents) if folder.is_relative_to(REPOSITORY)):
        return True
    roots = (REPOSITORY / root for root in ("nymconnect", "proxy", "gui", "benchmarks"))
    if any((root / name).exists() for root in roots):
        return True
    return owner.parent == REPOSITORY / "benchmarks" and any((REPOSITORY / "benchmarks").rglob(name))


def docstrings(path: Path) -> Iterator[str]:
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            yield ast.get_docstring(node, clean=False) or ""


def stale(text: str, owner: Path) -> Iterator[str]:
    for quoted in QUOTED.findall(text):
        if PLACEHOLDER.search(quoted) or quoted == "blake3.py":  # a file that somebody else could plant
            continue
        if PYTHON_FILE.fullmatch(quoted):
            if not file_exists(quoted, owner):
                yield quoted
        elif DOTTED.fullmatch(quoted) and not leads_somewhere(quoted, owner):
            yield quoted


def comments(path: Path) -> str:
    return "\n".join(re.findall(r"(?:^|  |\n)\s*# (.*)", path.read_text(encoding="utf-8")))


@pytest.mark.parametrize("path", sorted(modules().values()), ids=relative)
def test_dotted_names_and_files_in_docstrings_exist(path: Path) -> None:
    assert list(stale("\n".join([*docstrings(path), comments(path)]), path)) == []


@pytest.mark.parametrize("path", [path for path in DOCUMENTS if path.name not in HISTORY], ids=relative)
def test_dotted_names_and_files_in_documents_exist(path: Path) -> None:
    assert list(stale(path.read_text(encoding="utf-8"), path)) == []


@pytest.mark.parametrize("path", sorted(modules().values()), ids=relative)
def test_single_names_in_docstrings_are_modules_or_stand_in_the_code(path: Path) -> None:
    """So a module that has got another name is not called by its old one."""
    known = identifiers(path) | set(module_endings()) | FOREIGN_WORDS
    if path.name == "__init__.py":
        known |= {name for beside in path.parent.rglob("*.py") for name in identifiers(beside)}
    words = {word for text in docstrings(path) for word in QUOTED.findall(text) if re.fullmatch(r"[a-z][a-z_]+", word)}
    assert sorted(word for word in words if word.lstrip("_") not in known) == []


def test_tables_of_modules_list_modules_that_exist() -> None:
    wrong, seen = [], 0
    for name in ("architecture", "desktop-development"):
        rows = iter((REPOSITORY / "docs" / f"{name}.md").read_text(encoding="utf-8").splitlines())
        for row in rows:
            if row.startswith("| module |"):
                for line in rows:
                    if not line.startswith("|"):
                        break
                    words = [word.rstrip("/") for word in QUOTED.findall(line.split("|")[1])]
                    seen += len(words)
                    wrong += [word for word in words if word.replace("/", ".") not in module_endings()]
    assert seen > 50
    assert wrong == []
