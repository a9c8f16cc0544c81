"""Readers that pause: what both ends of a stream hold, and that no time ends it. Time is virtual."""

import random
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nymconnect.errors import WireError
from nymconnect_proxy.protocol.credit import FIRST, IN_ALL, LEAST, MOST_CREDIT, STREAMS, Credit, Reserve, Window
from nymconnect_proxy.protocol.exit_policy import AddressPolicy
from nymconnect_proxy.protocol.requests import Connect, Send, decode_request, encode_request
from nymconnect_proxy.protocol.responses import NetworkData, decode_response, encode_response
from nymconnect_proxy.protocol.targets import Target
from nymconnect_proxy.protocol.versions import CURRENT, LEGACY
from nymconnect_proxy.streams.client_stream import WITHHOLD, ClientEffect, ClientOptions, ClientStream, Withhold
from nymconnect_proxy.streams.exit_stream import ExitEffect, ExitStream
from nymconnect_proxy.streams.flow import READ_SIZE, TTL, Cause, Deliver, DeliverEof, Finished, SendMessage
from tests.helpers.decoding import check_decoder, refuses_or_decodes

ID = 7
PUBLIC = "1.1.1.1"
ELEVEN_MINUTES = 660.0
LENGTH = 3 * MOST_CREDIT
TARGET = Target("nymtech.net", 443)


def test_a_credit_has_one_form_in_both_directions() -> None:
    credit = Credit(0x0102030405060708, 2**40, 2**22)
    body = bytes.fromhex("f1 0102030405060708 0000010000000000 00400000")
    assert credit.encode() == body
    check_decoder(Credit.decode, body, credit)
    assert encode_request(credit) == encode_response(credit) == b"\x03\x00" + body
    assert decode_request(b"\x03\x00" + body)[1] == decode_response(b"\x03\x00" + body)[1] == credit


@given(st.binary(max_size=40))
def test_any_bytes_behind_the_tag_are_a_credit_or_refused(data: bytes) -> None:
    refuses_or_decodes(decode_request, b"\x03\x00\xf1" + data)
    refuses_or_decodes(decode_response, b"\x03\x00\xf1" + data)
    if len(data) != 20:
        with pytest.raises(WireError):
            Credit.decode(b"\xf1" + data)


@given(st.lists(st.tuples(st.integers(0, STREAMS - 1), st.booleans()), max_size=200))
def test_all_streams_together_stay_within_the_reserve_and_each_has_its_least(steps: list[tuple[int, bool]]) -> None:
    reserve, held = Reserve(), dict.fromkeys(range(STREAMS), 0)
    for number, takes_all in steps:
        share = reserve.bound(held[number])
        assert LEAST <= reserve.share(held[number]) <= share <= MOST_CREDIT
        after = max(held[number], share) if takes_all else 0
        reserve.change(held[number], after)
        held[number] = after
    assert sum(max(size, LEAST) for size in held.values()) <= IN_ALL


def test_twenty_streams_that_are_not_read_leave_room_for_others() -> None:
    reserve, held = Reserve(), []
    alone = reserve.share(0)
    for _ in range(20):
        held.append(reserve.share(0))
        reserve.change(0, held[-1])
    assert alone > 3_000_000
    assert reserve.share(0) > 5 * LEAST
    for size in held:
        reserve.change(size, 0)
    assert reserve.share(0) == alone


SENDERS = 4


@given(
    st.lists(
        st.tuples(st.integers(0, SENDERS - 1), st.integers(0, STREAMS // SENDERS - 1), st.sampled_from("abc")),
        max_size=200,
    )
)
def test_the_streams_of_all_senders_together_stay_within_the_reserve(steps: list[tuple[int, int, str]]) -> None:
    reserve = Reserve()
    parts = [reserve.of(bytes([sender])) for sender in range(SENDERS)]
    held: dict[tuple[int, int], int] = {}
    for sender, number, step in steps:
        part, before = parts[sender], held.get((sender, number), 0)
        assert LEAST <= part.share(before) <= part.bound(before) <= MOST_CREDIT
        after = {"a": 0, "b": max(before, part.share(before)), "c": max(before, part.bound(before))}[step]
        part.change(before, after)
        held[sender, number] = after
    assert sum(max(size, LEAST) for size in held.values()) + (STREAMS - len(held)) * LEAST <= IN_ALL
    for (sender, _), size in held.items():
        parts[sender].change(size, 0)
    assert reserve.share(0) == Reserve().share(0)


@pytest.mark.parametrize("unbidden", [False, True], ids=["with credit", "without"])
def test_no_number_of_streams_of_one_sender_lowers_anothers_window(unbidden: bool) -> None:
    reserve = Reserve()
    greedy, other = reserve.of(b"greedy"), reserve.of(b"other")
    share, bound = other.share(0), other.bound(0)
    for _ in range(128):
        greedy.change(0, greedy.bound(0) if unbidden else greedy.share(0))
    assert greedy.share(0) <= LEAST + 1
    assert other.share(0) > 0.85 * share > 1_500_000
    assert other.bound(0) > 0.85 * bound > 3_000_000


def test_it_takes_eighteen_senders_to_lower_the_window_of_another_below_256_kib() -> None:
    reserve, greedy = Reserve(), []
    while reserve.of(b"other").share(0) >= 256 * 1024:
        greedy.append(reserve.of(bytes([len(greedy)])))
        for _ in range(16):
            greedy[-1].change(0, greedy[-1].bound(0))
    assert len(greedy) == 18


def full_window(waiting: int, reserve: Reserve, unordered: Reserve) -> Window:
    """Of a stream for whose program nothing is left, and of which so many bytes wait for an earlier one."""
    reserve.change(0, IN_ALL)
    window = Window(reserve, unordered)
    window.came(waiting, waiting)
    return window


def test_what_waits_for_an_earlier_message_does_not_count_for_the_reader() -> None:
    window = full_window(LEAST, Reserve(), Reserve())
    assert window.has_room(READ_SIZE, in_order=True)
    assert window.has_room(MOST_CREDIT - LEAST, in_order=False)
    assert not window.has_room(MOST_CREDIT - LEAST + 1, in_order=False)
    assert not window.has_room(MOST_CREDIT - LEAST + 1, in_order=True)


def test_what_has_waited_does_not_count_for_the_reader_until_it_is_taken() -> None:
    window = full_window(1_000_000, Reserve(), Reserve())
    window.came(0, waiting=0, late=1_000_000)  # the late message has come, and the program reads as fast as it can
    for _ in range(20):
        assert window.has_room(READ_SIZE, in_order=True)
        window.came(READ_SIZE)
        window.took(2 * READ_SIZE)
    window.took(window.held)
    assert window.has_room(LEAST, in_order=True)
    assert not window.has_room(LEAST + 1, in_order=True)


def test_what_is_promised_may_come_in_any_order_and_counts_once() -> None:
    reserve, unordered = Reserve(), Reserve()
    window = Window(reserve, unordered)
    window.recognised = True
    window.sent(FIRST)
    credit = window.grant(ID)
    assert credit is not None
    unordered.change(0, IN_ALL)
    promised = reserve.share(0)
    assert window.has_room(credit.window, in_order=False)
    window.came(credit.window, waiting=credit.window)
    assert reserve.share(0) == promised
    window.release()
    unordered.change(IN_ALL, 0)
    assert (reserve.share(0), unordered.share(0)) == (Reserve().share(0), Reserve().share(0))


@pytest.mark.parametrize("in_order", [False, True])
def test_there_is_always_room_for_a_message_without_bytes(in_order: bool) -> None:
    reserve, unordered = Reserve(), Reserve()
    window = full_window(MOST_CREDIT + 1, reserve, unordered)
    unordered.change(0, IN_ALL)
    assert not window.has_room(1, in_order=in_order)
    assert window.has_room(0, in_order=in_order)


def test_a_credit_that_is_late_or_comes_twice_changes_nothing() -> None:
    credits = [Credit(ID, 0, 100), Credit(ID, 50, 150), Credit(ID, 180, 100)]
    rooms = set()
    for seed in range(20):
        window = Window(Reserve(), Reserve())
        window.sent(190)
        order = credits * 2
        random.Random(seed).shuffle(order)
        for credit in order:
            window.given(credit)
        rooms.add(window.room)
    assert rooms == {90}


def test_what_a_credit_claims_beyond_what_was_sent_is_not_believed() -> None:
    window = Window(Reserve(), Reserve())
    window.sent(10)
    window.given(Credit(ID, 2**64 - 1, 2**32 - 1))
    window.sent(5)
    assert window.is_awaited  # of 15 bytes 10 were taken at most


def recognised_client() -> ClientStream:
    stream = ClientStream(ID, TARGET, 0.0)
    stream.open(0.0)
    stream.feed(NetworkData(ID, 0), 0.0)
    stream.recognise()
    return stream


class Pair:
    """A client's end and an exit's, at once beside each other; what was delivered waits until somebody takes it."""

    def __init__(self, seed: int = 1, *, recognised: bool = True) -> None:
        self.now, self._rng = 0.0, random.Random(seed)
        self.client = ClientStream(ID, TARGET, 0.0)
        self.exit = ExitStream(Connect(ID, str(TARGET)), CURRENT, AddressPolicy.open(), 0.0)
        self.delivered: dict[str, list[bytes]] = {"client": [], "exit": []}
        self.taken = {"client": bytearray(), "exit": bytearray()}
        self.ends: list[str] = []
        self.finished: list[Finished] = []
        self.withheld: list[bool] = []
        self._mail: list[Callable[[], None]] = []
        self.to_client(self.exit.open(0.0))
        self.to_client(self.exit.resolved([PUBLIC], 0.0))
        self.to_exit(self.client.open(0.0))
        self.to_client(self.exit.connected(0.0))
        self.settle()
        if recognised:
            self.client.recognise()

    def to_exit(self, effects: list[ClientEffect]) -> None:
        self._note("client", effects)
        for effect in effects:
            if isinstance(effect, Withhold):
                self.withheld.append(effect.wanted)
            if isinstance(effect, SendMessage):
                _, request = decode_request(effect.data)
                if isinstance(request, Send | Credit):
                    self._mail.append(lambda request=request: self.to_client(self._at_exit(request)))  # type: ignore[misc]

    def _at_exit(self, request: Send | Credit) -> list[ExitEffect]:
        if isinstance(request, Credit):
            return self.exit.credit(request, self.now)
        return self.exit.feed(request, self.now)

    def to_client(self, effects: list[ExitEffect]) -> None:
        self._note("exit", effects)
        for effect in effects:
            if isinstance(effect, SendMessage):
                _, response = decode_response(effect.data)
                assert isinstance(response, NetworkData | Credit)
                self._mail.append(lambda response=response: self.to_exit(self.client.feed(response, self.now)))  # type: ignore[misc]

    def _note(self, end: str, effects: list[ClientEffect] | list[ExitEffect]) -> None:
        for effect in effects:
            if isinstance(effect, Deliver):
                self.delivered[end].append(effect.data)
            elif isinstance(effect, DeliverEof):
                self.ends.append(end)
            elif isinstance(effect, Finished):
                self.finished.append(effect)

    def settle(self) -> None:
        while self._mail:
            self._mail.pop(self._rng.randrange(min(4, len(self._mail))))()

    def take(self, end: str) -> None:
        """The program at this end reads all that waits."""
        for data in self.delivered[end]:
            self.taken[end] += data
            if end == "client":
                self.to_exit(self.client.took(len(data), self.now))
            else:
                self.to_client(self.exit.took(len(data), self.now))
        self.delivered[end].clear()
        self.settle()

    def held(self, end: str) -> int:
        return sum(map(len, self.delivered[end]))

    def push(self, end: str, data: memoryview) -> memoryview:
        """Give this end as much as it wants; what is left."""
        machine = self.client if end == "client" else self.exit
        while machine.wants_data and data:
            size = READ_SIZE if machine.room is None else min(READ_SIZE, machine.room)
            piece, data = bytes(data[:size]), data[size:]
            if end == "client":
                self.to_exit(self.client.feed_local(piece, self.now))
            else:
                self.to_client(self.exit.feed_local(piece, self.now))
            self.settle()
        return data

    def close(self, end: str) -> None:
        """The program at this end sends nothing more."""
        if end == "client":
            self.to_exit(self.client.local_eof(self.now))
        else:
            self.to_client(self.exit.local_eof(self.now))
        self.settle()

    def pass_time(self, seconds: float) -> None:
        """Nobody reads or writes; both ends wake when they want to."""
        until = self.now + seconds
        while True:
            due = min((each.deadline for each in (self.client, self.exit) if each.deadline is not None), default=until)
            self.now = min(due, until)
            self.to_exit(self.client.wake(self.now))
            self.to_client(self.exit.wake(self.now))
            self.settle()
            if self.now >= until:
                return


def other(end: str) -> str:
    return "exit" if end == "client" else "client"


@pytest.mark.parametrize("sender", ["client", "exit"], ids=["upload", "download"])
@pytest.mark.parametrize("ends", [False, True], ids=["open", "half closed"])
def test_a_reader_that_pauses_for_eleven_minutes_gets_every_byte(sender: str, ends: bool) -> None:
    pair, reader = Pair(), other(sender)
    data = memoryview(random.Random(1).randbytes(LENGTH))
    if ends:  # a program that has said all it has to say, and then reads
        pair.close(reader)
    left = pair.push(sender, data)
    assert len(left) > 0, "the far end was not told to wait"
    assert pair.held(reader) <= MOST_CREDIT
    pair.pass_time(ELEVEN_MINUTES)
    assert pair.finished == []
    while left:
        pair.take(reader)
        left = pair.push(sender, left)
        assert pair.held(reader) <= MOST_CREDIT
    pair.close(sender)
    if not pair.finished:
        pair.pass_time(ELEVEN_MINUTES)  # all has come, and the last of it is not read
    assert all(each.orderly for each in pair.finished)
    pair.take(reader)
    assert pair.taken[reader] == data
    assert reader in pair.ends


def test_who_reads_is_never_told_to_wait() -> None:
    pair, left = Pair(), memoryview(bytes(LENGTH))
    while left:
        before = len(left)
        piece = pair.push("exit", left[:READ_SIZE])
        assert not piece
        left = left[READ_SIZE:]
        pair.take("client")
        assert len(left) < before
    assert len(pair.taken["client"]) == LENGTH


def test_a_far_end_that_is_gone_ends_a_stream_whose_reader_pauses() -> None:
    stream = recognised_client()
    stream.feed(NetworkData(ID, 1, bytes(1000)), 0.0)
    assert Finished(Cause.EXPIRED) in stream.wake(TTL)


@pytest.mark.parametrize("size", [20_000, 200_000])
def test_a_stream_whose_program_is_gone_ends_after_two_time_outs_however_much_it_carried(size: int) -> None:
    pair = Pair()
    pair.push("exit", memoryview(bytes(size)))
    pair.take("client")
    pair.push("client", memoryview(b"a request"))
    pair.take("exit")
    pair.close("client")  # and the target neither answers nor closes
    pair.pass_time(2 * TTL)
    assert Finished(Cause.EXPIRED) in pair.finished


def test_a_short_stream_says_nothing_of_credits() -> None:
    stream = recognised_client()
    effects = stream.feed(NetworkData(ID, 1, bytes(FIRST - 1)), 0.0)
    assert [effect for effect in effects if isinstance(effect, SendMessage)] == []
    (message,) = (each for each in stream.feed(NetworkData(ID, 2, b"x"), 0.0) if isinstance(each, SendMessage))
    assert decode_request(message.data)[1] == Credit(ID, 0, Reserve().share(0))
    assert message.surbs == 3


def test_an_exit_of_others_is_sent_no_credit_and_gets_no_more_surbs_than_it_must() -> None:
    pair, data = Pair(recognised=False), memoryview(bytes(2 * WITHHOLD))
    pair.push("exit", data)
    assert pair.withheld == [True]
    (message,) = (each for each in pair.client.feed_local(b"x", 0.0) if isinstance(each, SendMessage))
    assert message.surbs == 1
    assert pair.exit.room is None
    pair.take("client")
    assert pair.withheld == [True, False]


def test_what_waits_for_an_earlier_message_withholds_no_surbs() -> None:
    """Or the exit, which has to send that one again, could not."""
    stream = ClientStream(ID, TARGET, 0.0)
    stream.open(0.0)
    stream.feed(NetworkData(ID, 0), 0.0)
    effects = [stream.feed(NetworkData(ID, number, bytes(50_000)), 0.0) for number in range(2, 12)]
    assert not any(isinstance(effect, Withhold) for some in effects for effect in some)
    assert Withhold(True) in stream.feed(NetworkData(ID, 1, b"x"), 0.0)


def test_what_an_exit_of_others_sends_beyond_the_share_ends_the_stream() -> None:
    pair = Pair(recognised=False)
    pair.push("exit", memoryview(bytes(MOST_CREDIT + READ_SIZE)))
    assert Finished(Cause.NOT_READ) in pair.finished


def test_messages_of_the_old_generation_have_no_place_for_credits() -> None:
    stream = ClientStream(ID, TARGET, 0.0, ClientOptions(versions=LEGACY))
    stream.open(0.0)
    stream.feed(NetworkData(ID, 0), 0.0)
    stream.recognise()
    effects = stream.feed(NetworkData(ID, 1, bytes(FIRST)), 0.0)
    assert not any(isinstance(effect, SendMessage) for effect in effects)


def test_a_stream_that_is_over_leaves_its_share_to_others() -> None:
    reserve = Reserve()
    streams = []
    for _ in range(100):
        stream = ClientStream(ID, TARGET, 0.0, reserve=reserve)
        stream.open(0.0)
        stream.feed(NetworkData(ID, 0), 0.0)
        for number in range(1, 8):
            stream.feed(NetworkData(ID, number, bytes(50_000)), 0.0)
        streams.append(stream)
    assert reserve.share(0) < Reserve().share(0)
    for stream in streams:
        stream.release()
    assert reserve.share(0) == Reserve().share(0)


def test_a_reader_has_time_for_what_came_in_full_from_an_end_that_says_nothing_more() -> None:
    stream = ClientStream(ID, TARGET, 0.0)
    stream.open(0.0)
    stream.feed(NetworkData(ID, 0, bytes(1000)), 0.0)
    stream.feed(NetworkData(ID, 1, closed=True), 0.0)
    for minute in range(12):
        assert not any(isinstance(effect, Finished) for effect in stream.wake(60.0 * minute))
    stream.took(1000, ELEVEN_MINUTES)
    assert Finished(Cause.EXPIRED) in stream.wake(ELEVEN_MINUTES + TTL)
