"""Apps: every recipe with values that can be copied, and the test of the way to a server."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from PySide6.QtGui import QGuiApplication

from nymconnect.endpoints import Endpoint
from nymconnect_gui.app import Program
from nymconnect_gui.model.session_controller import with_port
from nymconnect_gui.pages.apps import AppsPage, kind_names, names_sentence
from nymconnect_gui.widgets.checkup_card import check_target, finding_sentence, seconds_text, stage_names
from nymconnect_proxy.diagnostics.checkup import Finding, Result, Stage
from nymconnect_proxy.session.states import State
from nymconnect_proxy.settings.config import Settings
from nymconnect_proxy.settings.recipes import NameHandling, ProgramKind, load_recipes
from tests.helpers.fake_session import FakeSessions
from tests.helpers.targets import tcp_server, unused_port

KEYS = [recipe.key for recipe in load_recipes()]


@pytest.fixture
def apps(program: Program) -> AppsPage:
    program.window.show()
    program.window.show_page("apps")
    page = program.window.page("apps")
    assert isinstance(page, AppsPage)
    return page


@pytest.mark.parametrize("key", KEYS)
def test_every_recipe_opens_and_every_value_is_copied_as_it_is(key: str, apps: AppsPage) -> None:
    apps.list.rows[key].click()
    assert apps.recipe is not None
    assert apps.recipe.values or all(step.value is None for step in apps.recipes[key].steps)
    for value in apps.recipe.values:
        value.button.click()
        copied = QGuiApplication.clipboard().text()
        assert copied == value.value
        assert "\u200b" not in copied
        assert "{" not in copied or "{{" in copied or "%{" in copied
        assert value.button.text() == "Copied"
    apps.recipe.back.click()
    assert apps.currentWidget() is apps.list


@pytest.mark.parametrize("settings", [Settings(socks=Endpoint("127.0.0.1", 1234))])
def test_the_values_are_those_of_the_proxy_of_now(apps: AppsPage, program: Program) -> None:
    apps.list.rows["curl"].click()
    assert apps.recipe is not None
    assert all("1234" in value.value for value in apps.recipe.values)
    program.change_settings(with_port(program.bridge.settings, 4321))
    assert all("4321" in value.value for value in apps.recipe.values)


def test_the_button_offers_to_copy_again_after_a_while(apps: AppsPage) -> None:
    apps.list.rows["curl"].click()
    assert apps.recipe is not None
    value = apps.recipe.values[0]
    value.copy()
    value._offer()
    assert value.button.text() == "Copy"
    assert value.button.accessibleName() != "Copy"


def test_kinds_names_and_stages_all_have_words() -> None:
    assert set(kind_names()) == set(ProgramKind)
    assert all(names_sentence(names) for names in NameHandling)
    assert list(stage_names()) == [stage.name for stage in Stage]


# --- the test -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("finding", list(Finding))
def test_every_finding_is_told_in_words_and_shape(finding: Finding, apps: AppsPage) -> None:
    apps.list.rows["curl"].click()
    card = apps.checkup
    card._clear()
    card.show_result(Result(Stage.TARGET, finding, 0.25, "a:1", "why"))
    mark, text, time = card._rows["TARGET"]
    assert time.text() == "250 ms"
    assert mark._symbol == ("alert" if not finding.good else "warning" if finding.warns else "tick")
    assert card.outcome.text() == finding_sentence(Result(Stage.TARGET, finding, None, "a:1", "why"))
    assert "{" not in card.outcome.text()
    assert card.outcome.text() in text.accessibleDescription()


@pytest.mark.parametrize(("seconds", "text"), [(None, "–"), (0.0012, "1 ms"), (0.9994, "999 ms"), (1.26, "1.3 s")])
def test_times(seconds: float | None, text: str) -> None:
    assert seconds_text(seconds) == text


@pytest.mark.parametrize(
    ("text", "good"), [("", True), ("example.org:443", True), ("example.org", False), ("x:0", False)]
)
def test_what_may_be_a_target(text: str, good: bool) -> None:
    assert (check_target(text) == "") is good


async def done(card: Any) -> None:
    if card.is_running:
        await asyncio.wait([card._task], timeout=20)
    await asyncio.sleep(0)
    assert not card.is_running


async def test_without_a_connection_it_says_what_to_press(apps: AppsPage) -> None:
    apps.list.rows["curl"].click()
    apps.checkup.run.click()
    assert apps.checkup.is_running
    await done(apps.checkup)
    assert "Press Connect" in apps.checkup.outcome.text()
    assert apps.checkup.run.text() == "Run again"


async def test_a_proxy_that_is_gone_is_told(apps: AppsPage, program: Program, sessions: FakeSessions) -> None:
    program.change_settings(with_port(Settings(), unused_port()))
    program.bridge.connect_now()
    await until(lambda: bool(sessions.made))
    sessions.last.become(State.CONNECTED)
    apps.list.rows["curl"].click()
    apps.checkup.run.click()
    await done(apps.checkup)
    assert apps.checkup.outcome.text() == Finding.PROXY_SILENT.value
    await program.bridge.close()


async def test_a_wrong_target_does_not_begin_a_test(apps: AppsPage) -> None:
    apps.list.rows["curl"].click()
    apps.checkup.target.edit.setText("nonsense")
    apps.checkup.run.click()
    assert not apps.checkup.is_running
    assert not apps.checkup.target.error.isHidden()


async def test_a_second_press_stops_it(apps: AppsPage, program: Program, sessions: FakeSessions) -> None:
    reached = asyncio.Event()

    async def never(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        reached.set()
        await reader.read()

    async with tcp_server(never) as port:
        program.change_settings(with_port(Settings(), port))
        program.bridge.connect_now()
        await until(lambda: bool(sessions.made))
        sessions.last.become(State.CONNECTED)
        apps.list.rows["curl"].click()
        apps.checkup.run.click()
        async with asyncio.timeout(20):
            await reached.wait()
        assert apps.checkup.run.text() == "Stop"
        apps.checkup.run.click()
        await done(apps.checkup)
        assert "ended before" in apps.checkup.outcome.text()
        await program.bridge.close()


async def test_it_goes_on_while_another_page_is_shown(apps: AppsPage, program: Program) -> None:
    apps.list.rows["curl"].click()
    apps.checkup.run.click()
    apps.back()
    program.window.show_page("home")
    await done(apps.checkup)
    apps.list.rows["git"].click()
    assert "Press Connect" in apps.checkup.outcome.text()


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110 -- the bridge's tasks do not call back
            await asyncio.sleep(0)
