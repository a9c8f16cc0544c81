"""Streams against peers, sockets and clocks that do anything in any order."""

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.helpers.hostile_peers import drive_client, drive_exit

CONNECTED = bytes([4, 1, 5, 0])  # the exit has found an address, and reached it
EVENTS = st.lists(st.tuples(st.integers(0, 11), st.integers(0, 255)).map(bytes), max_size=40).map(b"".join)


@settings(max_examples=60)
@given(EVENTS)
def test_the_client_end_tells_one_thing_and_ends_once(events: bytes) -> None:
    drive_client(events)


@settings(max_examples=60)
@given(st.sampled_from([b"", CONNECTED]), EVENTS)
def test_the_exit_end_dials_what_it_may_and_ends_once(beginning: bytes, events: bytes) -> None:
    drive_exit(beginning + events)
