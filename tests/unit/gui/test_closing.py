"""Closing the window: asked once, remembered, and never a window that is lost."""

from PySide6.QtWidgets import QAbstractButton, QMessageBox

from nymconnect_gui.app import Program
from nymconnect_gui.model.window_memory import Store
from nymconnect_proxy.session.states import State
from tests.helpers.fake_session import snapshot
from tests.helpers.panel import put_tray


def answer(program: Program, text: str) -> None:
    """Press a button of the open question."""
    question = program.closing.question
    assert question is not None
    choices = {button.text().replace("&", ""): button for button in question.buttons()}
    pressed: QAbstractButton = choices[text]
    pressed.click()


def close(program: Program) -> QMessageBox | None:
    program.window.close()
    return program.closing.question


def test_with_a_tray_it_is_asked_once_and_kept(program: Program) -> None:
    put_tray(program)
    program.start()
    question = close(program)
    assert question is not None
    assert all(button.icon().isNull() for button in question.buttons())
    assert program.window.isVisible()
    answer(program, "Keep in the tray")
    assert not program.window.isVisible()
    assert program.store.values.keep_in_tray is True
    program.window.show()
    assert close(program) is None
    assert not program.window.isVisible()
    assert not program.ended.is_set()


def test_the_answer_outlives_the_program(program: Program) -> None:
    put_tray(program)
    program.start()
    close(program)
    answer(program, "Keep in the tray")
    assert program.context.directories is not None
    assert Store(program.context.directories.settings).values.keep_in_tray is True


def test_quit_is_an_answer_as_well(program: Program) -> None:
    put_tray(program)
    program.start()
    close(program)
    answer(program, "Quit")
    assert program.ended.is_set()
    assert program.store.values.keep_in_tray is False


def test_cancel_changes_nothing_and_it_is_asked_again(program: Program) -> None:
    put_tray(program)
    program.start()
    close(program)
    answer(program, "Cancel")
    assert program.window.isVisible()
    assert program.store.values.keep_in_tray is None
    assert close(program) is not None
    answer(program, "Cancel")


def test_only_one_question_at_a_time(program: Program) -> None:
    put_tray(program)
    program.start()
    first = close(program)
    assert close(program) is first
    answer(program, "Cancel")


def test_without_a_tray_closing_quits_after_a_question(program: Program) -> None:
    program.start()
    program.bridge._take(snapshot(State.CONNECTED))
    close(program)
    answer(program, "Cancel")
    assert program.window.isVisible()
    assert not program.ended.is_set()
    close(program)
    answer(program, "Quit")
    assert program.ended.is_set()
    assert program.store.values.keep_in_tray is None


def test_without_a_tray_and_without_a_session_closing_just_quits(program: Program) -> None:
    program.start()
    assert close(program) is None
    assert program.ended.is_set()


def test_a_tray_that_is_gone_is_not_hidden_into(program: Program) -> None:
    program.store.change(keep_in_tray=True)
    put_tray(program)
    program.start()
    put_tray(program, False)
    program.bridge._take(snapshot(State.CONNECTED))
    assert close(program) is not None
    answer(program, "Cancel")
    assert program.window.isVisible()


def test_the_size_is_remembered(program: Program) -> None:
    program.start()
    program.window.resize(480, 720)
    program.window.close()
    assert (program.store.values.width, program.store.values.height) == (480, 720)
