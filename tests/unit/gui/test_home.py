"""Home: every state is plain without colour, and there is a way on from each failure."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest
from PySide6.QtCore import QBuffer, QIODevice, Qt
from PySide6.QtGui import QGuiApplication, QImage, QPixmap
from PySide6.QtWidgets import QWidget
from pytestqt.qtbot import QtBot

from nymconnect.reasons import Words
from nymconnect_gui.app import Program
from nymconnect_gui.looks.theme import Tokens
from nymconnect_gui.model.session_controller import clock
from nymconnect_gui.pages import home as home_module
from nymconnect_gui.pages.home import HomePage
from nymconnect_gui.text import words
from nymconnect_gui.text.words import Mood
from nymconnect_proxy.session.alarms import PacketsDropped, ProfileNotice
from nymconnect_proxy.session.states import State
from nymconnect_proxy.session.status import Status
from nymconnect_proxy.settings.config import Settings
from nymconnect_proxy.settings.networks import NamedNetwork, OwnNetwork
from tests.helpers.fake_session import GATEWAY, FakeSessions, counters, port_in_use, snapshot


@pytest.fixture
def home(program: Program) -> HomePage:
    page = program.window.page("home")
    assert isinstance(page, HomePage)
    program.window.show()
    return page


def tell(program: Program, status: Status) -> None:
    """Let the session say this."""
    program.bridge._take(status)


def is_shown(widget: QWidget) -> bool:
    return not widget.isHidden()


def in_one_color(picture: QPixmap) -> bytes:
    """What somebody sees who sees no colours and little contrast: ink or no ink."""
    buffer = QBuffer()
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    picture.toImage().convertToFormat(QImage.Format.Format_Mono).save(buffer, "BMP")
    return bytes(buffer.data().data())


@pytest.mark.parametrize("state", State)
def test_each_state_is_a_word_a_sentence_and_a_name_for_screen_readers(
    program: Program, home: HomePage, state: State
) -> None:
    status = snapshot(state)
    tell(program, status)
    mood = words.mood_of(status)
    assert home.state.text() == words.word(mood)
    assert home.sentence.text() == words.sentence(status)
    assert words.word(mood) in home.ring.accessibleName()
    assert words.action(mood) in home.ring.accessibleName()


def test_states_differ_in_shape_not_only_in_colour(program: Program, home: HomePage, monkeypatch: Any) -> None:
    one = Tokens(**dict.fromkeys(Tokens.__dataclass_fields__, "#000000"))
    plain = replace(one, page="#ffffff", card="#ffffff", line="#ffffff", soft="#000001")
    monkeypatch.setattr(type(program.theme), "tokens", property(lambda _: plain))
    pictures = {}
    for mood in Mood:
        home.ring.set_mood(mood)
        pictures[mood] = in_one_color(home.ring.grab())
    assert len(set(pictures.values())) == len(Mood)


@pytest.mark.parametrize("state", State)
def test_only_what_is_on_its_way_moves_and_only_when_seen(program: Program, home: HomePage, state: State) -> None:
    moves = state in (State.CONNECTING, State.DISCONNECTING)
    tell(program, snapshot(state))
    assert home.ring.is_moving is moves
    program.window.hide()
    assert not home.ring.is_moving
    program.window.show()
    assert home.ring.is_moving is moves


async def test_the_ring_connects_by_mouse_and_disconnects_by_keyboard(
    program: Program, home: HomePage, sessions: FakeSessions, qtbot: QtBot
) -> None:
    qtbot.mouseClick(home.ring, Qt.MouseButton.LeftButton)
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    sessions.last.become(State.CONNECTED)
    assert home.state.text() == "Connected"
    qtbot.keyClick(home.ring, Qt.Key.Key_Return)
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert home.state.text() == "Disconnected"


def test_a_session_that_is_ending_cannot_be_pressed(program: Program, home: HomePage) -> None:
    tell(program, snapshot(State.DISCONNECTING))
    assert not home.ring.isEnabled()


def test_time_counts_from_when_it_works(program: Program, home: HomePage) -> None:
    tell(program, snapshot(State.CONNECTING, since=clock() - 100))
    assert not is_shown(home.time)
    tell(program, snapshot(State.CONNECTED, since=clock() - 3671))
    assert home.time.text() == "for 01:01:11"


def test_gateway_and_exit_are_named_while_it_works(program: Program, home: HomePage) -> None:
    tell(program, snapshot(State.DISCONNECTED))
    assert not is_shown(home.names)
    tell(program, snapshot(State.CONNECTED))
    assert home.names.text() == f"Gateway {GATEWAY[:8]}… · Exit {GATEWAY[:8]}…"
    tell(program, snapshot(State.CONNECTING, gateway=GATEWAY))
    assert home.names.text() == f"Gateway {GATEWAY[:8]}…"


def test_address_and_port_are_copied(program: Program, home: HomePage) -> None:
    for field, text in ((home.host, "127.0.0.1"), (home.port, "1080")):
        field.copy()
        assert QGuiApplication.clipboard().text() == text
        assert field._copy.accessibleName() == "Copied"
        field._timer.timeout.emit()
        assert "Copy" in field._copy.accessibleName()


async def test_a_port_in_use_offers_the_next_one_and_remembers_it(
    program: Program, home: HomePage, sessions: FakeSessions, qtbot: QtBot, monkeypatch: Any
) -> None:
    monkeypatch.setattr(home_module, "next_free_port", lambda host, port: port + 2)
    sessions.refusal = port_in_use()
    home.ring.click()
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert home.state.text() == "Failed"
    assert "127.0.0.1:1080" in home.sentence.text()
    assert home.other_port.text() == "Use port 1082"
    assert is_shown(home.try_again)
    sessions.refusal = None
    home.other_port.click()
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert sessions.last.settings.socks.port == 1082
    assert home.port.value == "1082"
    assert not is_shown(home.other_port)
    assert program.context.directories is not None
    assert "127.0.0.1:1082" in program.context.directories.settings.read_text()


async def test_a_failure_can_be_tried_again(program: Program, home: HomePage, sessions: FakeSessions) -> None:
    home.ring.click()
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    sessions.last.become(State.FAILED)
    assert is_shown(home.try_again)
    assert not is_shown(home.other_port)
    home.try_again.click()
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert home.state.text() == "Connecting…"
    assert not is_shown(home.try_again)


async def test_changed_settings_offer_to_reconnect(program: Program, home: HomePage, sessions: FakeSessions) -> None:
    home.ring.click()
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    sessions.last.become(State.CONNECTED)
    assert not is_shown(home.reconnect)
    program.change_settings(replace(program.bridge.settings, preset="high"))
    assert is_shown(home.reconnect)
    home.reconnect.click()
    for _ in range(4):
        await asyncio.sleep(0)
    assert not is_shown(home.reconnect)
    assert sessions.last.settings.preset == "high"


def test_alarms_are_shown_and_go(program: Program, home: HomePage) -> None:
    tell(program, snapshot(State.CONNECTED, alarms=(PacketsDropped(), ProfileNotice(Words("the profile is in use")))))
    assert is_shown(home.alarms)
    assert home.alarm_text.text() == "Somebody drops packets. Data goes around it where it can.\nThe profile is in use."
    tell(program, snapshot(State.CONNECTED))
    assert not is_shown(home.alarms)


def test_details_are_shown_on_demand_with_short_names_and_copied_whole(program: Program, home: HomePage) -> None:
    tell(program, snapshot(State.CONNECTED, streams=3, bytes_up=1200, bytes_down=5_000_000, queue=7))
    assert not is_shown(home.details)
    home.more.click()
    assert is_shown(home.details)
    texts = {key: value.text() for key, value in home.details.values.items()}
    assert texts["gateway"] == GATEWAY[:8] + "…"
    assert (texts["streams"], texts["queue"]) == ("3", "7")
    assert texts["bytes"] == "1.2 kB up · 5.0 MB down"
    assert (texts["loss"], texts["delay"]) == ("0.2 %", "+12 ms")
    home.details._copies["gateway"].click()
    assert QGuiApplication.clipboard().text() == GATEWAY
    home.more.click()
    assert not is_shown(home.details)


def test_the_way_lights_up_hop_by_hop(program: Program, home: HomePage) -> None:
    lit = []
    for status in (
        snapshot(State.DISCONNECTED),
        snapshot(State.CONNECTING),
        snapshot(State.CONNECTING, gateway=GATEWAY),
        snapshot(State.CONNECTED),
        snapshot(State.FAILED),
    ):
        tell(program, status)
        lit.append(home.way.lit)
    assert lit == [0, 1, 2, 7, 0]


def test_the_graph_speaks_and_paints_only_when_seen(program: Program, home: HomePage, qtbot: QtBot) -> None:
    now = clock()
    for second in range(4):
        program.bridge.history.add(counters(second), now + second)
    tell(program, snapshot(State.CONNECTED))
    assert "55 packets a second sent, 5 of them your data" in home.graph.accessibleDescription()
    assert home.wire.text().endswith("/s down")
    home.graph.grab()
    program.window.hide()
    painted = home.graph.paints
    tell(program, snapshot(State.CONNECTED))
    qtbot.wait(50)
    assert home.graph.paints == painted


def test_without_a_client_nothing_is_on_the_wire(program: Program, home: HomePage) -> None:
    tell(program, snapshot(State.DISCONNECTED))
    assert home.wire.text() == "nothing on the wire"


@pytest.mark.parametrize("settings", [Settings(network=NamedNetwork.MAINNET)])
def test_the_network_is_named_in_the_header(program: Program, home: HomePage) -> None:
    tell(program, snapshot(State.CONNECTED, Settings(network=NamedNetwork.MAINNET), since=clock() - 61))
    assert program.window.header.chip.text() == "Nym mainnet · 00:01:01"


@pytest.mark.parametrize(
    "settings", [Settings(network=OwnNetwork("https://a-rather-long-name-of-a-directory.example.org/api"))]
)
def test_a_network_with_a_long_address_does_not_burst_the_header(program: Program, home: HomePage) -> None:
    tell(program, snapshot(State.CONNECTED, program.bridge.settings, since=clock() - 61))
    assert program.window.minimumSizeHint().width() <= program.theme.px(392)
    assert "…" in program.window.header.chip.text()


def test_names_from_elsewhere_are_never_markup(program: Program, home: HomePage) -> None:
    tell(program, snapshot(State.FAILED, reason=Words("<b>bold</b> & <img src='x'>")))
    assert home.sentence.textFormat() is Qt.TextFormat.PlainText
    assert home.alarm_text.textFormat() is Qt.TextFormat.PlainText
