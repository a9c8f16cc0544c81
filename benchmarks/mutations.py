"""Would the tests notice? Changes one spot of a pure module at a time and runs the module's own tests on it.

``python -m benchmarks.mutations`` prints each change that survives: an edge of a comparison, a sign, a number, a
condition that no test looks at. By hand only; a survivor is a question, not a failure, for some changes change nothing.
The checkout stays as it is: everything happens in a copy.
"""

import argparse
import ast
import random
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
PARTS = ("nymconnect", "proxy", "gui", "resources", "benchmarks", "tests", "pyproject.toml")
PATIENCE = 300.0  # seconds; a change that makes a loop endless has been noticed
MODULES = {
    "nymconnect/client/sending/congestion_window.py": "tests/unit/client/sending/test_congestion_window.py",
    "nymconnect/client/sending/flow_control.py": "tests/unit/client/sending/test_flow_control.py",
    "nymconnect/client/sending/lanes.py": "tests/unit/client/sending/test_lanes.py",
    "nymconnect/client/sending/retransmission.py": "tests/unit/client/sending/test_retransmission.py",
    "nymconnect/lobby.py": "tests/unit/test_lobby.py",
    "nymconnect/node/replay.py": "tests/unit/node/test_replay.py",
    "proxy/nymconnect_proxy/exit/admission.py": "tests/unit/proxy/exit/test_admission.py",
    "proxy/nymconnect_proxy/protocol/credit.py": "tests/unit/proxy/protocol/test_credit.py",
    "proxy/nymconnect_proxy/streams/flow.py": "tests/unit/proxy/streams",
    "proxy/nymconnect_proxy/streams/ordering.py": "tests/unit/proxy/streams",
}
COMPARISONS: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
}
OPERATORS: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.FloorDiv,
    ast.FloorDiv: ast.Mult,
    ast.Div: ast.Mult,
}


@dataclass(frozen=True, slots=True)
class Mutation:
    """`make` changes a node of the module's tree; its inverse is not needed, for each change gets a fresh tree."""

    index: int  # of the node, in the order of `ast.walk`
    line: int
    make: Callable[[ast.AST], None]


def changes_of(tree: ast.AST) -> Iterator[Mutation]:
    """Every change that this knows, of code alone."""
    for index, node in enumerate(ast.walk(tree)):
        if (make := _change_of(node)) is not None:
            yield Mutation(index, getattr(node, "lineno", 0), make)


def _change_of(node: ast.AST) -> Callable[[ast.AST], None] | None:
    match node:
        case ast.Compare(ops=[op]) if type(op) in COMPARISONS:
            return lambda each: setattr(each, "ops", [COMPARISONS[type(op)]()])
        case ast.BinOp(op=op) | ast.AugAssign(op=op) if type(op) in OPERATORS:
            return lambda each: setattr(each, "op", OPERATORS[type(op)]())
        case ast.BoolOp(op=ast.And()):
            return lambda each: setattr(each, "op", ast.Or())
        case ast.BoolOp(op=ast.Or()):
            return lambda each: setattr(each, "op", ast.And())
        case ast.Constant(value=bool() as value):
            return lambda each: setattr(each, "value", not value)
        case ast.Constant(value=int() | float() as number):
            return lambda each: setattr(each, "value", number + 1)
    return None


def changed(source: str, change: Mutation) -> str:
    """The module with that change."""
    tree = ast.parse(source)
    change.make(next(node for index, node in enumerate(ast.walk(tree)) if index == change.index))
    return ast.unparse(tree)


def line_of(source: str, change: Mutation) -> str:
    """The line as the change leaves it."""
    before, after = ast.unparse(ast.parse(source)).splitlines(), changed(source, change).splitlines()
    return next((b.strip() for a, b in zip(before, after, strict=False) if a != b), "")


def notices(copy: Path, tests: str) -> bool:
    """Whether a test of the copy fails."""
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", *tests.split()]
    try:
        ran = subprocess.run(command, cwd=copy, capture_output=True, timeout=PATIENCE, check=False)
    except subprocess.TimeoutExpired:
        return True
    return ran.returncode != 0


def survivors(copy: Path, module: str, tests: str, count: int, rng: random.Random) -> tuple[int, list[str]]:
    """How many changes were tried, and those that no test noticed."""
    path = copy / module
    source = path.read_text(encoding="utf-8")
    if notices(copy, tests):
        raise SystemExit(f"{tests} fails as it is")
    known = list(changes_of(ast.parse(source)))
    tried = sorted(rng.sample(known, min(count, len(known))), key=lambda change: change.line)
    left = []
    for change in tried:
        path.write_text(changed(source, change), encoding="utf-8")
        if not notices(copy, tests):
            left.append(f"{module}:{change.line}: {line_of(source, change)}")
    path.write_text(source, encoding="utf-8")
    return len(tried), left


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=25, help="changes of each module")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("modules", nargs="*", default=list(MODULES), metavar="MODULE")
    flags = parser.parse_args(arguments)
    rng = random.Random(flags.seed)
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder)
        for part in PARTS:
            whole = ROOT / part
            shutil.copytree(whole, copy / part) if whole.is_dir() else shutil.copy(whole, copy / part)
        for module in flags.modules:
            tried, left = survivors(copy, module, MODULES[module], flags.count, rng)
            print(f"{module}: {tried - len(left)} of {tried} noticed", *left, sep="\n  ", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
