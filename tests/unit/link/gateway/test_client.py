"""The client machine against gateways that are slow, old, odd or hostile."""

import random
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nymconnect.effects import Write, WriteText
from nymconnect.errors import UsageError
from nymconnect.link.gateway import frames, messages
from nymconnect.link.gateway.bandwidth import FREE_BANDWIDTH
from nymconnect.link.gateway.client import CLAIM_PAUSE, REPLY_TIMEOUT, ClientState, GatewayClientMachine
from nymconnect.link.gateway.control import SessionType
from nymconnect.link.gateway.events import ClientEffect, KeyRejected, LinkGivenUp, Pushed, Ready, Refused
from nymconnect.link.gateway.handshake import STEP_TIMEOUT, GatewayHandshake
from nymconnect.link.gateway.messages import octets
from nymconnect.reasons import GatewaySays, GatewayUnproven, NoReply
from tests.helpers.gateway_pair import CLIENT_IDENTITY, GATEWAY_IDENTITY, UNIX_OFFSET, UNTIL_MIDNIGHT, mix_packet

KEY = bytes(range(32))
CLAIM = WriteText('{"type":"claimFreeTestnetBandwidth"}')
ASK_VERSION = WriteText('{"type":"supportedProtocol"}')


class Talk:
    """A client machine and the gateway's words, one by one."""

    def __init__(self, shared_key: bytes | None = None) -> None:
        self.now = 0.0
        self.machine = GatewayClientMachine(
            CLIENT_IDENTITY, GATEWAY_IDENTITY.public, random.Random(1), UNIX_OFFSET, shared_key
        )
        self.gateway = GatewayHandshake(GATEWAY_IDENTITY, random.Random(2))
        assert self.machine.start(0.0) == [ASK_VERSION]

    def say(self, response: messages.Response) -> list[ClientEffect]:
        return self.machine.feed_text(messages.encode(response), self.now)

    def version(self, version: int = 6) -> list[ClientEffect]:
        return self.say(messages.SupportedProtocol(version))

    def respond(self, opening: list[ClientEffect], version: int = 6) -> list[ClientEffect]:
        """Message 2 for the client's message 1, which is the last of `opening`."""
        assert isinstance(opening[-1], WriteText)
        request = messages.decode_request(opening[-1].text)
        assert isinstance(request, messages.HandshakePayload)
        response = self.gateway.respond(bytes(request.data))
        return self.say(messages.HandshakePayload(version, octets(response)))

    def confirm(self) -> list[ClientEffect]:
        return self.say(messages.HandshakePayload(6, (1,)))


def at(state: ClientState) -> Talk:
    """A talk that has come to `state`; with a stored key where only that leads there."""
    talk = Talk(KEY if state in (ClientState.AUTHENTICATING, ClientState.READY) else None)
    opening: list[ClientEffect] = []
    steps: dict[ClientState, Callable[[], list[ClientEffect]]] = {
        ClientState.NEGOTIATING: talk.version,
        ClientState.AWAIT_RESPONSE: lambda: talk.respond(opening),
        ClientState.AWAIT_CONFIRMATION: talk.confirm,
        ClientState.REGISTERING: lambda: talk.say(messages.Register(True, 6)),
        ClientState.AUTHENTICATING: lambda: talk.say(messages.Authenticate(True, FREE_BANDWIDTH, 6)),
    }
    while talk.machine.state is not state:
        opening = steps[talk.machine.state]()
    return talk


WAITING = [
    ClientState.NEGOTIATING,
    ClientState.AWAIT_RESPONSE,
    ClientState.AWAIT_CONFIRMATION,
    ClientState.REGISTERING,
    ClientState.AUTHENTICATING,
    ClientState.CLAIMING,
]


# --- negotiation and registration -------------------------------------------------------------------------------


@pytest.mark.parametrize(("reported", "used"), [(4, 4), (5, 5), (6, 6), (7, 6), (255, 6)])
def test_the_lower_version_is_used(reported: int, used: int) -> None:
    talk = Talk()
    (effect,) = talk.version(reported)
    assert talk.machine.protocol_version == used
    assert isinstance(effect, WriteText)
    request = messages.decode_request(effect.text)
    assert isinstance(request, messages.HandshakePayload)
    assert request.protocol_version == used
    assert len(request.data) == 80


@pytest.mark.parametrize("reported", [0, 1, 3])
def test_an_old_gateway_is_refused(reported: int) -> None:
    talk = Talk()
    refused, close = talk.version(reported)
    assert isinstance(refused, Refused)
    assert isinstance(close, LinkGivenUp)
    assert talk.machine.state is ClientState.CLOSED


def test_an_error_instead_of_a_version_is_a_refusal() -> None:
    assert Talk().say(messages.Error("what?")) == [Refused(GatewaySays("what?")), LinkGivenUp(GatewaySays("what?"))]


def test_messages_of_a_registration_come_in_the_order_of_the_reference() -> None:
    talk = Talk()
    (answer,) = talk.respond(talk.version())
    assert isinstance(answer, WriteText)
    assert talk.confirm() == []
    assert talk.say(messages.Register(True, 6)) == [ASK_VERSION, CLAIM]
    assert talk.version() == []
    (ready,) = talk.say(messages.Bandwidth(FREE_BANDWIDTH))
    assert ready == Ready(talk.gateway.shared_key, newly_registered=True)


@pytest.mark.parametrize(("version", "state"), [(4, "await confirmation"), (7, "closed"), (3, "closed"), (0, "closed")])
def test_the_gateway_may_choose_another_version_in_the_handshake(version: int, state: str) -> None:
    talk = Talk()
    talk.respond(talk.version(), version)
    assert talk.machine.state.value == state


def test_a_gateway_that_is_not_the_one_of_the_directory_is_refused() -> None:
    talk = Talk()
    talk.gateway = GatewayHandshake(CLIENT_IDENTITY, random.Random(2))
    refused, _ = talk.respond(talk.version())
    assert isinstance(refused, Refused)
    assert isinstance(refused.reason, GatewayUnproven)
    assert talk.machine.shared_key is None


@pytest.mark.parametrize(
    ("state", "response"),
    [
        (ClientState.AUTHENTICATING, messages.Authenticate(False, 0, 6)),
        (ClientState.REGISTERING, messages.Register(False, 6)),
        (ClientState.CLAIMING, messages.Error("only accepting coconut credentials")),
    ],
)
def test_a_no_is_a_refusal(state: ClientState, response: messages.Response) -> None:
    talk = at(state)
    refused, close = talk.say(response)
    assert isinstance(refused, Refused)
    assert isinstance(close, LinkGivenUp)
    assert talk.machine.deadline is None


@pytest.mark.parametrize(
    ("state", "response"),
    [
        (ClientState.AWAIT_RESPONSE, messages.HandshakeError("bad opening")),
        (ClientState.AWAIT_RESPONSE, messages.Error("There is already an open connection to this client")),
        (ClientState.AWAIT_CONFIRMATION, messages.HandshakeError("bad proof")),
        (ClientState.AWAIT_CONFIRMATION, messages.HandshakePayload(6, (0,))),
        (ClientState.AUTHENTICATING, messages.Error("the timestamp is smaller or equal to one previously used")),
        (ClientState.READY, messages.Error("something broke")),
        (ClientState.READY, messages.TypedError("ticket_replay")),
    ],
)
def test_a_failure_of_the_moment_only_closes(state: ClientState, response: messages.Response) -> None:
    talk = at(state)
    (close,) = talk.say(response)
    assert isinstance(close, LinkGivenUp)
    # The same words again, and anything else, find the machine closed.
    assert talk.say(response) == []
    assert talk.machine.feed_binary(bytes(40), 0.0) == []
    assert talk.machine.wake(1e9) == []


@pytest.mark.parametrize("state", WAITING)
def test_a_gateway_that_does_not_answer_is_given_up(state: ClientState) -> None:
    talk = at(state)
    handshake = state in (ClientState.AWAIT_RESPONSE, ClientState.AWAIT_CONFIRMATION)
    due = STEP_TIMEOUT if handshake else REPLY_TIMEOUT
    assert talk.machine.deadline == due
    assert talk.machine.wake(due - 0.001) == []
    assert talk.machine.wake(due) == [LinkGivenUp(NoReply())]


@pytest.mark.parametrize("state", [*WAITING, ClientState.READY])
def test_what_is_not_awaited_is_passed_over(state: ClientState) -> None:
    talk = at(state)
    odd = [
        '{"type":"fromTheFuture"}',
        "not json",
        "",
        messages.encode(messages.SendAccepted(FREE_BANDWIDTH)),
        messages.encode(messages.EncryptedResponse((1,), (2,))),
    ]
    for text in odd:
        assert talk.machine.feed_text(text, 0.0) == []
    assert talk.machine.feed_binary(b"", 0.0) == []
    assert talk.machine.feed_binary(bytes(60), 0.0) == []
    assert talk.machine.state is state
    assert talk.machine.rejected == 5


# --- authentication ---------------------------------------------------------------------------------------------


def test_an_unknown_client_registers_even_if_told_twice() -> None:
    talk = at(ClientState.AUTHENTICATING)
    error = messages.Error("the provided client is Not Registered")
    effects = talk.say(error)
    assert effects[0] == KeyRejected()
    assert talk.machine.shared_key is None
    assert talk.say(error) == []
    assert isinstance(talk.respond(effects)[0], WriteText)


def test_an_unknown_client_registers_on_the_next_connection_if_this_one_is_dropped() -> None:
    talk = at(ClientState.AUTHENTICATING)
    talk.say(messages.Error("the client is not registered"))
    assert talk.machine.start(1.0) == [ASK_VERSION]
    (opening,) = talk.version()
    assert isinstance(opening, WriteText)
    assert isinstance(messages.decode_request(opening.text), messages.HandshakePayload)


def test_a_registration_that_was_not_finished_leaves_no_key() -> None:
    talk = at(ClientState.REGISTERING)
    assert talk.machine.shared_key is None
    talk.machine.start(1.0)
    assert talk.machine.feed_binary(frames.seal_pushed(b"x", talk.gateway.shared_key, random.Random(3)), 1.0) == []


def timestamp_of(effects: list[ClientEffect]) -> int:
    (effect,) = effects
    assert isinstance(effect, WriteText)
    request = messages.decode_request(effect.text)
    assert isinstance(request, messages.AuthenticateV2)
    return request.request_unix_timestamp


def test_timestamps_rise_even_if_the_clock_does_not() -> None:
    talk = Talk(KEY)
    stamps = [timestamp_of(talk.version())]
    for now in (0.5, 0.7, 10.0, 2.0):
        talk.now = now
        talk.machine.start(now)
        stamps.append(timestamp_of(talk.version()))
    assert stamps == [1_700_000_000, 1_700_000_001, 1_700_000_002, 1_700_000_010, 1_700_000_011]


# --- ready ------------------------------------------------------------------------------------------------------


def test_pushes_with_a_bad_seal_are_dropped_and_counted() -> None:
    talk = at(ClientState.READY)
    good = frames.seal_pushed(b"hello", KEY, random.Random(3))
    for bad in (good[:-1], good + b"\0", b"\x02" + good[1:], good[:1] + b"\0" + good[2:], b"\x01\x01", b""):
        assert talk.machine.feed_binary(bad, 0.0) == []
    assert talk.machine.rejected == 6
    assert talk.machine.feed_binary(good, 0.0) == [Pushed(b"hello")]


def test_bandwidth_is_counted_without_send_replies() -> None:
    talk = at(ClientState.READY)
    for _ in range(3):
        (write,) = talk.machine.send(mix_packet(), 0.0)
        assert isinstance(write, Write)
    assert talk.machine.bandwidth == FREE_BANDWIDTH - 3 * 2413


def test_low_bandwidth_is_claimed_once_and_not_again_before_a_pause() -> None:
    talk = at(ClientState.READY)
    talk.say(messages.SendAccepted(40_000_000))
    assert talk.machine.send(mix_packet(), 0.0)[1:] == [CLAIM]
    assert talk.machine.send(mix_packet(), 0.0)[1:] == []
    talk.say(messages.Bandwidth(1000))
    assert talk.machine.send(mix_packet(), CLAIM_PAUSE - 0.1)[1:] == []
    assert talk.machine.send(mix_packet(), CLAIM_PAUSE)[1:] == [CLAIM]


def test_out_of_bandwidth_is_not_fatal_and_leads_to_a_claim() -> None:
    talk = at(ClientState.READY)
    error = messages.TypedError(messages.OutOfBandwidthDetail(messages.OutOfBandwidth(2413, 7)))
    assert talk.say(error) == [CLAIM]
    assert talk.machine.bandwidth == 7
    assert talk.say(error) == []
    assert talk.say(messages.Bandwidth(FREE_BANDWIDTH)) == []
    assert talk.machine.bandwidth == FREE_BANDWIDTH
    assert talk.machine.deadline == UNTIL_MIDNIGHT


def test_out_of_bandwidth_before_ready_changes_nothing() -> None:
    talk = at(ClientState.CLAIMING)
    assert talk.say(messages.TypedError(messages.OutOfBandwidthDetail(messages.OutOfBandwidth(2413, 7)))) == []
    assert talk.machine.state is ClientState.CLAIMING


def test_an_unmetered_gateway_is_asked_for_nothing() -> None:
    talk = at(ClientState.AUTHENTICATING)
    (ready,) = talk.say(messages.Authenticate(True, 40_000_001, 6, upgrade_mode=True))
    assert isinstance(ready, Ready)
    for _ in range(3):
        assert len(talk.machine.send(mix_packet(), 0.0)) == 1
    assert talk.machine.wake(UNTIL_MIDNIGHT) == []
    assert talk.machine.deadline == UNTIL_MIDNIGHT + 86400


def test_a_claim_that_stays_unanswered_closes() -> None:
    talk = at(ClientState.READY)
    assert talk.machine.wake(UNTIL_MIDNIGHT) == [CLAIM]
    assert talk.machine.wake(UNTIL_MIDNIGHT + REPLY_TIMEOUT) == [LinkGivenUp(NoReply())]


def test_a_claim_just_before_midnight_does_not_delay_the_one_after_it() -> None:
    talk = at(ClientState.READY)
    talk.now = UNTIL_MIDNIGHT - 1
    talk.say(messages.SendAccepted(0))
    assert talk.machine.send(mix_packet(), talk.now)[1:] == [CLAIM]
    talk.say(messages.Bandwidth(FREE_BANDWIDTH))
    assert talk.machine.wake(UNTIL_MIDNIGHT) == [CLAIM]


def test_after_a_long_sleep_one_claim_is_made() -> None:
    talk = at(ClientState.READY)
    late = UNTIL_MIDNIGHT + 5 * 86400 + 1
    assert talk.machine.wake(late) == [CLAIM]
    talk.say(messages.Bandwidth(FREE_BANDWIDTH))
    assert talk.machine.wake(late) == []
    assert talk.machine.deadline == UNTIL_MIDNIGHT + 6 * 86400


def test_a_gateway_that_knows_no_control_requests_is_kept() -> None:
    talk = at(ClientState.READY)
    assert len(talk.machine.remember_me(SessionType.SOCKS5, 0.0)) == 1
    assert talk.say(messages.Error("could not parse that")) == []
    assert talk.machine.state is ClientState.READY
    assert talk.say(messages.Error("could not parse that")) == [LinkGivenUp(GatewaySays("could not parse that"))]


@pytest.mark.parametrize("state", WAITING)
def test_verbs_before_ready_are_misuse(state: ClientState) -> None:
    machine = at(state).machine
    with pytest.raises(UsageError):
        machine.send(mix_packet(), 0.0)
    with pytest.raises(UsageError):
        machine.forget_me(0.0)


def test_a_key_of_another_length_is_misuse() -> None:
    with pytest.raises(UsageError):
        GatewayClientMachine(CLIENT_IDENTITY, GATEWAY_IDENTITY.public, random.Random(1), 0.0, b"short")


# --- strangers' words and secrets -------------------------------------------------------------------------------


def test_reasons_are_one_short_printable_line() -> None:
    (close,) = at(ClientState.READY).say(messages.Error("bad\n\x1b[31mnews" + "x" * 10_000))
    assert isinstance(close, LinkGivenUp)
    assert isinstance(close.reason, GatewaySays)
    assert close.reason.words.startswith("bad  [31mnews")
    assert close.reason.words.isprintable()
    assert len(close.reason.words) <= 200


def test_repr_shows_no_secret() -> None:
    assert repr(Ready(KEY, newly_registered=True)) == "Ready(newly_registered=True)"
    assert "secret" not in repr(Pushed(b"secret"))
    assert KEY.hex() not in repr(Talk(KEY).machine)


@settings(max_examples=40)
@given(text=st.text(max_size=60), data=st.binary(max_size=60), state=st.sampled_from([*WAITING, ClientState.READY]))
def test_random_input_changes_nothing(text: str, data: bytes, state: ClientState) -> None:
    talk = at(state)
    assert talk.machine.feed_text(text, 0.0) == []
    assert talk.machine.feed_binary(data, 0.0) == []
    assert talk.machine.state is state
