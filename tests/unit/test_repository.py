"""House rules that no other tool checks: what files may say, where modules stand, which doors exist."""

import ast
import re
import subprocess
import sys
import tomllib
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

REPOSITORY = Path(__file__).parents[2]
SOURCE_ROOTS = ("nymconnect", "proxy/nymconnect_proxy", "gui/nymconnect_gui")
SKIPPED = {"__pycache__", "target", "Cargo.lock", "build", "dist"}
MAX_MODULE_LINES = 600
# Written in pieces, so that this file passes its own check.
FORBIDDEN = re.compile(
    "|".join(("pypi" + r"\.org", "python" + r"hosted", "crates" + r"\.io", r"(?<!\w)/" + "work/", "/t" + "mp/"))
)
WIRE_FOLDERS = ("nymconnect/packet", "nymconnect/link")
CODEC = re.compile(r"\bdef (encode|decode|seal|open|feed)")
REFERENCE = re.compile(r"\bnym-[a-z0-9-]+ \d|\bsphinx-packet\b|\bRFC \d|\bNoise\b")


def files() -> Iterator[Path]:
    """Every text file of the repository."""
    for top in sorted(REPOSITORY.iterdir()):
        if top.name in SKIPPED or (top.name.startswith(".") and top.name not in (".ci", ".github", ".gitignore")):
            continue
        for path in [top] if top.is_file() else sorted(top.rglob("*")):
            if path.is_file() and not SKIPPED & set(path.relative_to(REPOSITORY).parts):
                yield path


def modules() -> list[Path]:
    return sorted(path for root in SOURCE_ROOTS for path in (REPOSITORY / root).rglob("*.py"))


def relative(path: Path) -> str:
    return path.relative_to(REPOSITORY).as_posix()


def dotted(path: Path) -> str:
    """Import name of a module; that of its package for an `__init__`."""
    name = relative(path).removeprefix("proxy/").removeprefix("gui/").removesuffix(".py").removesuffix("/__init__")
    return name.replace("/", ".")


@cache
def project() -> dict[str, Any]:
    return tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))


def test_no_file_names_a_registry_or_a_path_of_one_machine() -> None:
    found = []
    for path in files():
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue  # an image
        found += [f"{relative(path)}: {match[0]}" for match in FORBIDDEN.finditer(text)]
    assert found == []


def test_locked_requirements_have_hashes_and_no_addresses() -> None:
    for lock in (REPOSITORY / "requirements").glob("*.txt"):
        text = lock.read_text(encoding="utf-8")
        requirements = re.split(r"^(?=[a-z0-9])", text, flags=re.MULTILINE)[1:]
        assert requirements, lock
        assert all("--hash=sha256:" in requirement for requirement in requirements)
        assert "://" not in text


@pytest.mark.parametrize("path", modules(), ids=relative)
def test_a_module_says_what_it_is_and_stays_readable(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert ast.get_docstring(ast.parse(text)), "no docstring"
    assert text.count("\n") <= MAX_MODULE_LINES, "split it"


def test_no_two_public_classes_share_a_name() -> None:
    """One class name, one thing: a reader who meets it need not look where it comes from."""
    found: defaultdict[str, list[str]] = defaultdict(list)
    for path in (*modules(), *(REPOSITORY / "benchmarks").rglob("*.py")):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                found[node.name].append(relative(path))
    assert {name: paths for name, paths in found.items() if len(paths) > 1} == {}


def test_wire_modules_name_what_they_mirror() -> None:
    silent = [
        relative(path)
        for folder in WIRE_FOLDERS
        for path in (REPOSITORY / folder).rglob("*.py")
        if CODEC.search(text := path.read_text(encoding="utf-8"))
        and not REFERENCE.search(ast.get_docstring(ast.parse(text)) or "")
    ]
    assert silent == []


def test_every_module_stands_on_a_floor() -> None:
    """A module that no layers contract of import-linter lists could import whatever it likes."""
    contracts = project()["tool"]["importlinter"]["contracts"]
    layers = [layer for contract in contracts for layer in contract.get("layers", [])]
    floors = {name.strip("() ") for layer in layers for name in re.split(r"\s*[|:]\s*", layer)}
    floors -= {"nymconnect"}  # as a whole it is the lowest floor of the proxy
    packages = {dotted(path) for path in modules() if path.name == "__init__.py"}
    homeless = [
        name
        for name in map(dotted, modules())
        if name not in packages and not any(name == floor or name.startswith(floor + ".") for floor in floors)
    ]
    assert homeless == []


@pytest.mark.parametrize(
    ("call", "doors"),
    [
        (
            r"\bopen_connection\(|\bcreate_connection\(|\bsock_connect\(",
            {"nymconnect/runtime/outbound.py", "nymconnect/runtime/http.py"},
        ),
        (r"\baiohttp\.ClientSession\(|from aiohttp import .*\bClientSession\b", {"nymconnect/runtime/http.py"}),
        (r"\bgetaddrinfo\(|\bgethostby\w+\(", {"proxy/nymconnect_proxy/exit/resolver.py"}),
        (
            r"\bnymconnect_proxy\.exit(\.resolver import| import .*\bresolver\b)",
            {"proxy/nymconnect_proxy/exit/requester.py", "proxy/nymconnect_proxy/exit/exit_connection.py"},
        ),
    ],
)
def test_outbound_doors_are_where_they_should_be(call: str, doors: set[str]) -> None:
    """So that no path on the client side can dial a target or resolve its name."""
    users = {relative(path) for path in modules() if re.search(call, path.read_text(encoding="utf-8"))}
    assert users <= doors


def test_every_port_is_guarded_by_the_same_door() -> None:
    """So that no stranger fills one; the other two modules try the program out, for seconds and on this machine."""
    call = re.compile(r"\bstart_server\(|\bcreate_server\(|\bTCPSite\(|\bUnixSite\(|\bSockSite\(")
    users = {relative(path) for path in modules() if call.search(path.read_text(encoding="utf-8"))}
    trials = {"proxy/nymconnect_proxy/diagnostics/checkup.py", "proxy/nymconnect_proxy/diagnostics/selftest_network.py"}
    assert users == {"nymconnect/runtime/listening.py"} | trials


OWN_MODULES = ("nymconnect", "nymconnect_proxy", "nymconnect_gui")


def spawns_by_module(path: Path) -> Iterator[tuple[int, bool]]:
    """Each ``-m`` of a command for Python that names one of our programs: its line, and whether ``-P`` is before it."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        words = node.args if isinstance(node, ast.Call) else getattr(node, "elts", [])
        for at, word in enumerate(words[:-1]):
            if not (isinstance(word, ast.Constant) and word.value == "-m"):
                continue
            module = words[at + 1]
            is_ours = not isinstance(module, ast.Constant) or str(module.value).partition(".")[0] in OWN_MODULES
            before = words[at - 1] if at else None
            if is_ours:
                yield word.lineno, isinstance(before, ast.Constant) and before.value == "-P"


def test_this_program_is_started_again_in_one_way_and_never_from_the_current_folder() -> None:
    """A test that types what a person types is the exception."""
    everywhere = [path for path in files() if path.suffix == ".py"]
    found = {relative(path): [safe for _, safe in spawns_by_module(path)] for path in everywhere}
    assert found["nymconnect/runtime/program.py"] == [True]
    in_product = {relative(path) for path in modules() if found[relative(path)]}
    assert in_product == {"nymconnect/runtime/program.py"}
    unsafe = {path for path, spawns in found.items() if not all(spawns)}
    assert unsafe == {"tests/integration/proxy/commands/test_command_line.py"}


def test_unit_tests_do_not_wait() -> None:
    waits = re.compile(r"\bsleep\((?!0\))")
    here = Path(__file__)
    waiting = [
        relative(path)
        for path in (REPOSITORY / "tests" / "unit").rglob("*.py")
        if path != here and waits.search(path.read_text(encoding="utf-8"))
    ]
    assert waiting == []


def test_tests_take_nothing_from_tests() -> None:
    """What two of them need is a helper; the programs of `make apps` are a package of their own."""
    takes = re.compile(r"^(?:from|import) tests\.(?:unit|integration|simulation)\b", re.MULTILINE)
    taking = {
        relative(path)
        for path in (REPOSITORY / "tests").rglob("*.py")
        if takes.search(path.read_text(encoding="utf-8"))
    }
    assert taking == set()


def test_the_command_line_loads_neither_qt_nor_the_network_stack() -> None:
    """It must answer quickly, and run where there is no desktop."""
    check = (
        "import sys, nymconnect_proxy.cli; "
        "print(*sorted({'PySide6', 'qasync', 'aiohttp'} & {name.partition('.')[0] for name in sys.modules}))"
    )
    path = ["-c", f"import sys; sys.path[:0] = {[str(REPOSITORY), str(REPOSITORY / 'proxy')]!r}; {check}"]
    answer = subprocess.run([sys.executable, *path], capture_output=True, text=True, check=True, timeout=30)
    assert answer.stdout.split() == []


def test_every_dependency_is_explained() -> None:
    explained = (REPOSITORY / "docs" / "dependencies.md").read_text(encoding="utf-8").lower()
    extras = project()["project"]["optional-dependencies"].values()
    groups = project()["dependency-groups"].values()
    rows = [row for group in (project()["project"]["dependencies"], *extras, *groups) for row in group]
    names = {re.split(r"[><=;\[ ]", row)[0].lower() for row in rows if isinstance(row, str)}
    assert sorted(name for name in names if f"| {name} " not in explained) == []


def test_links_between_documents_lead_somewhere() -> None:
    broken = [
        f"{relative(path)}: {target}"
        for path in files()
        if path.suffix == ".md"
        for target in re.findall(r"\]\(([^)#\s]+)", path.read_text(encoding="utf-8"))
        if "://" not in target and not target.startswith("mailto:") and not (path.parent / target).exists()
    ]
    assert broken == []


def test_make_targets_named_in_documents_exist() -> None:
    targets = set(re.findall(r"^([a-z]+):", (REPOSITORY / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    named = {
        name
        for path in files()
        if path.suffix == ".md"
        for name in re.findall(r"`make ([a-z]+)", path.read_text(encoding="utf-8"))
    }
    assert named <= targets
