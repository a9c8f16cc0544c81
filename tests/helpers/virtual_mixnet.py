"""A mixnet in virtual time: real packets, real keys, no sockets and no waiting.

`VirtualMixnet` carries what `Loopix` machines send at the slots of their `Pacer` through every hop (opening each packet
with the node's key), keeps the drawn delays on a virtual clock, and can lose packets, stop nodes, be slow and record
what each hop sees.
"""

import heapq
import itertools
import math
import random
from collections.abc import Callable
from dataclasses import dataclass, field

from nymconnect.client.loopix import Identity, LoopAlarm, Loopix, LoopixEffect, Received, Undelivered
from nymconnect.client.pacer.machine import FrameKind, Pacer
from nymconnect.client.parameters import TrafficParameters
from nymconnect.client.sending.preparer import PreparedPacket
from nymconnect.crypto import Ed25519Secret, X25519Secret
from nymconnect.packet.acks import split_surb_ack
from nymconnect.packet.addressing import NodeAddress, Recipient
from nymconnect.packet.framing import MixPacket
from nymconnect.packet.params import ACK_CONTENT_LENGTH
from nymconnect.packet.sphinx import Forward, open_packet
from tests.helpers.networks import KnownNetwork, known_network


@dataclass(slots=True)
class VirtualClient:
    """The two machines of a client on the virtual network, and what they have handed to its application."""

    loopix: Loopix
    pacer: Pacer
    parameters: TrafficParameters
    received: list[Received] = field(default_factory=list)
    undelivered: list[Undelivered] = field(default_factory=list)
    alarms: list[LoopAlarm] = field(default_factory=list)
    ready: dict[int, MixPacket] = field(default_factory=dict)

    @property
    def deadline(self) -> float:
        """When one of the machines has something to do."""
        return min(self.loopix.deadline, self.pacer.deadline if self.pacer.deadline is not None else math.inf)

    def feed_pacer(self, now: float) -> None:
        """Fill the stocks; a few covers are enough where building them takes no time."""
        data, covers, loops = self.pacer.stocks
        rates = self.parameters.rates
        for _ in range(data, rates.data_stock):
            self._offer(FrameKind.DATA, self.loopix.next_packet(FrameKind.DATA, now))
        for _ in range(covers, min(2, rates.cover_stock)):
            self._offer(FrameKind.COVER, self.loopix.next_packet(FrameKind.COVER, now))
        for _ in range(loops, min(2, rates.loop_stock)):
            self._offer(FrameKind.LOOP, self.loopix.next_packet(FrameKind.LOOP, now))

    def _offer(self, kind: FrameKind, ready: PreparedPacket | None) -> None:
        if ready is not None:
            self.ready[ready.token] = ready.packet
            self.pacer.offer(kind, ready.token, b"")


class VirtualMixnet:
    """Drives any number of clients from one virtual clock; `loss` is the chance to lose a packet at each link."""

    def __init__(self, network: KnownNetwork | None = None, *, seed: int = 7, loss: float = 0.0) -> None:
        self.network = network or known_network(2, 2)
        self.now = 1000.0
        self.loss = loss
        self.work = 0.0  # seconds for each packet at each hop, of the one computer that does the work of all nodes
        self.stopped: set[NodeAddress] = set()
        self.mute: VirtualClient | None = None  # nothing of what it sends gets anywhere
        self.dropping: dict[NodeAddress, float] = {}  # share of packets that a node swallows
        self.views: list[tuple[NodeAddress, int, int]] = []  # hop, version, length
        self.clients: dict[bytes, VirtualClient] = {}
        self._rng = random.Random(seed)
        self._events: list[tuple[float, int, Callable[[], None]]] = []
        self._serial = itertools.count()
        self._idle_from = self.now

    def add_client(self, parameters: TrafficParameters | None = None, gateway: int = 0) -> VirtualClient:
        """A client of the gateway with this index."""
        identity, encryption = Ed25519Secret.generate(self._rng), X25519Secret.generate(self._rng)
        address = Recipient(identity.public, encryption.public, self.network.gateways[gateway].identity)
        parameters = parameters or TrafficParameters()
        loopix = Loopix(Identity(address, encryption), self.network.topology, parameters, self._rng, self.now)
        pacer = Pacer(self._rng)
        pacer.begin(parameters.rates, self.now)
        client = self.clients[identity.public] = VirtualClient(loopix, pacer, parameters)
        return client

    def run_until(self, condition: Callable[[], bool], seconds: float) -> bool:
        """Let virtual time pass until `condition` holds; False after that many virtual seconds."""
        end = self.now + seconds
        while not condition():
            for client in self.clients.values():
                client.feed_pacer(self.now)
            due = min([client.deadline for client in self.clients.values()] + [e[0] for e in self._events[:1]])
            if due > end:
                self.now = end
                return condition()
            self.now = max(self.now, due)
            while self._events and self._events[0][0] <= self.now:
                heapq.heappop(self._events)[2]()
            for client in self.clients.values():
                self._wake(client)
        return True

    def run(self, seconds: float) -> None:
        """Let virtual time pass."""
        self.run_until(lambda: False, seconds)

    def deliver(self, client: VirtualClient, content: bytes) -> None:
        """Push `content` to a client, as its gateway would."""
        self._perform(client, client.loopix.feed(content, self.now))

    def _wake(self, client: VirtualClient) -> None:
        if client.loopix.deadline <= self.now:
            self._perform(client, client.loopix.wake(self.now))
        for departure in client.pacer.wake(self.now):
            packet = client.ready.pop(departure.serial)
            client.loopix.transmission.departed(departure.serial, self.now)
            self._send(client, packet)

    def _send(self, client: VirtualClient, packet: MixPacket) -> None:
        if client is not self.mute:
            self._hop(packet.next_hop, packet.packet, 0.0)

    def _perform(self, client: VirtualClient, effects: list[LoopixEffect]) -> None:
        for effect in effects:
            match effect:
                case Received():
                    client.received.append(effect)
                case Undelivered():
                    client.undelivered.append(effect)
                case LoopAlarm():
                    client.alarms.append(effect)

    def _hop(self, address: NodeAddress, packet: bytes, delay: float) -> None:
        if self._rng.random() < self.loss:
            return
        self._at(self.now + delay, lambda: self._queue(address, packet))

    def _queue(self, address: NodeAddress, packet: bytes) -> None:
        self._idle_from = max(self._idle_from, self.now) + self.work
        self._at(self._idle_from, lambda: self._arrive(address, packet))

    def _at(self, when: float, act: Callable[[], None]) -> None:
        heapq.heappush(self._events, (when, next(self._serial), act))

    def _arrive(self, address: NodeAddress, packet: bytes) -> None:
        if address in self.stopped or self._rng.random() < self.dropping.get(address, 0.0):
            return
        opened = open_packet(packet, self.network.secret_at(address))
        self.views.append((address, opened.version, len(packet)))
        step = opened.unwrap()
        if isinstance(step, Forward):
            self._hop(step.next_hop, step.packet, step.delay_ns / 1e9)
            return
        content = step.message
        if len(content) != ACK_CONTENT_LENGTH:
            ack, content = split_surb_ack(content)
            self._hop(ack.next_hop, ack.packet, 0.0)
        if step.destination in self.clients:
            self.deliver(self.clients[step.destination], content)
