"""The command line that names ourselves."""

import sys

import pytest

from nymconnect.runtime.program import MAIN, own_command

PACER = "nymconnect.client.pacer.child"


@pytest.mark.parametrize("module", [MAIN, PACER])
def test_python_is_told_to_leave_the_current_folder_alone(module: str) -> None:
    assert own_command(module) == [sys.executable, "-P", "-m", module]


def test_a_frozen_program_names_its_part_by_a_word(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    assert own_command() == [sys.executable]
    assert own_command(PACER) == [sys.executable, "pacer"]
