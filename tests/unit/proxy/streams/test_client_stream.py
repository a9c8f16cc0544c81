"""The client's end of a stream, under virtual time."""

import random

import pytest

from nymconnect.errors import UsageError
from nymconnect.packet.addressing import Recipient
from nymconnect_proxy.protocol.credit import Credit
from nymconnect_proxy.protocol.requests import Connect, Request, Send, decode_request
from nymconnect_proxy.protocol.responses import ConnectionFailure, NetworkData
from nymconnect_proxy.protocol.targets import Target
from nymconnect_proxy.protocol.versions import LEGACY
from nymconnect_proxy.socks.dialect import ReplyCode
from nymconnect_proxy.socks.refusals import Obstacle
from nymconnect_proxy.streams.client_stream import (
    ClientEffect,
    ClientOptions,
    ClientStream,
    ClientStreamState,
    StreamOpened,
    StreamRefused,
    obstacle_in,
    reply_for,
)
from nymconnect_proxy.streams.flow import LOST_AFTER, Cause, Deliver, DeliverEof, Finished, SendMessage
from nymconnect_proxy.streams.ordering import WINDOW
from tests.helpers.mixnet_pair import make_recipient

ID = 7
DEFAULTS = ClientOptions()
QUIET = ClientOptions(quiet=10.0)
TARGET = Target("nymtech.net", 443)
ENDED = Finished(Cause.CLOSED, orderly=True)


def sent(effects: list[ClientEffect]) -> list[Request]:
    return [decode_request(effect.data)[1] for effect in effects if isinstance(effect, SendMessage)]


def rest(effects: list[ClientEffect]) -> list[ClientEffect]:
    """All but the messages."""
    return [effect for effect in effects if not isinstance(effect, SendMessage)]


def opening(now: float = 0.0, options: ClientOptions = DEFAULTS, to: Recipient | None = None) -> ClientStream:
    stream = ClientStream(ID, TARGET, now, options, to)
    stream.open(now)
    return stream


def opened(now: float = 0.0, options: ClientOptions = DEFAULTS) -> ClientStream:
    stream = opening(now, options)
    assert stream.feed(NetworkData(ID, 0), now) == [StreamOpened()]
    return stream


def test_a_stream_opens_with_connect_and_a_keep_alive() -> None:
    effects = ClientStream(ID, TARGET, 0.0).open(0.0)
    assert sent(effects) == [Connect(ID, "nymtech.net:443"), Send(ID, 0)]
    assert [effect.surbs for effect in effects if isinstance(effect, SendMessage)] == [20, 3]


def test_numbers_of_surbs_are_options() -> None:
    stream = ClientStream(ID, TARGET, 0.0, ClientOptions(connect_surbs=5, send_surbs=1))
    effects = stream.open(0.0) + stream.feed_local(b"x", 0.0)
    assert [effect.surbs for effect in effects if isinstance(effect, SendMessage)] == [5, 1, 1]


@pytest.mark.parametrize("surbs", [(0, 3), (20, 0), (-1, 1)])
def test_an_anonymous_message_cannot_go_without_surbs(surbs: tuple[int, int]) -> None:
    with pytest.raises(UsageError):
        ClientOptions(connect_surbs=surbs[0], send_surbs=surbs[1])


def test_identified_mode_sends_the_address_and_no_surbs() -> None:
    address = make_recipient(random.Random(1))
    effects = ClientStream(ID, TARGET, 0.0, return_address=address).open(0.0)
    assert sent(effects)[0] == Connect(ID, "nymtech.net:443", address)
    assert all(effect.surbs == 0 for effect in effects if isinstance(effect, SendMessage))


def test_versions_are_an_option() -> None:
    effects = ClientStream(ID, TARGET, 0.0, ClientOptions(versions=LEGACY)).open(0.0)
    assert isinstance(effects[0], SendMessage)
    assert decode_request(effects[0].data)[0] == LEGACY


def test_data_follows_in_sequence() -> None:
    stream = opened()
    assert sent(stream.feed_local(b"one", 1.0) + stream.feed_local(b"two", 2.0) + stream.local_eof(3.0)) == [
        Send(ID, 1, b"one"),
        Send(ID, 2, b"two"),
        Send(ID, 3, closed=True),
    ]


def test_success_is_told_once_by_the_first_message_that_does_not_close() -> None:
    stream = opening()
    assert stream.feed(NetworkData(ID, 2, b"c"), 1.0) == [StreamOpened()]
    assert stream.feed(NetworkData(ID, 1, b"b"), 1.0) == []
    assert stream.feed(NetworkData(ID, 0), 1.0) == [Deliver(b"bc")]


def test_an_early_reply_is_the_only_one() -> None:
    for end in (ConnectionFailure(ID, "Connection refused"), NetworkData(ID, 0, b"data")):
        stream = ClientStream(ID, TARGET, 0.0, ClientOptions(early_reply=True))
        assert stream.open(0.0)[-1] == StreamOpened()
        assert not any(isinstance(effect, StreamOpened | StreamRefused) for effect in stream.feed(end, 1.0))
    stream = ClientStream(ID, TARGET, 0.0, ClientOptions(early_reply=True))
    stream.open(0.0)
    assert stream.deadline is not None
    effects = stream.wake(stream.deadline)
    assert isinstance(effects[-1], Finished)
    assert not any(isinstance(effect, StreamRefused) for effect in effects)


def test_a_close_that_overtakes_the_first_message_is_not_a_failure() -> None:
    stream = opening()
    assert stream.feed(NetworkData(ID, 2, closed=True), 1.0) == []
    assert stream.feed(NetworkData(ID, 1, b"all"), 1.0) == [StreamOpened()]
    assert stream.feed(NetworkData(ID, 0), 1.0) == [Deliver(b"all"), DeliverEof()]
    assert stream.state is ClientStreamState.OPEN


def test_an_empty_closing_sequence_0_is_refused_after_the_grace_time() -> None:
    stream = opening()
    assert stream.feed(NetworkData(ID, 0, closed=True), 10.0) == []
    assert stream.deadline == 13.0
    assert stream.wake(12.9) == []
    assert rest(stream.wake(13.0)) == [StreamRefused(ReplyCode.REFUSED), Finished(Cause.NOT_CONNECTED, orderly=True)]
    assert stream.deadline is None


@pytest.mark.parametrize("failure_first", [True, False])
def test_the_text_of_a_connection_error_chooses_the_code_in_either_order(failure_first: bool) -> None:
    stream = opening()
    messages = [ConnectionFailure(ID, 'Domain "a:1" failed filter check'), NetworkData(ID, 0, closed=True)]
    effects: list[ClientEffect] = []
    for message in messages if failure_first else reversed(messages):
        effects += stream.feed(message, 1.0)
    assert rest(effects) == [StreamRefused(ReplyCode.NOT_ALLOWED), Finished(Cause.REPORTED, orderly=True)]
    assert sent(effects) == []


@pytest.mark.parametrize(
    ("text", "reply"),
    [
        ('Domain "refused.example:1" failed filter check', ReplyCode.NOT_ALLOWED),
        ('Connection refused: "policy.example:1"', ReplyCode.REFUSED),
        ("Connection refused (os error 111)", ReplyCode.REFUSED),
        ('Network unreachable: "a:1"', ReplyCode.NETWORK_UNREACHABLE),
        ("Network is unreachable (os error 101)", ReplyCode.NETWORK_UNREACHABLE),
        ('Host unreachable: cannot resolve "network.example:1"', ReplyCode.HOST_UNREACHABLE),
        ('Too many lookups, not connecting to "host.example:1"', ReplyCode.GENERAL_FAILURE),
        ("No route to host (os error 113)", ReplyCode.HOST_UNREACHABLE),
        ('TTL expired: "host.example:1" did not answer', ReplyCode.TTL_EXPIRED),
        ("Connection timed out", ReplyCode.TTL_EXPIRED),
        ('Too many connections, not connecting to "a:1"', ReplyCode.GENERAL_FAILURE),
        ("", ReplyCode.GENERAL_FAILURE),
        ('"unreachable"', ReplyCode.GENERAL_FAILURE),
    ],
)
def test_error_texts_become_socks_codes(text: str, reply: ReplyCode) -> None:
    assert reply_for(text) == reply


@pytest.mark.parametrize(
    ("text", "obstacle"),
    [
        ('Too many connections, not connecting to "lookups.example:1"', Obstacle.REQUESTER_FULL),
        ('Too many lookups, not connecting to "host.example:1"', Obstacle.LOOKUPS_FULL),
        ('Connection refused: "too many lookups"', None),
    ],
)
def test_the_bound_that_a_requester_has_reached_is_named(text: str, obstacle: Obstacle | None) -> None:
    assert obstacle_in(text) is obstacle


def test_an_exit_that_does_not_answer_times_out_and_is_told_to_stop() -> None:
    stream = opening(5.0)
    assert stream.wake(64.9) == []
    effects = stream.wake(65.0)
    assert rest(effects) == [StreamRefused(ReplyCode.TTL_EXPIRED), Finished(Cause.UNANSWERED, orderly=True)]
    assert sent(effects) == [Send(ID, 1, closed=True, cut=True)]


def test_keep_alives_go_out_after_a_minute_without_data() -> None:
    stream = opened()
    stream.feed_local(b"x", 30.0)
    assert stream.deadline == 90.0
    assert stream.wake(89.9) == []
    assert sent(stream.wake(90.0)) == [Send(ID, 2)]
    assert stream.deadline == 150.0


def test_a_silent_exit_gets_surbs_soon_and_then_ever_more_seldom() -> None:
    stream = opened(options=QUIET)
    times = [second for second in range(1, 300) if stream.wake(float(second))]
    assert times == [10, 30, 70, 130, 190, 250]
    stream.feed(NetworkData(ID, 1, b"data"), 290.0)
    assert stream.wake(299.9) == []
    (message,) = stream.wake(300.0)
    assert isinstance(message, SendMessage)
    assert message.surbs == 3


def test_what_comes_and_what_goes_spares_the_exit_that_help() -> None:
    stream = opened(options=QUIET)
    for second in range(5, 55, 5):
        stream.feed(NetworkData(ID, second // 5, b"data"), float(second))
        assert stream.wake(float(second)) == []
    stream.feed_local(b"x", 58.0)
    assert stream.deadline == 68.0


def test_nobody_needs_help_who_has_said_everything_or_knows_our_address() -> None:
    stream = opened(options=QUIET)
    stream.feed(NetworkData(ID, 1, closed=True), 1.0)
    assert stream.wake(59.0) == []
    stream = opening(options=QUIET, to=make_recipient(random.Random(1)))
    assert stream.wake(59.0) == []


def test_any_message_resets_the_time_out_keep_alives_too() -> None:
    stream = opened()
    for minute in range(1, 20):
        stream.feed(NetworkData(ID, minute), minute * 60.0)
        stream.wake(minute * 60.0)
    last = 19 * 60.0
    assert stream.state is ClientStreamState.OPEN
    for minute in range(1, 5):
        assert rest(stream.wake(last + minute * 60.0)) == []
    effects = stream.wake(last + 300.0)
    assert rest(effects) == [Finished(Cause.EXPIRED)]
    assert [message.cut for message in sent(effects) if isinstance(message, Send)] == [True]


def test_local_eof_leaves_the_download_open() -> None:
    stream = opened()
    assert sent(stream.local_eof(1.0)) == [Send(ID, 1, closed=True)]
    assert not stream.wants_data
    assert stream.feed(NetworkData(ID, 1, b"answer"), 100.0) == [Deliver(b"answer")]
    assert rest(stream.feed(NetworkData(ID, 2, closed=True), 101.0)) == [DeliverEof(), ENDED]


def test_remote_eof_leaves_the_upload_open() -> None:
    stream = opened()
    assert stream.feed(NetworkData(ID, 1, b"bye", closed=True), 1.0) == [Deliver(b"bye"), DeliverEof()]
    assert stream.wants_data
    assert sent(stream.feed_local(b"more", 2.0)) == [Send(ID, 1, b"more")]
    effects = stream.local_eof(3.0)
    assert sent(effects) == [Send(ID, 2, closed=True)]
    assert rest(effects) == [ENDED]


def test_keep_alives_behind_the_end_do_not_repeat_it() -> None:
    stream = opened()
    stream.feed(NetworkData(ID, 1, closed=True), 1.0)
    assert stream.feed(NetworkData(ID, 2), 61.0) == []


def test_a_half_closed_stream_lives_while_data_comes_and_not_for_ever() -> None:
    stream = opened()
    stream.local_eof(0.0)
    stream.feed(NetworkData(ID, 1, b"x"), 200.0)
    stream.took(1, 200.0)
    minutes = range(1, 60)
    keep_alives = [
        minute for minute in minutes if stream.feed(NetworkData(ID, minute + 1), minute * 60) + stream.wake(minute * 60)
    ]
    assert keep_alives == list(range(1, 9))


@pytest.mark.parametrize("cause", Cause)
def test_whatever_breaks_a_stream_cuts_it_at_both_ends(cause: Cause) -> None:
    stream = opened()
    effects = stream.abort(cause, 1.0)
    assert sent(effects) == [Send(ID, 1, closed=True, cut=True)]
    assert rest(effects) == [Finished(cause)]


def test_a_broken_application_that_had_closed_closes_once_more() -> None:
    stream = opened()
    stream.local_eof(0.0)
    assert sent(stream.abort(Cause.SOCKET_BROKE, 1.0)) == [Send(ID, 2, closed=True, cut=True)]


def test_an_application_that_has_said_all_is_still_told_that_there_is_no_connection() -> None:
    stream = opening()
    stream.feed(NetworkData(ID, 0, closed=True), 1.0)
    assert sent(stream.local_eof(1.0)) == [Send(ID, 1, closed=True)]
    assert rest(stream.wake(4.0)) == [StreamRefused(ReplyCode.REFUSED), Finished(Cause.NOT_CONNECTED, orderly=True)]


def test_what_ends_before_the_answer_is_in_order_if_the_application_has_been_told() -> None:
    failure = ConnectionFailure(ID, "Connection refused")
    for early in (False, True):
        stream = opening(options=ClientOptions(early_reply=early))
        assert stream.feed(failure, 1.0)[-1] == Finished(Cause.REPORTED, orderly=not early)
        stream = opening(options=ClientOptions(early_reply=early))
        assert stream.wake(60.0)[-1] == Finished(Cause.UNANSWERED, orderly=not early)
        stream = opening(options=ClientOptions(early_reply=early))
        stream.feed(NetworkData(ID, 0, closed=True), 1.0)
        assert stream.wake(4.0)[-1] == Finished(Cause.NOT_CONNECTED, orderly=not early)


def test_an_abort_before_the_answer_refuses() -> None:
    assert rest(opening().abort(Cause.DISCONNECTED, 1.0)) == [
        StreamRefused(ReplyCode.GENERAL_FAILURE),
        Finished(Cause.DISCONNECTED, orderly=True),
    ]


def test_an_error_of_an_open_stream_ends_it() -> None:
    assert rest(opened().feed(ConnectionFailure(ID, "x"), 1.0)) == [Finished(Cause.REPORTED)]


def test_a_message_beyond_the_window_ends_the_stream() -> None:
    assert rest(opened().feed(NetworkData(ID, WINDOW + 2), 1.0)) == [Finished(Cause.UNORDERED)]


def test_a_message_that_never_comes_while_others_do_cuts_the_stream() -> None:
    stream = opened()
    assert rest(stream.feed(NetworkData(ID, 2, b"later"), 10.0)) == []
    assert rest(stream.feed(NetworkData(ID, 3), 60.0)) == []
    assert rest(stream.feed(NetworkData(ID, 4), 10.0 + LOST_AFTER - 0.1)) == []
    effects = stream.feed(NetworkData(ID, 5), 10.0 + LOST_AFTER)
    assert rest(effects) == [Finished(Cause.LOST)]
    assert [(request.closed, request.cut) for request in sent(effects) if isinstance(request, Send)] == [(True, True)]


def test_a_message_that_comes_late_starts_the_wait_for_the_next_missing_one_anew() -> None:
    stream = opened()
    stream.feed(NetworkData(ID, 2, b"b"), 10.0)
    stream.feed(NetworkData(ID, 4, b"d"), 50.0)
    assert rest(stream.feed(NetworkData(ID, 1, b"a"), 99.0)) == [Deliver(b"ab")]
    assert rest(stream.feed(NetworkData(ID, 5), 150.0)) == []
    assert rest(stream.feed(NetworkData(ID, 3, b"c"), 188.0)) == [Deliver(b"cd")]
    assert rest(stream.feed(NetworkData(ID, 6, b"e"), 250.0)) == [Deliver(b"e")]


def test_after_an_outage_a_missing_message_has_its_time_again() -> None:
    stream = opened()
    stream.feed(NetworkData(ID, 2, b"later"), 10.0)
    assert rest(stream.feed(NetworkData(ID, 3), 250.0)) == []
    assert rest(stream.feed(NetworkData(ID, 4), 310.0)) == []
    assert rest(stream.feed(NetworkData(ID, 5), 250.0 + LOST_AFTER)) == [Finished(Cause.LOST)]


def test_a_credit_that_comes_first_after_an_outage_gives_a_missing_message_its_time_too() -> None:
    stream = opened()
    stream.feed(NetworkData(ID, 2, b"later"), 10.0)
    stream.feed(Credit(ID, 0, 1000), 250.0)
    assert rest(stream.feed(NetworkData(ID, 3), 250.1)) == []
    assert rest(stream.feed(NetworkData(ID, 1, b"at last "), 251.0)) == [Deliver(b"at last later")]


def test_two_closing_messages_of_the_exit_end_the_stream_after_its_data() -> None:
    stream = opened()
    assert stream.feed(NetworkData(ID, 3, closed=True), 1.0) == []
    assert stream.feed(NetworkData(ID, 2, closed=True), 1.0) == []
    given_up = [Deliver(b"last"), DeliverEof(), Finished(Cause.GIVEN_UP)]
    assert rest(stream.feed(NetworkData(ID, 1, b"last"), 1.0)) == given_up


@pytest.mark.parametrize("has_closed", [False, True])
def test_a_cut_by_the_exit_comes_after_its_data_and_is_no_end(has_closed: bool) -> None:
    stream = opened()
    if has_closed:
        stream.local_eof(0.0)
    assert stream.feed(NetworkData(ID, 2, closed=True, cut=True), 1.0) == []
    assert stream.feed(NetworkData(ID, 1, b"half"), 1.0) == [Deliver(b"half"), Finished(Cause.GIVEN_UP)]


@pytest.mark.parametrize("cut_first", [False, True])
def test_an_answer_that_had_its_end_keeps_it_when_the_exit_cuts_the_rest(cut_first: bool) -> None:
    stream = opened()
    messages = [NetworkData(ID, 1, b"all", closed=True), NetworkData(ID, 3, closed=True, cut=True)]
    effects: list[ClientEffect] = []
    for message in reversed(messages) if cut_first else messages:
        effects += stream.feed(message, 1.0)
    assert effects == [Deliver(b"all"), DeliverEof(), Finished(Cause.GIVEN_UP)]


def test_early_data_is_bounded_until_the_exit_answers() -> None:
    stream = opening(options=ClientOptions(early_data=10))
    assert stream.wants_data
    stream.feed_local(bytes(10), 0.0)
    assert not stream.wants_data
    stream.feed(NetworkData(ID, 0), 1.0)
    assert stream.wants_data


def test_an_ended_stream_does_nothing() -> None:
    stream = opened()
    stream.abort(Cause.SOCKET_BROKE, 1.0)
    assert stream.feed(NetworkData(ID, 1, b"x"), 2.0) == []
    assert stream.wake(1e9) == []
    assert stream.local_eof(2.0) == []
    assert stream.abort(Cause.SOCKET_BROKE, 2.0) == []
    assert not stream.wants_data
    with pytest.raises(UsageError):
        stream.feed_local(b"x", 2.0)
