"""The table of session states, read as a whole."""

import itertools

import pytest

from nymconnect_proxy.session.states import TRANSITIONS, Event, State, after

ALL_PAIRS = list(itertools.product(State, Event))


def test_only_connected_serves() -> None:
    assert [state for state in State if state.serves] == [State.CONNECTED]


@pytest.mark.parametrize(("state", "event"), [pair for pair in ALL_PAIRS if pair not in TRANSITIONS])
def test_what_is_not_in_the_table_changes_nothing(state: State, event: Event) -> None:
    assert after(state, event) is state


@pytest.mark.parametrize(("state", "event"), TRANSITIONS)
def test_what_is_in_the_table_leads_to_another_state(state: State, event: Event) -> None:
    assert after(state, event) is TRANSITIONS[state, event] is not state


def test_only_a_link_that_is_ready_leads_to_serving() -> None:
    ways = {(state, event) for (state, event), then in TRANSITIONS.items() if then.serves}
    assert ways == {(State.CONNECTING, Event.LINK_READY)}


def test_every_state_can_be_reached_and_left() -> None:
    assert set(TRANSITIONS.values()) == set(State)
    assert {state for state, _ in TRANSITIONS} == set(State)


@pytest.mark.parametrize("state", [State.WAITING, State.CONNECTING, State.CONNECTED, State.DISCONNECTING])
def test_whatever_runs_can_fail(state: State) -> None:
    assert after(state, Event.FATAL) is State.FAILED


@pytest.mark.parametrize(
    ("events", "end"),
    [
        ([Event.CONNECT, Event.LINK_READY, Event.LINK_LOST, Event.LINK_READY], State.CONNECTED),
        ([Event.CONNECT, Event.LINK_READY, Event.DISCONNECT, Event.LINK_READY], State.DISCONNECTING),
        ([Event.CONNECT, Event.DISCONNECT, Event.LINK_LOST], State.DISCONNECTED),
        ([Event.CONNECT, Event.FATAL, Event.LINK_READY], State.FAILED),
        ([Event.CONNECT, Event.FATAL, Event.CONNECT, Event.LINK_READY], State.CONNECTED),
        ([Event.CONNECT, Event.FATAL, Event.DISCONNECT], State.DISCONNECTED),
        ([Event.LINK_READY, Event.FATAL], State.DISCONNECTED),
        ([Event.STAND_BY, Event.WANTED, Event.LINK_READY], State.CONNECTED),
        ([Event.STAND_BY, Event.LINK_READY, Event.CONNECT], State.WAITING),
        ([Event.STAND_BY, Event.WANTED, Event.LINK_READY, Event.IDLE, Event.WANTED], State.CONNECTING),
        ([Event.STAND_BY, Event.WANTED, Event.FATAL, Event.STAND_BY], State.WAITING),
        ([Event.STAND_BY, Event.DISCONNECT, Event.LINK_LOST], State.DISCONNECTED),
        ([Event.CONNECT, Event.WANTED, Event.IDLE], State.CONNECTING),
    ],
)
def test_a_session_ends_where_the_table_leads(events: list[Event], end: State) -> None:
    state = State.DISCONNECTED
    for event in events:
        state = after(state, event)
    assert state is end
