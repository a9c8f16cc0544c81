"""The mutation run: which changes it makes, and that it tells a test that notices from one that does not."""

import ast
import random
from pathlib import Path

import pytest

from benchmarks.mutations import MODULES, ROOT, changed, changes_of, survivors

SOURCE = "def clamp(value, most):\n    return most if value > most and value != 1 else value + 2\n"


def test_each_change_differs_from_the_module_in_one_line() -> None:
    made = [changed(SOURCE, change) for change in changes_of(ast.parse(SOURCE))]
    assert sorted(text.splitlines()[1].strip() for text in made) == [
        "return most if value > most and value != 1 else value + 3",
        "return most if value > most and value != 1 else value - 2",
        "return most if value > most and value != 2 else value + 2",
        "return most if value > most and value == 1 else value + 2",
        "return most if value > most or value != 1 else value + 2",
        "return most if value >= most and value != 1 else value + 2",
    ]


@pytest.mark.parametrize(("asserted", "noticed"), [("clamp(5, 9) == 7", True), ("clamp(5, 9)", False)])
def test_what_no_test_notices_is_named(asserted: str, noticed: bool, tmp_path: Path) -> None:
    (tmp_path / "clamping.py").write_text("def clamp(value, most):\n    return value + most - most + 2\n")
    (tmp_path / "test_clamping.py").write_text(
        f"from clamping import clamp\n\ndef test_it():\n    assert {asserted}\n", encoding="utf-8"
    )
    tried, left = survivors(tmp_path, "clamping.py", "test_clamping.py", 1, random.Random(1))
    assert tried == 1
    assert (left == []) is noticed


def test_the_modules_and_their_tests_exist() -> None:
    assert all((ROOT / module).is_file() and (ROOT / tests).exists() for module, tests in MODULES.items())
