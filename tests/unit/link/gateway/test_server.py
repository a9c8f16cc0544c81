"""The gateway's machine against clients that are slow, old, odd or hostile."""

import json
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs

from nymconnect.crypto import Ed25519Secret
from nymconnect.effects import Close, SendTo, Write, WriteText
from nymconnect.errors import UsageError
from nymconnect.link.gateway import authentication, control, frames, messages
from nymconnect.link.gateway.bandwidth import FREE_BANDWIDTH, Registration
from nymconnect.link.gateway.control import ForgetMe, RememberMe, SessionType
from nymconnect.link.gateway.events import Authenticated, ServerEffect
from nymconnect.link.gateway.handshake import STEP_TIMEOUT, ClientHandshake
from nymconnect.link.gateway.messages import octets
from nymconnect.link.gateway.server import STRANGER_TIMEOUT, GatewayServerMachine, ServerState
from nymconnect.packet.params import PacketSize
from tests.helpers.gateway_pair import (
    CLIENT_IDENTITY,
    GATEWAY_IDENTITY,
    UNIX_OFFSET,
    UNTIL_MIDNIGHT,
    MemoryRegistry,
    mix_packet,
)

CLIENT = CLIENT_IDENTITY.public
KEY = bytes(range(32))
TODAY = 19675
RNG = random.Random(7)


class Talk:
    """A server machine and the client's words, one by one."""

    def __init__(self, registration: Registration | None = None) -> None:
        self.registry = MemoryRegistry()
        if registration:
            self.registry.put(CLIENT, registration)
        self.machine = GatewayServerMachine(GATEWAY_IDENTITY, self.registry, random.Random(2), UNIX_OFFSET)
        self.handshake = ClientHandshake(CLIENT_IDENTITY, GATEWAY_IDENTITY.public, random.Random(1))
        self.now = 0.0
        assert self.machine.start(0.0) == []

    def say(self, request: messages.Request) -> list[ServerEffect]:
        return self.machine.feed_text(messages.encode(request), self.now)

    def open_handshake(self, version: int = 6) -> messages.Response:
        """Message 1; the response that carries message 2."""
        (effect,) = self.say(messages.HandshakePayload(version, octets(self.handshake.opening())))
        return response(effect)

    def authenticate(self, **changes: int) -> list[ServerEffect]:
        request = authentication.build(
            CLIENT_IDENTITY, KEY, changes.get("version", 6), changes.get("timestamp", 1_700_000_000), RNG
        )
        return self.say(request)

    def send(self, size: PacketSize = PacketSize.REGULAR) -> list[ServerEffect]:
        return self.machine.feed_binary(frames.seal_forward(mix_packet(size), 6, KEY, RNG), self.now)


def response(effect: ServerEffect) -> messages.Response:
    assert isinstance(effect, WriteText)
    return messages.decode_response(effect.text)


def authenticated(available: int = FREE_BANDWIDTH) -> Talk:
    talk = Talk(Registration(KEY, available=available, expires_day=TODAY))
    talk.authenticate()
    assert talk.machine.state is ServerState.AUTHENTICATED
    return talk


def assert_closed(talk: Talk, effects: list[ServerEffect], kind: type[messages.Response] = messages.Error) -> None:
    words, close = effects
    assert isinstance(response(words), kind)
    assert isinstance(close, Close)
    assert talk.machine.state is ServerState.CLOSED
    assert talk.machine.deadline is None
    # The reference says errors twice and drops the socket; we say them once, and then nothing more.
    assert talk.say(messages.SupportedProtocolRequest()) == []
    assert talk.machine.feed_binary(bytes(40), 0.0) == []
    assert talk.machine.wake(1e9) == []


# --- strangers --------------------------------------------------------------------------------------------------


def test_supported_protocol_is_answered_and_buys_no_time() -> None:
    talk = Talk()
    while talk.now < STRANGER_TIMEOUT:
        (reply,) = talk.say(messages.SupportedProtocolRequest())
        assert reply == WriteText('{"type":"supportedProtocol","version":6}')
        assert talk.machine.deadline == STRANGER_TIMEOUT
        talk.now += 0.5
    assert_closed(talk, talk.say(messages.SupportedProtocolRequest()))


@pytest.mark.parametrize("late", ["handshake", "authentication", "proof", "binary"])
def test_who_comes_too_late_is_not_let_in(late: str) -> None:
    talk = Talk(Registration(KEY))
    if late == "proof":
        talk.now = STRANGER_TIMEOUT - 1
        second = talk.open_handshake()
        assert isinstance(second, messages.HandshakePayload)
        assert talk.machine.deadline == STRANGER_TIMEOUT  # and not a step of the handshake later
        answer = talk.handshake.answer(bytes(second.data))
        talk.now = STRANGER_TIMEOUT
        assert_closed(talk, talk.say(messages.HandshakePayload(6, octets(answer))), messages.HandshakeError)
        return
    talk.now = STRANGER_TIMEOUT
    if late == "handshake":
        effects = talk.say(messages.HandshakePayload(6, octets(talk.handshake.opening())))
    else:
        effects = talk.authenticate(timestamp=1_700_000_015) if late == "authentication" else talk.send()
    assert response(effects[0]) == messages.Error("timed out")
    assert_closed(talk, effects)


def test_a_silent_stranger_is_dropped() -> None:
    talk = Talk()
    assert talk.machine.wake(STRANGER_TIMEOUT - 0.001) == []
    assert_closed(talk, talk.machine.wake(STRANGER_TIMEOUT))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{}",
        '{"type":"unknown"}',
        '{"type":"claimFreeTestnetBandwidth"}',
        '{"type":"authenticate","address":"x","enc_address":"y","iv":"z"}',
        '{"type":"ecashCredential","enc_credential":[1],"iv":[2]}',
        '{"type":"handshakeError","message":"no"}',
        '{"type":"encryptedRequest","ciphertext":[1],"nonce":[2]}',
        '{"type":"handshakeError","message":"' + "x" * (64 * 1024) + '"}',
    ],
)
def test_anything_else_from_a_stranger_closes(text: str) -> None:
    talk = Talk()
    assert_closed(talk, talk.machine.feed_text(text, 0.0))


def test_binary_from_a_stranger_closes() -> None:
    talk = Talk(Registration(KEY, available=FREE_BANDWIDTH, expires_day=TODAY))
    assert_closed(talk, talk.send())


def test_push_to_a_stranger_is_misuse() -> None:
    with pytest.raises(UsageError):
        Talk().machine.push(b"x")


# --- registration -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("asked", "used"), [(0, 0), (4, 4), (6, 6), (7, 6), (255, 6)])
def test_registration_lowers_the_version_to_ours(asked: int, used: int) -> None:
    talk = Talk()
    second = talk.open_handshake(asked)
    assert isinstance(second, messages.HandshakePayload)
    assert second.protocol_version == used
    answer = talk.handshake.answer(bytes(second.data))
    done, registered, event = talk.say(messages.HandshakePayload(asked, octets(answer)))
    assert response(done) == messages.HandshakePayload(used, (1,))
    assert response(registered) == messages.Register(True, used)
    assert event == Authenticated(CLIENT)
    assert talk.registry.registrations[CLIENT] == Registration(talk.handshake.shared_key)


def test_registration_works_under_its_earlier_name() -> None:
    talk = Talk()
    (effect,) = talk.say(messages.OldHandshakePayload(4, octets(talk.handshake.opening())))
    assert isinstance(response(effect), messages.HandshakePayload)


def test_other_messages_during_the_handshake_are_skipped() -> None:
    talk = Talk()
    second = talk.open_handshake()
    assert isinstance(second, messages.HandshakePayload)
    assert talk.machine.deadline == STEP_TIMEOUT
    talk.now = 1.0
    assert talk.say(messages.SupportedProtocolRequest()) == []
    assert talk.authenticate() == []
    assert talk.machine.feed_text("garbage", 1.0) == []
    assert talk.machine.feed_binary(b"garbage", 1.0) == []
    assert talk.machine.deadline == STEP_TIMEOUT
    answer = talk.handshake.answer(bytes(second.data))
    assert talk.say(messages.HandshakePayload(6, octets(answer)))[-1] == Authenticated(CLIENT)


def test_a_bad_opening_ends_in_a_handshake_error() -> None:
    for opening in (b"", bytes(80), talk_opening()[:79]):
        talk = Talk()
        assert_closed(talk, talk.say(messages.HandshakePayload(6, octets(opening))), messages.HandshakeError)


def talk_opening() -> bytes:
    return ClientHandshake(CLIENT_IDENTITY, GATEWAY_IDENTITY.public, random.Random(1)).opening()


def test_a_bad_proof_ends_in_a_handshake_error_and_no_registration() -> None:
    talk = Talk()
    talk.open_handshake()
    assert_closed(talk, talk.say(messages.HandshakePayload(6, octets(bytes(92)))), messages.HandshakeError)
    assert talk.registry.registrations == {}


def test_a_handshake_that_the_client_gives_up_closes() -> None:
    talk = Talk()
    talk.open_handshake()
    assert_closed(talk, talk.say(messages.HandshakeError("I do not trust you")))


def test_a_slow_handshake_is_dropped() -> None:
    talk = Talk()
    talk.open_handshake()
    assert_closed(talk, talk.machine.wake(STEP_TIMEOUT), messages.HandshakeError)


# --- authentication ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("version", [4, 5, 6])
def test_a_registered_client_is_let_in(version: int) -> None:
    talk = Talk(Registration(KEY, 1_699_999_999, 500, TODAY))
    reply, event = talk.authenticate(version=version)
    assert response(reply) == messages.Authenticate(True, 500, version)
    assert event == Authenticated(CLIENT)
    assert talk.registry.registrations[CLIENT] == Registration(KEY, 1_700_000_000, 500, TODAY)


def test_yesterdays_bandwidth_is_reported_as_nothing() -> None:
    talk = Talk(Registration(KEY, 0, 500, TODAY - 1))
    assert response(talk.authenticate()[0]) == messages.Authenticate(True, 0, 6)


@pytest.mark.parametrize(
    "changes",
    [{"version": 3}, {"version": 7}, {"timestamp": 1_700_000_121}, {"timestamp": 1_699_999_879}],
)
def test_requests_that_fail_a_check_close(changes: dict[str, int]) -> None:
    talk = Talk(Registration(KEY))
    assert_closed(talk, talk.authenticate(**changes))
    assert talk.registry.registrations[CLIENT] == Registration(KEY)


def test_a_replayed_request_closes() -> None:
    talk = Talk(Registration(KEY, 1_700_000_000))
    assert_closed(talk, talk.authenticate())


def test_a_wrong_shared_key_closes() -> None:
    talk = Talk(Registration(bytes(32)))
    assert_closed(talk, talk.authenticate())


def test_a_bad_signature_is_found_before_the_registration_is_looked_up() -> None:
    talk = Talk()
    shape = json.loads(messages.encode(authentication.build(CLIENT_IDENTITY, KEY, 6, 1_700_000_000, RNG)))
    shape["requestSignature"][0] ^= 1
    effects = talk.machine.feed_text(json.dumps(shape), 0.0)
    assert "signature" in str(response(effects[0]))
    assert_closed(talk, effects)


def test_an_unknown_client_may_register_on_the_same_connection() -> None:
    talk = Talk()
    talk.now = 3.0
    (error,) = talk.authenticate()
    assert response(error) == messages.Error("the client is not registered")
    assert talk.machine.deadline == STRANGER_TIMEOUT
    assert isinstance(talk.open_handshake(), messages.HandshakePayload)


def test_messages_during_a_probe_close() -> None:
    for early in ('{"type":"supportedProtocol"}', "garbage"):
        talk = Talk(Registration(KEY))
        talk.registry.online.add(CLIENT)
        talk.authenticate()
        assert_closed(talk, talk.machine.feed_text(early, 0.0))


# --- what a stranger learns of a client ---------------------------------------------------------------------------


def an_imposters_view(registered: bool, online: bool) -> list[list[ServerEffect]]:
    """All that the gateway says to somebody who names the client and holds none of its secrets."""
    imposter, seen = Ed25519Secret.generate(random.Random(77)), []
    for way in ("handshake", "authentication"):
        talk = Talk(Registration(KEY) if registered else None)
        if online:
            talk.registry.online.add(CLIENT)
        if way == "handshake":
            seen.append(talk.say(messages.HandshakePayload(6, octets(talk.handshake.opening()))))
            seen.append(talk.say(messages.HandshakePayload(6, octets(bytes(92)))))
        else:
            forged = authentication.build(imposter, KEY, 6, 1_700_000_000, random.Random(7))
            seen.append(talk.say(structs.replace(forged, client_identity=octets(CLIENT))))
    return seen


@pytest.mark.parametrize(("registered", "online"), [(True, False), (True, True)])
def test_a_stranger_cannot_tell_whether_a_client_is_registered_or_online(registered: bool, online: bool) -> None:
    unknown = an_imposters_view(registered=False, online=False)
    assert isinstance(response(unknown[0][0]), messages.HandshakePayload)
    assert an_imposters_view(registered, online) == unknown


def test_no_client_is_looked_up_before_it_has_proven_who_it_is() -> None:
    """So that neither the answer nor the time that it takes depends on the client."""

    class Watched(MemoryRegistry):
        def get(self, client: bytes, /) -> Registration | None:
            raise AssertionError("looked up")

        def is_online(self, client: bytes, /) -> bool:
            raise AssertionError("looked up")

    talk = Talk()
    talk.machine._registry = Watched()
    talk.open_handshake()
    assert_closed(talk, talk.say(messages.HandshakePayload(6, octets(bytes(92)))), messages.HandshakeError)
    talk = Talk()
    talk.machine._registry = Watched()
    forged = authentication.build(Ed25519Secret.generate(random.Random(7)), KEY, 6, 1_700_000_000, RNG)
    assert_closed(talk, talk.say(structs.replace(forged, client_identity=octets(CLIENT))))


def test_a_client_with_its_proof_hears_that_it_is_online_already() -> None:
    talk = Talk(Registration(KEY))
    talk.registry.online.add(CLIENT)
    second = talk.open_handshake()
    assert isinstance(second, messages.HandshakePayload)
    effects = talk.say(messages.HandshakePayload(6, octets(talk.handshake.answer(bytes(second.data)))))
    assert response(effects[0]) == messages.HandshakeError("There is already an open connection to this client")
    assert_closed(talk, effects, messages.HandshakeError)
    assert talk.registry.registrations[CLIENT] == Registration(KEY)


# --- clients ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", list(PacketSize))
def test_a_packet_is_charged_forwarded_and_acknowledged(size: PacketSize) -> None:
    talk = authenticated()
    forward, reply = talk.send(size)
    assert forward == SendTo(mix_packet(size))
    assert response(reply) == messages.SendAccepted(FREE_BANDWIDTH - size.packet)


def test_a_packet_without_bandwidth_is_dropped() -> None:
    talk = authenticated(available=2413 + 2412)
    assert len(talk.send()) == 2
    (error,) = talk.send()
    assert response(error) == messages.TypedError(
        messages.OutOfBandwidthDetail(messages.OutOfBandwidth(required=2413, available=2412))
    )
    assert talk.registry.registrations[CLIENT].available == 2412


def test_bandwidth_is_gone_after_midnight_until_claimed_again() -> None:
    talk = authenticated()
    talk.now = UNTIL_MIDNIGHT - 1
    assert len(talk.send()) == 2
    talk.now = UNTIL_MIDNIGHT
    (error,) = talk.send()
    assert isinstance(response(error), messages.TypedError)
    (reply,) = talk.say(messages.ClaimFreeBandwidth())
    assert response(reply) == messages.Bandwidth(FREE_BANDWIDTH)
    assert len(talk.send()) == 2


@pytest.mark.parametrize(
    "frame",
    [
        b"",
        b"\x02",
        bytes(14),
        bytes(30),
        frames.seal_pushed(b"short", KEY, RNG),
        frames.seal_forward(mix_packet(), 6, bytes(32), RNG),
        b"\x02\x00" + bytes(12) + mix_packet().encode_v2(),
    ],
)
def test_a_bad_frame_costs_an_error_and_no_bandwidth(frame: bytes) -> None:
    talk = authenticated()
    (error,) = talk.machine.feed_binary(frame, 0.0)
    assert isinstance(response(error), messages.Error)
    assert talk.machine.state is ServerState.AUTHENTICATED
    assert talk.machine.rejected == 1
    assert talk.registry.registrations[CLIENT].available == FREE_BANDWIDTH


@pytest.mark.parametrize(
    "text",
    [
        "garbage",
        '{"type":"unknown"}',
        '{"type":"handshakePayload","data":[]}',
        '{"type":"handshakeError","message":"x"}',
        '{"type":"authenticate"}',
        '{"type":"bandwidthCredential"}',
        '{"type":"bandwidthCredentialV2"}',
        '{"type":"ecashCredential"}',
        '{"type":"upgradeModeJWT","token":"x"}',
        '{"type":"encryptedRequest","ciphertext":[1],"nonce":[2]}',
        messages.encode(authentication.build(CLIENT_IDENTITY, KEY, 6, 1_700_000_001, RNG)),
    ],
)
def test_a_bad_request_of_a_client_costs_an_error(text: str) -> None:
    talk = authenticated()
    (error,) = talk.machine.feed_text(text, 0.0)
    assert isinstance(response(error), messages.Error)
    assert talk.machine.state is ServerState.AUTHENTICATED


def test_a_client_may_send_longer_texts_than_a_stranger() -> None:
    talk = authenticated()
    padding = ',"x":"' + "x" * (64 * 1024) + '"}'
    (reply,) = talk.machine.feed_text('{"type":"supportedProtocol"' + padding, 0.0)
    assert response(reply) == messages.SupportedProtocol(6)
    (error,) = talk.machine.feed_text("x" * (messages.MAX_TEXT + 1), 0.0)
    assert isinstance(response(error), messages.Error)


def test_control_requests_are_acknowledged_under_seal() -> None:
    talk = authenticated()
    (reply,) = talk.say(control.seal_request(RememberMe(SessionType.MIXNET), KEY, RNG))
    sealed = response(reply)
    assert isinstance(sealed, messages.EncryptedResponse)
    assert control.open_response(sealed, KEY) == control.RememberMeAck()
    (reply,) = talk.say(control.seal_request(ForgetMe(client=False, stats=True), KEY, RNG))
    assert talk.registry.registrations != {}


def test_a_forgotten_client_has_nothing_left() -> None:
    talk = authenticated()
    (reply,) = talk.say(control.seal_request(ForgetMe(client=True, stats=False), KEY, RNG))
    sealed = response(reply)
    assert isinstance(sealed, messages.EncryptedResponse)
    assert control.open_response(sealed, KEY) == control.ForgetMeAck()
    assert talk.registry.registrations == {}
    assert isinstance(response(talk.send()[0]), messages.TypedError)
    assert isinstance(response(talk.say(messages.ClaimFreeBandwidth())[0]), messages.Error)
    assert talk.registry.registrations == {}


def test_pushes_are_sealed_for_the_client() -> None:
    (write,) = authenticated().machine.push(b"content")
    assert isinstance(write, Write)
    assert frames.open_pushed(write.data, KEY) == b"content"


def test_repr_shows_no_key() -> None:
    assert KEY.hex() not in repr(authenticated().machine)


@settings(max_examples=40)
@given(text=st.text(max_size=60), data=st.binary(max_size=60))
def test_random_input_never_raises(text: str, data: bytes) -> None:
    for talk in (Talk(), authenticated()):
        assert isinstance(talk.machine.feed_text(text, 0.0), list)
        assert isinstance(talk.machine.feed_binary(data, 0.0), list)
    assert talk.machine.state is ServerState.AUTHENTICATED
