"""Client machine against server machine, wired directly."""

import random

import pytest

from nymconnect.link.gateway import messages
from nymconnect.link.gateway.bandwidth import FREE_BANDWIDTH, Registration
from nymconnect.link.gateway.client import REPLY_TIMEOUT, ClientState
from nymconnect.link.gateway.control import SessionType
from nymconnect.link.gateway.events import (
    DeliveryPaced,
    DeliveryRates,
    KeyRejected,
    LinkGivenUp,
    Pushed,
    Ready,
    Refused,
)
from nymconnect.link.gateway.server import MAX_DELIVERY_RATE, PROBE_TIMEOUT, ServerState
from nymconnect.packet.params import KeyRotation, PacketSize
from nymconnect.reasons import GatewaySays
from tests.helpers.gateway_pair import CLIENT_IDENTITY, UNTIL_MIDNIGHT, GatewayPair, MemoryRegistry, mix_packet

CLIENT = CLIENT_IDENTITY.public
KEY = bytes(range(32))


def registered_pair() -> GatewayPair:
    pair = GatewayPair()
    pair.open()
    return pair


def returning_pair(available: int = FREE_BANDWIDTH) -> GatewayPair:
    """A client that registered earlier, before it connects."""
    registry = MemoryRegistry()
    registry.put(CLIENT, Registration(KEY, available=available, expires_day=19675))
    return GatewayPair(registry, KEY)


def send(pair: GatewayPair, size: PacketSize = PacketSize.REGULAR) -> None:
    pair.on_client(pair.client.send(mix_packet(size), pair.now))
    pair.run()


def test_new_client_registers_and_claims_bandwidth() -> None:
    pair = registered_pair()
    assert pair.events == [Ready(pair.registry.registrations[CLIENT].shared_key, newly_registered=True)]
    assert pair.client.state is ClientState.READY
    assert pair.client.shared_key == pair.registry.registrations[CLIENT].shared_key
    assert pair.client.bandwidth == FREE_BANDWIDTH
    assert pair.client.protocol_version == pair.server.protocol_version == 6
    assert pair.registry.is_online(CLIENT)
    assert pair.server.deadline is None


def test_returning_client_authenticates_without_a_claim() -> None:
    pair = returning_pair()
    pair.open()
    assert pair.events == [Ready(KEY, newly_registered=False)]
    assert pair.client.bandwidth == FREE_BANDWIDTH
    assert pair.registry.registrations[CLIENT].last_timestamp == 1_700_000_000


def test_returning_client_with_little_bandwidth_claims_more() -> None:
    pair = returning_pair(available=39_999_999)
    pair.open()
    assert pair.events == [Ready(KEY, newly_registered=False)]
    assert pair.client.bandwidth == FREE_BANDWIDTH + 39_999_999


@pytest.mark.parametrize("version", [4, 5, 6])
def test_older_gateways_are_served_in_their_version(version: int) -> None:
    pair = GatewayPair()
    pair.on_server(pair.server.start(0.0))
    pair.on_client(pair.client.start(0.0))
    pair.to_server.clear()
    pair.to_client.append(messages.encode(messages.SupportedProtocol(version)))
    pair.run()
    assert pair.client.state is ClientState.READY
    assert pair.client.protocol_version == pair.server.protocol_version == version
    send(pair)
    assert pair.sent == [mix_packet(rotation=KeyRotation.EVEN if version >= 5 else KeyRotation.UNKNOWN)]


@pytest.mark.parametrize("size", list(PacketSize))
def test_packets_reach_the_mixnet_and_cost_their_length(size: PacketSize) -> None:
    pair = registered_pair()
    send(pair, size)
    assert pair.sent == [mix_packet(size)]
    assert pair.client.bandwidth == FREE_BANDWIDTH - size.packet
    assert pair.registry.registrations[CLIENT].available == FREE_BANDWIDTH - size.packet


@pytest.mark.parametrize("content", [b"", bytes(21), bytes(1643), bytes(32363)])
def test_pushes_arrive_with_their_exact_length(content: bytes) -> None:
    pair = registered_pair()
    pair.on_server(pair.server.push(content))
    pair.run()
    assert pair.events[-1] == Pushed(content)


@pytest.mark.parametrize("returning", [False, True])
def test_stored_messages_follow_the_reply(returning: bool) -> None:
    pair = returning_pair() if returning else GatewayPair()
    pair.stored = [b"first", b"second"]
    pair.open()
    assert [event for event in pair.events if isinstance(event, Pushed)] == [Pushed(b"first"), Pushed(b"second")]
    assert pair.client.rejected == 0


@pytest.mark.parametrize("returning", [False, True])
def test_pushes_before_the_reply_are_taken(returning: bool) -> None:
    """Other gateways push what they stored before they answer."""
    pair = returning_pair() if returning else GatewayPair()
    pair.stored = [b"stored"]
    pair.on_server(pair.server.start(0.0))
    pair.on_client(pair.client.start(0.0))
    while not pair.registry.is_online(CLIENT):
        pair.step_client()
        pair.step_server()
    pushed = pair.to_client.pop()
    pair.to_client.insert(len(pair.to_client) - 1, pushed)
    pair.run()
    assert pair.events[0] == Pushed(b"stored")
    assert isinstance(pair.events[1], Ready)


@pytest.mark.parametrize("seed", range(6))
def test_the_order_of_deliveries_does_not_matter(seed: int) -> None:
    """Messages of one direction stay in order; how the directions interleave is chance."""
    rng = random.Random(seed)
    pair = registered_pair()
    for number in range(20):
        pair.on_client(pair.client.send(mix_packet(), pair.now))
        pair.on_server(pair.server.push(bytes([number])))
        for _ in range(rng.randrange(4)):
            (pair.step_client if rng.random() < 0.5 else pair.step_server)()
    pair.run()
    assert len(pair.sent) == 20
    assert [event.content[0] for event in pair.events if isinstance(event, Pushed)] == list(range(20))
    assert pair.client.bandwidth == FREE_BANDWIDTH - 20 * 2413


def test_reconnect_within_the_same_second_authenticates() -> None:
    pair = registered_pair()
    for _ in range(3):
        pair.disconnect()
        pair.connect()
        pair.open()
    key = pair.registry.registrations[CLIENT].shared_key
    assert pair.events == [Ready(key, newly_registered=True)] + [Ready(key, newly_registered=False)] * 3


def test_client_that_the_gateway_forgot_registers_on_the_same_connection() -> None:
    pair = GatewayPair(shared_key=KEY)
    pair.open()
    new_key = pair.registry.registrations[CLIENT].shared_key
    assert new_key != KEY
    assert pair.events == [KeyRejected(), Ready(new_key, newly_registered=True)]


def test_registration_keeps_bandwidth_and_timestamp_of_an_earlier_one() -> None:
    registry = MemoryRegistry()
    registry.put(CLIENT, Registration(KEY, last_timestamp=5, available=1000, expires_day=19675))
    pair = GatewayPair(registry)
    pair.open()
    kept = registry.registrations[CLIENT]
    assert kept.shared_key != KEY
    assert (kept.last_timestamp, kept.available) == (5, 1000 + FREE_BANDWIDTH)


def test_bandwidth_is_claimed_again_at_midnight() -> None:
    pair = registered_pair()
    send(pair)
    assert pair.client.deadline == UNTIL_MIDNIGHT
    assert pair.client.wake(UNTIL_MIDNIGHT - 1) == []
    pair.now = UNTIL_MIDNIGHT
    pair.on_client(pair.client.wake(pair.now))
    assert pair.client.deadline == UNTIL_MIDNIGHT + REPLY_TIMEOUT
    pair.run()
    assert pair.client.bandwidth == FREE_BANDWIDTH
    assert pair.client.deadline == UNTIL_MIDNIGHT + 86400
    send(pair)
    assert len(pair.sent) == 2


def test_packet_after_an_unnoticed_midnight_is_dropped_and_bandwidth_claimed() -> None:
    """The gateway's clock may be ahead of the client's."""
    pair = registered_pair()
    pair.on_client(pair.client.send(mix_packet(), 100.0))
    pair.now = UNTIL_MIDNIGHT
    pair.run()
    assert pair.sent == []
    assert pair.client.state is ClientState.READY
    assert pair.client.bandwidth == FREE_BANDWIDTH
    send(pair)
    assert len(pair.sent) == 1


def test_forget_me_removes_the_registration() -> None:
    pair = registered_pair()
    pair.on_client(pair.client.forget_me(pair.now))
    pair.run()
    assert pair.registry.registrations == {}
    assert pair.client.state is ClientState.READY
    assert pair.client.rejected == 0


def test_remember_me_is_acknowledged() -> None:
    pair = registered_pair()
    before = dict(pair.registry.registrations)
    pair.on_client(pair.client.remember_me(SessionType.SOCKS5, pair.now))
    pair.step_server()
    assert isinstance(messages.decode_response(str(pair.to_client[0])), messages.EncryptedResponse)
    pair.run()
    assert pair.registry.registrations == before


# --- duplicate sessions -----------------------------------------------------------------------------------------


def probing_pair() -> GatewayPair:
    pair = returning_pair()
    pair.registry.online.add(CLIENT)
    pair.open()
    assert pair.probed == [CLIENT]
    assert pair.server.state is ServerState.PROBING
    return pair


def test_a_dead_rival_gives_way() -> None:
    pair = probing_pair()
    pair.registry.online.discard(CLIENT)
    pair.on_server(pair.server.rival_checked(False, pair.now))
    pair.run()
    assert pair.events == [Ready(KEY, newly_registered=False)]


def test_a_living_rival_keeps_its_session() -> None:
    pair = probing_pair()
    pair.on_server(pair.server.rival_checked(True, pair.now))
    pair.run()
    assert pair.server_closed
    assert pair.events == [LinkGivenUp(GatewaySays("There is already an open connection to this client"))]
    assert pair.registry.registrations[CLIENT].last_timestamp == 0


def test_no_verdict_in_time_counts_as_alive() -> None:
    pair = probing_pair()
    assert pair.server.deadline == PROBE_TIMEOUT
    pair.on_server(pair.server.wake(PROBE_TIMEOUT))
    assert pair.server_closed
    assert pair.server.rival_checked(False, PROBE_TIMEOUT) == []


def test_a_rival_that_came_during_the_probe_wins() -> None:
    pair = probing_pair()
    registration = pair.registry.registrations[CLIENT]
    later = Registration(KEY, 1_700_000_001, registration.available, registration.expires_day)
    pair.registry.put(CLIENT, later)
    pair.on_server(pair.server.rival_checked(False, pair.now))
    assert pair.server_closed
    assert pair.registry.registrations[CLIENT] == later


def test_a_rival_that_is_still_online_after_the_probe_is_not_displaced() -> None:
    pair = probing_pair()
    pair.on_server(pair.server.rival_checked(False, pair.now))
    assert pair.server_closed
    assert pair.probed == [CLIENT]


def test_registration_is_refused_while_a_session_is_open() -> None:
    pair = GatewayPair()
    pair.registry.online.add(CLIENT)
    pair.open()
    assert pair.server_closed
    assert pair.probed == []
    assert pair.registry.registrations == {}
    assert not any(isinstance(event, Ready | Refused) for event in pair.events)


def test_registration_is_refused_if_a_session_opened_during_the_handshake() -> None:
    pair = GatewayPair()
    pair.on_server(pair.server.start(0.0))
    pair.on_client(pair.client.start(0.0))
    while pair.server.state is not ServerState.HANDSHAKE:
        pair.step_server()
        pair.step_client()
    pair.registry.online.add(CLIENT)
    pair.run()
    assert pair.server_closed
    assert pair.registry.registrations == {}


def test_a_constant_rate_is_granted() -> None:
    pair = registered_pair()
    pair.on_client(pair.client.pace_delivery(55.0, 61.111))
    pair.run()
    assert pair.rates == [DeliveryRates(55.0, 61.111)]
    assert pair.events[-1] == DeliveryPaced(granted=True)


def test_the_client_hears_when_its_constant_rate_ends_or_comes_back() -> None:
    pair = registered_pair()
    pair.on_client(pair.client.pace_delivery(55.0, 61.111))
    pair.run()
    for granted in (False, True):
        pair.on_server(pair.server.delivery_settled(granted))
        pair.run()
        assert pair.events[-1] == DeliveryPaced(granted=granted)


def test_a_constant_rate_that_was_never_asked_for_is_no_news() -> None:
    pair = registered_pair()
    before = list(pair.events)
    pair.on_server(pair.server.delivery_settled(granted=True))
    pair.run()
    assert pair.events == before


def test_news_of_the_constant_rate_are_no_answer_to_another_request() -> None:
    pair = registered_pair()
    pair.on_client(pair.client.pace_delivery(55.0, 60.0))
    pair.run()
    pair.on_server(pair.server.delivery_settled(granted=False))
    pair.on_client(pair.client.remember_me(SessionType.SOCKS5, 0.0))
    pair.to_server.clear()
    pair.step_client()
    pair.to_client.append(messages.encode(messages.Error("what is that")))
    pair.run()
    assert pair.client.state is ClientState.READY


@pytest.mark.parametrize(
    ("messages_", "acks"), [(0.0, 10.0), (10.0, 0.0), (MAX_DELIVERY_RATE + 1, 10.0), (10.0, MAX_DELIVERY_RATE + 1)]
)
def test_what_is_too_much_or_nothing_ends_the_constant_rate(messages_: float, acks: float) -> None:
    pair = registered_pair()
    pair.on_client(pair.client.pace_delivery(messages_, acks))
    pair.run()
    assert pair.rates == [DeliveryRates(0.0, 0.0)]
    assert pair.events[-1] == DeliveryPaced(granted=False)


def test_a_gateway_that_does_not_know_constant_rates_is_kept() -> None:
    pair = registered_pair()
    pair.on_client(pair.client.pace_delivery(55.0, 60.0))
    pair.to_server.clear()
    pair.to_client.append(messages.encode(messages.Error("what is that")))
    pair.run()
    assert pair.events[-1] == DeliveryPaced(granted=False)
    assert pair.client.state is ClientState.READY


def test_a_broken_answer_to_the_wish_for_constant_rates_is_counted() -> None:
    pair = registered_pair()
    pair.on_client(pair.client.pace_delivery(55.0, 60.0))
    pair.to_server.clear()
    pair.to_client.append(messages.encode(messages.EncryptedResponse((0,) * 40, (0,) * 12)))
    pair.run()
    assert pair.client.rejected == 1
    assert pair.client.state is ClientState.READY
