"""A gateway client machine wired to a gateway server machine, without a socket and under virtual time."""

import random
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field

from nymconnect.crypto import Ed25519Secret
from nymconnect.effects import Close, SendTo, Write, WriteText
from nymconnect.link.gateway.bandwidth import Registration
from nymconnect.link.gateway.client import GatewayClientMachine
from nymconnect.link.gateway.events import (
    Authenticated,
    DeliveryPaced,
    DeliveryRates,
    KeyRejected,
    LinkGivenUp,
    ProbeRival,
    Pushed,
    Ready,
    Refused,
)
from nymconnect.link.gateway.server import GatewayServerMachine
from nymconnect.packet.addressing import NodeAddress
from nymconnect.packet.framing import MixPacket
from nymconnect.packet.params import KeyRotation, PacketSize

CLIENT_IDENTITY = Ed25519Secret(bytes([1]) * 32)
GATEWAY_IDENTITY = Ed25519Secret(bytes([2]) * 32)
UNIX_OFFSET = 1_700_000_000.0  # 2023-11-14 22:13:20 UTC: 6,400 s before midnight
UNTIL_MIDNIGHT = 6_400.0


def mix_packet(size: PacketSize = PacketSize.REGULAR, rotation: KeyRotation = KeyRotation.EVEN) -> MixPacket:
    """A packet of the right size with nothing in it."""
    return MixPacket(NodeAddress("127.0.0.1", 1789), bytes(size.packet), rotation)


class MemoryRegistry:
    """The simplest registry: two tables that a test may look into."""

    def __init__(self) -> None:
        self.registrations: dict[bytes, Registration] = {}
        self.online: set[bytes] = set()

    def get(self, client: bytes, /) -> Registration | None:
        return self.registrations.get(client)

    def put(self, client: bytes, registration: Registration, /) -> None:
        self.registrations[client] = registration

    def remove(self, client: bytes, /) -> None:
        self.registrations.pop(client, None)

    def is_online(self, client: bytes, /) -> bool:
        return client in self.online


@dataclass
class GatewayPair:
    """Both machines and everything that came out of them; a driver that performs effects at once."""

    registry: MemoryRegistry = field(default_factory=MemoryRegistry)
    shared_key: bytes | None = None
    now: float = 0.0
    stored: list[bytes] = field(default_factory=list)  # pushed on Authenticated, as a mailbox would be

    def __post_init__(self) -> None:
        self.client = GatewayClientMachine(
            CLIENT_IDENTITY, GATEWAY_IDENTITY.public, random.Random(1), UNIX_OFFSET, self.shared_key
        )
        self.events: list[Ready | Pushed | DeliveryPaced | Refused | KeyRejected | LinkGivenUp] = []
        self.sent: list[MixPacket] = []
        self.connect()

    def connect(self) -> None:
        """A fresh connection: a new server machine, the same client machine."""
        self.server = GatewayServerMachine(GATEWAY_IDENTITY, self.registry, random.Random(2), UNIX_OFFSET)
        self.to_server: deque[str | bytes] = deque()
        self.to_client: deque[str | bytes] = deque()
        self.server_closed = False
        self.probed: list[bytes] = []
        self.rates: list[DeliveryRates] = []

    def disconnect(self) -> None:
        """What the gateway's driver does when the socket is gone."""
        self.registry.online.discard(self.server.client)

    def open(self) -> None:
        """Start both machines and run until nothing is left to say."""
        self.on_server(self.server.start(self.now))
        self.on_client(self.client.start(self.now))
        self.run()

    def run(self) -> None:
        while self.to_server or self.to_client:
            self.step_server()
            self.step_client()

    def step_server(self) -> None:
        """Deliver one message to the gateway, if one waits."""
        if self.to_server:
            message = self.to_server.popleft()
            text = isinstance(message, str)
            self.on_server((self.server.feed_text if text else self.server.feed_binary)(message, self.now))  # type: ignore[arg-type]

    def step_client(self) -> None:
        """Deliver one message to the client, if one waits."""
        if self.to_client:
            message = self.to_client.popleft()
            text = isinstance(message, str)
            self.on_client((self.client.feed_text if text else self.client.feed_binary)(message, self.now))  # type: ignore[arg-type]

    def on_client(self, effects: Iterable[object]) -> None:
        for effect in effects:
            match effect:
                case WriteText(message) | Write(message):
                    self.to_server.append(message)
                case Ready() | Pushed() | DeliveryPaced() | Refused() | KeyRejected() | LinkGivenUp():
                    self.events.append(effect)
                case _:
                    raise AssertionError(effect)

    def on_server(self, effects: Iterable[object]) -> None:
        for effect in effects:
            match effect:
                case WriteText(message) | Write(message):
                    self.to_client.append(message)
                case SendTo(packet):
                    self.sent.append(packet)
                case Authenticated(client):
                    self.registry.online.add(client)
                    for content in self.stored:
                        self.on_server(self.server.push(content))
                case DeliveryRates():
                    self.rates.append(effect)
                    self.on_server(self.server.delivery_settled(effect.messages > 0))
                case ProbeRival(client):
                    self.probed.append(client)
                case Close():
                    self.server_closed = True
                case _:
                    raise AssertionError(effect)
