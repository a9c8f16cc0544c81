"""Sentences promise only what the status says."""

from dataclasses import replace
from typing import Any

import pytest
from PySide6.QtWidgets import QApplication

from nymconnect.client.presets import PRESETS
from nymconnect.endpoints import Endpoint
from nymconnect.reasons import Words
from nymconnect_gui.text import words
from nymconnect_gui.text.i18n import install
from nymconnect_gui.text.words import Mood, Problem
from nymconnect_proxy.ingress.requester_choice import Health, RequesterState
from nymconnect_proxy.session.downlink_report import DownlinkCause, DownlinkReport
from nymconnect_proxy.session.reasons import NoGatewayAnswers
from nymconnect_proxy.session.states import State
from nymconnect_proxy.session.status import Rates
from nymconnect_proxy.settings.config import Settings
from nymconnect_proxy.settings.networks import NamedNetwork, Network, OwnNetwork
from tests.helpers.fake_session import snapshot

HIDDEN, SHOWN = DownlinkReport(DownlinkCause.KEPT, promised=40.0), DownlinkReport(DownlinkCause.NOT_ASKED)
MAINNET = Settings(network=NamedNetwork.MAINNET)


def connected(**changes: Any) -> str:
    return words.sentence(snapshot(State.CONNECTED, MAINNET, **changes))


@pytest.mark.parametrize("state", State)
def test_every_state_has_a_mood_a_word_an_action_and_a_sentence(state: State) -> None:
    status = snapshot(state)
    mood = words.mood_of(status)
    assert all((words.word(mood), words.action(mood), words.sentence(status)))


def test_words_and_moods_differ() -> None:
    assert len({words.mood_of(snapshot(state)) for state in State}) == len(State)
    assert len({words.word(mood) for mood in Mood}) == len(Mood)


@pytest.mark.parametrize(
    "network", [NamedNetwork.PRACTICE, OwnNetwork("http://127.0.0.1:8081"), OwnNetwork("http://localhost:8081")]
)
def test_a_network_on_this_computer_promises_nothing_whatever_the_session_says(network: Network) -> None:
    sentence = words.sentence(snapshot(State.CONNECTED, Settings(network=network), downlink=HIDDEN))
    assert "no anonymity" in sentence
    assert "Practice network" in sentence


def test_an_open_downlink_is_said() -> None:
    assert "What you receive does not" in connected(downlink=SHOWN)
    assert "does not" not in connected(downlink=HIDDEN)


def test_an_unsafe_preset_is_said() -> None:
    assert "trying things out" in connected(preset="fast", downlink=HIDDEN)


def test_an_uplink_that_follows_the_data_is_said() -> None:
    assert "follows your data" in connected(rates=Rates(None, None), downlink=HIDDEN)


def test_a_failure_says_why_and_that_the_port_refuses() -> None:
    sentence = words.sentence(snapshot(State.FAILED))
    assert sentence.startswith("No gateway")
    assert "refuses" in sentence


def test_a_problem_counts_while_nothing_runs_only() -> None:
    problem = Problem(Words("oh no"))
    assert words.mood_of(snapshot(State.DISCONNECTED), problem) is Mood.FAILED
    assert words.mood_of(snapshot(State.CONNECTED), problem) is Mood.CONNECTED
    assert words.sentence(snapshot(State.DISCONNECTED), problem) == "Oh no."


def test_a_busy_port_is_named() -> None:
    problem = Problem(Words("cannot listen"), Endpoint("127.0.0.1", 1080))
    assert "127.0.0.1:1080" in words.sentence(snapshot(State.DISCONNECTED), problem)


def test_a_failed_attempt_on_demand_is_remembered_in_words() -> None:
    assert "No gateway" in words.sentence(snapshot(State.WAITING, reason=NoGatewayAnswers()))


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "00:00:00"), (-1, "00:00:00"), (61.9, "00:01:01"), (360_000, "100:00:00")]
)
def test_duration(seconds: float, text: str) -> None:
    assert words.duration(seconds) == text


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, "0 B"), (999, "999 B"), (1500, "1.5 kB"), (134_000, "134 kB"), (2.5e6, "2.5 MB"), (3e13, "30000 GB")],
)
def test_amount(count: float, text: str) -> None:
    assert words.amount(count) == text


def test_long_names_are_shortened_and_short_ones_left() -> None:
    assert words.short("a" * 44) == "aaaaaaaa…"
    assert words.short("abc") == "abc"
    assert words.short(None) == "–"


def test_presets_and_networks_have_names_for_people() -> None:
    assert [words.preset_title(name) for name in PRESETS] == [preset.title for preset in PRESETS.values()]
    assert words.preset_title("automatic") == "Automatic"
    assert words.network_name(OwnNetwork("http://node.example/api")) == "http://node.example/api"


def test_an_exit_is_called_by_its_name_in_the_address_book() -> None:
    address = "abcdefghij.klmnop@qrstuv"
    known = RequesterState("home", address, Health.ANSWERS, 0)
    assert words.exit_name(snapshot(State.CONNECTED, requester=address, requesters=(known,))) == "home"
    nameless = replace(known, name=address)
    assert words.exit_name(snapshot(State.CONNECTED, requester=address, requesters=(nameless,))) == "abcdefgh…"
    assert words.exit_name(snapshot(State.CONNECTED, requester=address)) == "abcdefgh…"


@pytest.mark.parametrize(("code", "text"), [("en", "1.5 MB"), ("de", "1,5 MB")])
def test_numbers_are_written_as_the_language_writes_them(code: str, text: str, qapp: QApplication) -> None:
    install(qapp, code)
    try:
        assert words.amount(1_500_000) == text
        assert words.amount(999) == "999 B"
    finally:
        install(qapp, "en")


def test_a_directory_is_named_without_its_fingerprint() -> None:
    assert (
        words.network_name(OwnNetwork("https://mixnet.example.org/api", "ab" * 32)) == "https://mixnet.example.org/api"
    )
