"""Both ends of a stream joined by a mixnet that shuffles: whatever the order, the same bytes and one end."""

import random
from dataclasses import dataclass, field

from hypothesis import given, settings
from hypothesis import strategies as st

from nymconnect_proxy.protocol.exit_policy import AddressPolicy
from nymconnect_proxy.protocol.requests import Connect, Send, decode_request
from nymconnect_proxy.protocol.responses import ConnectionFailure, NetworkData, decode_response
from nymconnect_proxy.protocol.targets import Target
from nymconnect_proxy.streams.client_stream import ClientEffect, ClientStream, ClientStreamState, StreamOpened
from nymconnect_proxy.streams.exit_stream import Dial, ExitEffect, ExitOptions, ExitStream, ExitStreamState, Resolve
from nymconnect_proxy.streams.flow import Deliver, DeliverEof, SendMessage

ADDRESS = "1.1.1.1"


@dataclass
class World:
    """A client, an exit and the messages between them, delivered in an order drawn from `rng`."""

    rng: random.Random
    now: float = 0.0
    to_exit: list[bytes] = field(default_factory=list)
    to_client: list[bytes] = field(default_factory=list)
    at_client: bytearray = field(default_factory=bytearray)
    at_target: bytearray = field(default_factory=bytearray)
    events: list[str] = field(default_factory=list)
    exit: ExitStream | None = None
    held: list[Send] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.client = ClientStream(1, Target("nymtech.net", 443), 0.0)
        self.from_client(self.client.open(0.0))

    def from_client(self, effects: list[ClientEffect]) -> None:
        for effect in effects:
            if isinstance(effect, SendMessage):
                self.to_exit.append(effect.data)
            elif isinstance(effect, Deliver):
                self.at_client += effect.data
            elif isinstance(effect, DeliverEof):
                self.events.append("client eof")
            elif isinstance(effect, StreamOpened):
                self.events.append("opened")

    def from_exit(self, effects: list[ExitEffect]) -> None:
        assert self.exit is not None
        for effect in effects:
            if isinstance(effect, SendMessage):
                self.to_client.append(effect.data)
            elif isinstance(effect, Deliver):
                self.at_target += effect.data
            elif isinstance(effect, DeliverEof):
                self.events.append("target eof")
            elif isinstance(effect, Resolve):
                self.from_exit(self.exit.resolved([ADDRESS], self.now))
            elif isinstance(effect, Dial):
                self.from_exit(self.exit.connected(self.now))

    def step(self) -> bool:
        """Deliver one message, any; False if there is none."""
        self.now += 0.01
        queues = [queue for queue in (self.to_exit, self.to_client) if queue]
        if not queues:
            return False
        queue = self.rng.choice(queues)
        data = queue.pop(self.rng.randrange(len(queue)))
        if queue is self.to_client:
            _, response = decode_response(data)
            assert isinstance(response, NetworkData | ConnectionFailure)
            self.from_client(self.client.feed(response, self.now))
        else:
            self._at_exit(data)
        return True

    def _at_exit(self, data: bytes) -> None:
        versions, request = decode_request(data)
        if isinstance(request, Connect):
            self.exit = ExitStream(request, versions, AddressPolicy.open(), self.now, ExitOptions())
            self.from_exit(self.exit.open(self.now))
            for message in self.held:
                self.from_exit(self.exit.feed(message, self.now))
        elif isinstance(request, Send) and self.exit is not None:
            self.from_exit(self.exit.feed(request, self.now))
        elif isinstance(request, Send):
            self.held.append(request)


PIECES = st.lists(st.binary(min_size=1, max_size=20), max_size=12)


@settings(max_examples=60)
@given(PIECES, PIECES, st.integers(0, 2**32))
def test_streams_carry_bytes_whole_whatever_the_order(up: list[bytes], down: list[bytes], seed: int) -> None:
    world = World(random.Random(seed))
    to_send, to_answer = list(up), list(down)
    client_open = exit_open = True
    while client_open or exit_open or world.to_exit or world.to_client:
        choice = world.rng.randrange(3)
        if choice == 0 and client_open and world.client.wants_data:
            if to_send:
                world.from_client(world.client.feed_local(to_send.pop(0), world.now))
            else:
                client_open = False
                world.from_client(world.client.local_eof(world.now))
        elif choice == 1 and exit_open and world.exit is not None and world.exit.wants_data:
            if to_answer:
                world.from_exit(world.exit.feed_local(to_answer.pop(0), world.now))
            else:
                exit_open = False
                world.from_exit(world.exit.local_eof(world.now))
        else:
            world.step()
    assert world.at_target == b"".join(up)
    assert world.at_client == b"".join(down)
    assert world.events.count("opened") == 1
    assert world.client.state is ClientStreamState.ENDED
    assert world.exit is not None
    assert world.exit.state is ExitStreamState.ENDED


def test_an_idle_stream_lives_on_keep_alives() -> None:
    world = World(random.Random(1))
    while world.step():
        pass
    assert world.exit is not None
    for _ in range(60 * 24):
        world.now += 60.0
        world.from_client(world.client.wake(world.now))
        world.from_exit(world.exit.wake(world.now))
        while world.step():
            pass
    assert world.client.state is ClientStreamState.OPEN
    assert world.exit.state is ExitStreamState.OPEN


def test_a_stream_whose_application_is_gone_ends_after_two_time_outs() -> None:
    world = World(random.Random(2))
    while world.step():
        pass
    assert world.exit is not None
    world.from_client(world.client.local_eof(world.now))
    minutes = 0
    while world.client.state is not ClientStreamState.ENDED or world.exit.state is not ExitStreamState.ENDED:
        world.now += 60.0
        minutes += 1
        assert minutes < 15
        world.from_client(world.client.wake(world.now))
        world.from_exit(world.exit.wake(world.now))
        while world.step():
            pass
    assert minutes >= 9
