"""The exit's end of a stream, under virtual time."""

import pytest

from nymconnect.errors import UsageError
from nymconnect_proxy.protocol.credit import Reserve
from nymconnect_proxy.protocol.exit_policy import AddressPolicy
from nymconnect_proxy.protocol.requests import Connect, Send
from nymconnect_proxy.protocol.responses import ConnectionFailure, NetworkData, Response, decode_response
from nymconnect_proxy.protocol.targets import Target
from nymconnect_proxy.protocol.versions import CURRENT, LEGACY, MIXED, Versions
from nymconnect_proxy.streams.exit_stream import (
    MAX_ADDRESSES,
    MAX_ECHOED,
    SETUP_TIMEOUT,
    Dial,
    ExitEffect,
    ExitOptions,
    ExitStream,
    Resolve,
    SetupFailure,
)
from nymconnect_proxy.streams.flow import LOST_AFTER, Cause, Deliver, DeliverEof, Finished, SendMessage
from nymconnect_proxy.streams.ordering import WINDOW

ID = 7
DEFAULTS = ExitOptions()
PUBLIC = "1.1.1.1"
ENDED = Finished(Cause.CLOSED, orderly=True)


def sent(effects: list[ExitEffect]) -> list[Response]:
    return [decode_response(effect.data)[1] for effect in effects if isinstance(effect, SendMessage)]


def rest(effects: list[ExitEffect]) -> list[ExitEffect]:
    return [effect for effect in effects if not isinstance(effect, SendMessage)]


def new(
    address: str = "nymtech.net:443",
    policy: AddressPolicy | None = None,
    options: ExitOptions = DEFAULTS,
    versions: Versions = CURRENT,
) -> ExitStream:
    return ExitStream(Connect(ID, address), versions, policy or AddressPolicy.open(), 0.0, options)


def dialing() -> ExitStream:
    stream = new()
    assert stream.open(0.0) == [Resolve(Target("nymtech.net", 443))]
    assert stream.resolved([PUBLIC], 0.0) == [Dial((PUBLIC,), 443)]
    return stream


def opened(versions: Versions = CURRENT) -> ExitStream:
    stream = new(versions=versions)
    stream.open(0.0)
    stream.resolved([PUBLIC], 0.0)
    assert sent(stream.connected(0.0)) == [NetworkData(ID, 0)]
    return stream


def assert_refused(effects: list[ExitEffect], text: str) -> None:
    assert sent(effects) == [ConnectionFailure(ID, text), NetworkData(ID, 0, closed=True)]
    assert rest(effects) == [Finished(Cause.NOT_CONNECTED)]


def test_the_checked_addresses_are_dialled_in_the_order_of_the_resolver() -> None:
    stream = new()
    stream.open(0.0)
    addresses = ["2606:4700:4700::1111", PUBLIC, PUBLIC, "8.8.8.8"]
    assert stream.resolved(addresses, 0.0) == [Dial(("2606:4700:4700::1111", PUBLIC, "8.8.8.8"), 443)]


def test_the_families_take_turns_so_that_a_broken_one_costs_one_attempt() -> None:
    stream = new()
    stream.open(0.0)
    v6 = [f"2606:4700:4700::{number}" for number in range(1, 4)]
    dial = Dial((v6[0], PUBLIC, v6[1], "8.8.8.8", v6[2]), 443)
    assert stream.resolved([*v6, PUBLIC, "8.8.8.8"], 0.0) == [dial]


def test_many_addresses_of_one_family_do_not_push_out_the_other() -> None:
    stream = new()
    stream.open(0.0)
    (effect,) = stream.resolved([*(f"2606:4700::{number:x}" for number in range(1, 100)), PUBLIC], 0.0)
    assert isinstance(effect, Dial)
    assert PUBLIC in effect.addresses


def test_the_number_of_dialled_addresses_is_bounded() -> None:
    stream = new()
    stream.open(0.0)
    (effect,) = stream.resolved([f"1.1.1.{number}" for number in range(100)], 0.0)
    assert isinstance(effect, Dial)
    assert len(effect.addresses) == MAX_ADDRESSES


@pytest.mark.parametrize("bad", ["127.0.0.1", "::1", "10.0.0.1", "::ffff:10.0.0.1", "fe80::1%eth0", "nonsense"])
def test_one_address_that_is_not_public_denies_all(bad: str) -> None:
    stream = new()
    stream.open(0.0)
    assert_refused(stream.resolved([PUBLIC, bad], 0.0), 'Domain "nymtech.net:443" failed filter check')


@pytest.mark.parametrize("allow_loopback", [False, True])
@pytest.mark.parametrize("text", ["8.8.8.8", "::ffff:8.8.8.8", "64:ff9b::8.8.8.8"])
def test_an_address_of_the_exit_itself_is_refused_in_every_form(text: str, allow_loopback: bool) -> None:
    stream = new(options=ExitOptions(allow_loopback))
    stream.open(0.0)
    effects = stream.resolved([PUBLIC, text], 0.0, lambda address: address == "8.8.8.8")
    assert_refused(effects, 'Domain "nymtech.net:443" failed filter check')


def test_an_exit_may_be_allowed_to_reach_private_addresses() -> None:
    stream = new("localhost:80", options=ExitOptions(allow_loopback=True))
    stream.open(0.0)
    assert stream.resolved(["127.0.0.1"], 0.0, lambda _address: True) == [Dial(("127.0.0.1",), 80)]


@pytest.mark.parametrize("policy", ["ExitPolicy reject 1.1.1.1:*\nExitPolicy accept *:*", "ExitPolicy accept *:80", ""])
def test_the_policy_denies(policy: str) -> None:
    stream = new(policy=AddressPolicy.parse(policy))
    stream.open(0.0)
    assert_refused(stream.resolved(["8.8.8.8", PUBLIC], 0.0), 'Domain "nymtech.net:443" failed filter check')


@pytest.mark.parametrize("written", ["9.9.9.9", "::ffff:9.9.9.9", "64:ff9b::9.9.9.9"])
def test_no_other_form_of_an_address_gets_past_the_policy(written: str) -> None:
    policy = AddressPolicy.parse("ExitPolicy reject 9.9.9.0/24:*\nExitPolicy accept *:*")
    stream = new(policy=policy)
    stream.open(0.0)
    assert_refused(stream.resolved([written], 0.0), 'Domain "nymtech.net:443" failed filter check')
    allowed = written.replace("9.9.9.9", "8.8.8.8")
    stream = new(policy=policy)
    stream.open(0.0)
    assert stream.resolved([allowed], 0.0) == [Dial((allowed,), 443)]


def test_a_mapped_address_is_allowed_where_ipv4_is() -> None:
    for written, dials in (("::ffff:8.8.8.8", True), ("64:ff9b::8.8.8.8", False)):
        stream = new(policy=AddressPolicy.parse("ExitPolicy accept *4:*"))
        stream.open(0.0)
        assert isinstance(stream.resolved([written], 0.0)[0], Dial) is dials


@pytest.mark.parametrize("address", ["", "nymtech.net", "nymtech.net:0", "a b:80", "\ufffd:x"])
def test_what_is_no_target_is_denied_without_a_lookup(address: str) -> None:
    assert_refused(new(address).open(0.0), f'Domain "{address}" failed filter check')


def test_a_long_target_is_not_repeated_whole() -> None:
    effects = new("x" * 60_000).open(0.0)
    assert_refused(effects, f'Domain "{"x" * MAX_ECHOED}" failed filter check')


def test_a_name_without_addresses_is_unreachable() -> None:
    stream = new()
    stream.open(0.0)
    assert_refused(stream.resolved([], 0.0), 'Host unreachable: cannot resolve "nymtech.net:443"')


@pytest.mark.parametrize("failure", SetupFailure)
def test_a_failure_to_connect_is_answered_twice(failure: SetupFailure) -> None:
    assert_refused(dialing().failed(failure, 1.0), failure.value.format("nymtech.net:443"))


@pytest.mark.parametrize("versions", [CURRENT, MIXED, LEGACY, Versions(9, 3)])
def test_answers_have_the_versions_of_the_connect(versions: Versions) -> None:
    stream = opened(versions)
    effects = stream.feed_local(b"x", 1.0) + dialing().failed(SetupFailure.REFUSED, 1.0)
    assert isinstance(effects[0], SendMessage)
    assert decode_response(effects[0].data) == (versions, NetworkData(ID, 1, b"x"))


def test_setup_takes_a_bounded_time() -> None:
    stream = dialing()
    assert stream.deadline == SETUP_TIMEOUT
    assert stream.wake(SETUP_TIMEOUT - 1) == []
    assert_refused(stream.wake(SETUP_TIMEOUT), 'TTL expired: "nymtech.net:443" did not answer')
    assert stream.connected(SETUP_TIMEOUT) == []


def test_no_keep_alive_before_the_connection() -> None:
    stream = new(options=ExitOptions(setup_timeout=1000.0))
    stream.open(0.0)
    assert stream.wake(500.0) == []


def test_what_came_early_goes_out_when_connected() -> None:
    stream = dialing()
    assert stream.feed(Send(ID, 1, b"GET"), 0.5) == []
    assert stream.feed(Send(ID, 0), 0.5) == []
    assert stream.feed(Send(ID, 2, closed=True), 0.5) == []
    effects = stream.connected(1.0)
    assert sent(effects) == [NetworkData(ID, 0)]
    assert rest(effects) == [Deliver(b"GET"), DeliverEof()]


def test_early_data_is_bounded() -> None:
    stream = new(options=ExitOptions(early_bytes=10))
    stream.open(0.0)
    assert stream.feed(Send(ID, 0, bytes(10)), 0.0) == []
    assert rest(stream.feed(Send(ID, 1, b"x"), 0.0)) == [Finished(Cause.NOT_CONNECTED)]


def test_a_client_that_gives_up_early_stops_the_dialling() -> None:
    stream = dialing()
    stream.feed(Send(ID, 0), 0.0)
    stream.feed(Send(ID, 1, closed=True), 0.0)
    assert rest(stream.feed(Send(ID, 2, closed=True), 0.0)) == [Finished(Cause.GIVEN_UP)]


def test_bytes_flow_both_ways() -> None:
    stream = opened()
    assert stream.feed(Send(ID, 0, b"a"), 1.0) == [Deliver(b"a")]
    assert sent(stream.feed_local(b"b", 1.0)) == [NetworkData(ID, 1, b"b")]


def test_a_half_closed_client_still_gets_the_answer() -> None:
    stream = opened()
    assert stream.feed(Send(ID, 0, b"question", closed=True), 1.0) == [Deliver(b"question"), DeliverEof()]
    assert stream.wants_data
    assert sent(stream.feed_local(b"answer", 100.0)) == [NetworkData(ID, 1, b"answer")]
    effects = stream.local_eof(101.0)
    assert sent(effects) == [NetworkData(ID, 2, closed=True)]
    assert rest(effects) == [ENDED]


def test_a_target_that_closes_first_still_reads() -> None:
    stream = opened()
    assert sent(stream.local_eof(1.0)) == [NetworkData(ID, 1, closed=True)]
    assert not stream.wants_data
    assert stream.feed(Send(ID, 0, b"more"), 2.0) == [Deliver(b"more")]
    assert rest(stream.feed(Send(ID, 1, closed=True), 3.0)) == [DeliverEof(), ENDED]


def test_a_client_that_wants_nothing_more_gets_nothing_more_but_its_data_is_delivered() -> None:
    stream = opened()
    assert stream.feed(Send(ID, 2, closed=True), 1.0) == []
    assert stream.feed(Send(ID, 1, closed=True), 1.0) == []
    assert stream.wants_data
    assert rest(stream.feed(Send(ID, 0, b"upload"), 1.0)) == [
        Deliver(b"upload"),
        DeliverEof(),
        Finished(Cause.GIVEN_UP),
    ]
    assert stream.unwanted


@pytest.mark.parametrize("has_closed", [False, True])
def test_a_cut_by_the_client_comes_after_its_data_and_is_no_end(has_closed: bool) -> None:
    stream = opened()
    if has_closed:
        stream.local_eof(0.0)
    assert stream.feed(Send(ID, 1, closed=True, cut=True), 1.0) == []
    assert rest(stream.feed(Send(ID, 0, b"half"), 1.0)) == [Deliver(b"half"), Finished(Cause.GIVEN_UP)]
    assert stream.unwanted


@pytest.mark.parametrize("cut_first", [False, True])
def test_an_upload_that_had_its_end_keeps_it_when_the_client_cuts_the_rest(cut_first: bool) -> None:
    stream = opened()
    messages = [Send(ID, 0, b"all", closed=True), Send(ID, 1, closed=True, cut=True)]
    effects: list[ExitEffect] = []
    for message in reversed(messages) if cut_first else messages:
        effects += stream.feed(message, 1.0)
    assert effects == [Deliver(b"all"), DeliverEof(), Finished(Cause.GIVEN_UP)]


def test_an_upload_cut_before_the_target_has_answered_never_reaches_it() -> None:
    stream = dialing()
    stream.feed(Send(ID, 0, b"half"), 0.5)
    assert rest(stream.feed(Send(ID, 1, closed=True, cut=True), 0.5)) == [Finished(Cause.GIVEN_UP)]


@pytest.mark.parametrize("cause", Cause)
def test_whatever_breaks_a_stream_cuts_it_at_both_ends(cause: Cause) -> None:
    effects = opened().abort(cause, 1.0)
    assert sent(effects) == [NetworkData(ID, 1, closed=True, cut=True)]
    assert rest(effects) == [Finished(cause)]


def test_keep_alives_and_the_time_out() -> None:
    stream = opened()
    assert sent(stream.wake(60.0)) == [NetworkData(ID, 1)]
    stream.feed(Send(ID, 0), 100.0)
    for now in (120.0, 180.0, 240.0, 300.0, 360.0):
        assert rest(stream.wake(now)) == []
    assert rest(stream.wake(400.0)) == [Finished(Cause.EXPIRED)]


def test_a_message_beyond_the_window_ends_the_stream() -> None:
    assert rest(opened().feed(Send(ID, WINDOW + 1), 1.0)) == [Finished(Cause.UNORDERED)]


def test_a_message_that_never_comes_while_others_do_cuts_the_stream() -> None:
    stream = opened()
    stream.feed(Send(ID, 1, b"later"), 10.0)
    stream.feed(Send(ID, 2), 60.0)
    effects = stream.feed(Send(ID, 3), 10.0 + LOST_AFTER)
    assert rest(effects) == [Finished(Cause.LOST)]
    assert sent(effects) == [NetworkData(ID, 1, closed=True, cut=True)]


def test_late_answers_of_resolver_and_dialler_are_ignored() -> None:
    stream = dialing()
    stream.abort(Cause.DISCONNECTED, 1.0)
    assert stream.resolved([PUBLIC], 2.0) == []
    assert stream.connected(2.0) == []
    assert stream.failed(SetupFailure.REFUSED, 2.0) == []
    assert stream.feed(Send(ID, 0, b"x"), 2.0) == []
    assert stream.wake(1e9) == []
    assert stream.deadline is None
    with pytest.raises(UsageError):
        stream.feed_local(b"x", 2.0)


def test_an_exit_that_may_reach_this_machine_still_does_not_reach_the_local_network():
    stream = new("printer:80", options=ExitOptions(allow_loopback=True))
    stream.open(0.0)
    effects = stream.resolved(["192.168.1.9"], 0.0)
    assert not any(isinstance(effect, Dial) for effect in effects)
    assert effects


def served(reserve: Reserve, unordered: Reserve, sender: bytes) -> ExitStream:
    """A stream of this sender, connected, whose client knows no credits; sequence 0 has come."""
    parts = reserve.of(sender), unordered.of(sender)
    stream = ExitStream(Connect(ID, "nymtech.net:443"), CURRENT, AddressPolicy.open(), 0.0, DEFAULTS, *parts)
    stream.open(0.0)
    stream.resolved([PUBLIC], 0.0)
    stream.connected(0.0)
    stream.feed(Send(ID, 0, b""), 0.0)
    return stream


def ends(stream: ExitStream, number: int, size: int) -> bool:
    return any(isinstance(effect, Finished) for effect in stream.feed(Send(ID, number, bytes(size)), 0.0))


def flood(stream: ExitStream, first: int) -> None:
    """As much as the exit holds, and one message more."""
    for number in range(first, 1000):
        if ends(stream, number, 17_600):
            return
    raise AssertionError("the exit holds everything")


@pytest.mark.parametrize(
    ("first", "senders"),
    [(1, 1), (1, 64), (2, 1)],
    ids=["targets that do not read", "of many senders", "pieces that are missing"],
)
def test_paused_uploads_of_strangers_reset_no_upload_whose_target_reads(first: int, senders: int) -> None:
    reserve, unordered = Reserve(), Reserve()
    strangers = [served(reserve, unordered, bytes([number % senders])) for number in range(128)]
    for stranger in strangers:
        flood(stranger, first)
    victim = served(reserve, unordered, b"victim")
    pieces = 3_000_000 // 17_600
    for number in range(2, 2 + pieces):  # all behind one late packet
        assert not ends(victim, number, 17_600)
    assert not ends(victim, 1, 17_600)
    taken = 0
    for number in range(2 + pieces, 2 + 2 * pieces):  # the target takes them somewhat faster than others come
        assert not ends(victim, number, 17_600)
        taken += 20_000
        victim.took(20_000, 0.0)
    assert taken > 3_000_000


def test_a_paused_upload_is_bounded() -> None:
    reserve, unordered = Reserve(), Reserve()
    stream = served(reserve, unordered, b"sender")
    number = next(number for number in range(1, 1000) if ends(stream, number, 17_600))
    assert 3_900_000 < (number - 1) * 17_600 <= 4 * 1024 * 1024
