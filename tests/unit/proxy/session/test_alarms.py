"""Alarms as values: their words, and what is news."""

from dataclasses import replace

from nymconnect.reasons import Words
from nymconnect_proxy.session.alarms import (
    AlarmNews,
    EntryIsExit,
    MissedBecause,
    PacketsDropped,
    ProfileNotice,
    RateMissed,
    RequesterSilent,
    WithoutEffect,
    sentence,
)
from nymconnect_proxy.session.connector import Passage, Watcher
from nymconnect_proxy.settings.networks import NamedNetwork
from nymconnect_proxy.settings.settings import Settings


def test_each_alarm_has_its_sentence() -> None:
    assert sentence(PacketsDropped()) == "somebody drops packets; data goes around it where it can"
    assert "probably at 10.0.0.1:1, 10.0.0.2:2;" in sentence(PacketsDropped(("10.0.0.1:1", "10.0.0.2:2")))
    assert sentence(RequesterSilent("home")) == "the requester home does not answer"
    assert sentence(ProfileNotice(Words("words"))) == "words"
    assert sentence(EntryIsExit("home")).startswith("the requester home is behind the gateway by which you enter")
    missed = RateMissed(0.3, MissedBecause.LINE_STALLED)
    assert (
        sentence(missed) == "30 % of the packets that should leave are missing, because the line takes too few of them"
    )


def test_an_alarm_is_news_when_it_begins_and_when_it_has_ended_whatever_its_figures() -> None:
    news = AlarmNews()
    dropped = PacketsDropped()
    assert news.look([RateMissed(0.1, MissedBecause.LINE_STALLED)]) == (
        [RateMissed(0.1, MissedBecause.LINE_STALLED)],
        [],
    )
    worse = RateMissed(0.4, MissedBecause.SENDER_LATE)
    assert news.look([dropped, worse]) == ([dropped], [])
    suspected = PacketsDropped(("10.0.0.1:1789",))
    assert news.look([worse, suspected]) == ([], [])
    assert news.look([worse]) == ([], [suspected])
    assert news.look([]) == ([], [worse])
    assert news.look([dropped]) == ([dropped], [])


def test_two_silent_requesters_are_two_alarms() -> None:
    news = AlarmNews()
    news.look([RequesterSilent("one")])
    assert news.look([RequesterSilent("one"), RequesterSilent("two")]) == ([RequesterSilent("two")], [])


def test_a_country_is_said_to_have_no_effect_in_the_practice_network_and_only_there() -> None:
    quiet = Watcher(lambda _up, _reason: None, lambda _loops: None, lambda _reason: None, lambda _part, _error: None)
    wanted = Settings(gateway_country="CH", requester_country="DE")
    assert Passage(wanted, None, None, quiet).alarms == (
        WithoutEffect("gateway_country"),
        WithoutEffect("requester_country"),
    )
    assert sentence(WithoutEffect("gateway_country")).startswith("gateway_country has no effect")
    assert Passage(Settings(), None, None, quiet).alarms == ()
    elsewhere = replace(wanted, network=NamedNetwork.MAINNET)
    assert Passage(elsewhere, None, None, quiet).alarms == ()
