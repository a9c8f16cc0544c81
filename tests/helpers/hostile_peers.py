"""Both ends of a stream, driven by any bytes: a peer, a socket and a clock that do what they like, in any order.

Each pair of bytes is one event. Whatever happens, a stream tells its application one thing, delivers no more than it
was sent, keeps its memory bounded, ends once, and does nothing after its end. `tests/unit` draws the bytes with
hypothesis, `tests/fuzz` with atheris.
"""

from collections.abc import Iterator

from nymconnect_proxy.protocol.credit import Credit
from nymconnect_proxy.protocol.exit_policy import AddressPolicy
from nymconnect_proxy.protocol.requests import Connect, Send, decode_request
from nymconnect_proxy.protocol.responses import ConnectionFailure, NetworkData, decode_response
from nymconnect_proxy.protocol.targets import Target
from nymconnect_proxy.protocol.versions import CURRENT
from nymconnect_proxy.streams.client_stream import (
    ClientOptions,
    ClientStream,
    ClientStreamState,
    StreamOpened,
    StreamRefused,
    Withhold,
)
from nymconnect_proxy.streams.exit_stream import Dial, ExitOptions, ExitStream, ExitStreamState, Resolve, SetupFailure
from nymconnect_proxy.streams.flow import TTL, Cause, Deliver, DeliverEof, Finished, SendMessage, StreamEffect

BOUND = 64
FAR = 2**63
TEXTS = ("", "Connection refused", 'Domain "x" failed filter check', "\0" * 300)
ADDRESSES = ((), ("1.1.1.1",), ("1.1.1.1", "127.0.0.1"), ("no address",), ("2606:4700::1111",) * 40)


class _Seen:
    """What a stream has done so far."""

    def __init__(self) -> None:
        self.fed = self.delivered = self.taken = self.ends = self.eofs = 0

    def note(self, effects: list[StreamEffect]) -> None:
        for effect in effects:
            assert not self.ends, f"{effect} after the end"
            if isinstance(effect, Deliver):
                assert not self.eofs
                self.delivered += len(effect.data)
            if isinstance(effect, Finished):
                self.ends += 1
                assert not (effect.orderly and effect.cause is Cause.CLOSED) or self.eofs
            self.eofs += isinstance(effect, DeliverEof)
        assert self.delivered <= self.fed
        assert self.eofs <= 1

    def take(self) -> int:
        """The local program reads all that was delivered: how many bytes that is."""
        size, self.taken = self.delivered - self.taken, self.delivered
        return size


def drive_client(data: bytes) -> None:
    """A requester, an application and a clock against the client's end; AssertionError if it misbehaves."""
    options = ClientOptions(reorder_bytes=BOUND, early_reply=data[:1] == b"\x01")
    stream, seen, told, now = ClientStream(1, Target("a.example", 80), 0.0, options), _Seen(), 0, 0.0
    effects = stream.open(now)
    for kind, value in _events(data):
        told += sum(isinstance(effect, StreamOpened | StreamRefused) for effect in effects)
        seen.note([e for e in effects if not isinstance(e, StreamOpened | StreamRefused | Withhold)])
        assert all(decode_request(e.data) for e in effects if isinstance(e, SendMessage))
        assert told <= 1
        assert (stream.state is ClientStreamState.ENDED) == bool(seen.ends) == (stream.deadline is None)
        match kind:
            case 0 | 1 | 2 | 3:
                message = _network_data(kind, value)
                seen.fed += len(message.data)
                effects = stream.feed(message, now)
            case 4:
                effects = stream.feed(ConnectionFailure(1, TEXTS[value % len(TEXTS)]), now)
            case 5:
                effects = stream.feed_local(bytes(value), now) if stream.wants_data else []
            case 6:
                effects = stream.local_eof(now)
            case 7:
                effects = stream.abort(Cause.CRASHED, now) if value > 200 else []
            case 8:
                effects = stream.took(seen.take(), now)
            case 9:
                effects = stream.feed(Credit(1, value, value // 2), now)
            case _:
                now += value
                effects = stream.wake(now)
    _ends_by_itself(stream, seen, now)


def drive_exit(data: bytes) -> None:
    """A client, a resolver, a target and a clock against the exit's end; AssertionError if it misbehaves."""
    options = ExitOptions(early_bytes=BOUND, reorder_bytes=BOUND)
    connect, policy = Connect(1, "a.example:443"), AddressPolicy.open()
    stream, seen, now = ExitStream(connect, CURRENT, policy, 0.0, options), _Seen(), 0.0
    effects = stream.open(now)
    for kind, value in _events(data):
        seen.note([e for e in effects if not isinstance(e, Resolve | Dial)])
        assert all(decode_response(e.data) for e in effects if isinstance(e, SendMessage))
        assert not any("127.0.0.1" in e.addresses or len(e.addresses) > 16 for e in effects if isinstance(e, Dial))
        assert (stream.state is ExitStreamState.ENDED) == bool(seen.ends) == (stream.deadline is None)
        match kind:
            case 0 | 1 | 2 | 3:
                message = _network_data(kind, value)
                seen.fed += len(message.data)
                effects = stream.feed(Send(1, message.sequence, message.data, message.closed, message.cut), now)
            case 4:
                effects = stream.resolved(ADDRESSES[value % len(ADDRESSES)], now)
            case 5:
                effects = stream.connected(now)
            case 6:
                effects = stream.feed_local(bytes(value), now) if stream.wants_data else []
            case 7:
                effects = stream.local_eof(now)
            case 8:
                effects = stream.failed(list(SetupFailure)[value % len(SetupFailure)], now) if value > 150 else []
            case 9:
                effects = stream.abort(Cause.CRASHED, now) if value > 200 else []
            case 10:
                effects = stream.took(seen.take(), now)
            case 11:
                effects = stream.credit(Credit(1, value, value // 2), now)
            case _:
                now += value
                effects = stream.wake(now)
    _ends_by_itself(stream, seen, now)


def _events(data: bytes) -> Iterator[tuple[int, int]]:
    """Kind and value of each, then one that does nothing, so that the last one is looked at, too."""
    yield from ((data[at] % 14, data[at + 1]) for at in range(0, len(data) - 1, 2))
    yield 13, 0


def _network_data(kind: int, value: int) -> NetworkData:
    """Kind 0 has data, 1 closes, or cuts, 2 has data and closes, 3 comes from far ahead."""
    sequence = FAR + value if kind == 3 else value % 8
    return NetworkData(
        1, sequence, bytes(value // 8) if kind in (0, 2) else b"", kind in (1, 2), kind == 1 and value > 200
    )


def _ends_by_itself(stream: ClientStream | ExitStream, seen: _Seen, now: float) -> None:
    """Where all was read, and nobody says anything any more, time alone ends it, and soon."""
    seen.note([effect for effect in stream.took(seen.take(), now) if isinstance(effect, SendMessage)])
    turns, end = 0, now + 2 * TTL
    while (deadline := stream.deadline) is not None:
        now = max(now, deadline)
        assert now <= end
        stream.wake(now)
        turns += 1
        assert turns < 50
