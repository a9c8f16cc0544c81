"""The client's side of its gateway connection, as a machine. Mirrors nym-gateway-client 1.21 (`client/mod.rs`).

::

    NEW ── start ──► NEGOTIATING ── has a key ──► AUTHENTICATING ── enough bandwidth ────► READY
                          │                        │         └──── low ──► CLAIMING ──────► ▲
                          │                  not registered                   ▲
                          └── no key ──► AWAIT_RESPONSE ► AWAIT_CONFIRMATION ► REGISTERING

Every other outcome is CLOSED. One machine serves one gateway for as long as the program runs: `start`
begins each new connection and keeps the shared key and the last timestamp, which must rise.

What comes from gateways and is no reason to give up: pushes before the reply that is awaited, an error said twice,
types that we do not know, texts and frames that do not decode (dropped, counted in `rejected`), no ``send`` at all.
The driver answers pings but sends none, for some gateways drop a connection that pings before it authenticates.
"""

from enum import Enum

from nymconnect.crypto import KEY_LENGTH, Ed25519Secret, Rng
from nymconnect.effects import Write, WriteText
from nymconnect.errors import UsageError, WireError
from nymconnect.link.gateway import authentication, control, frames, messages
from nymconnect.link.gateway.bandwidth import DAY, LOW_BANDWIDTH, utc_day
from nymconnect.link.gateway.control import SessionType
from nymconnect.link.gateway.events import ClientEffect, DeliveryPaced, KeyRejected, LinkGivenUp, Pushed, Ready, Refused
from nymconnect.link.gateway.handshake import STEP_TIMEOUT, ClientHandshake
from nymconnect.link.gateway.messages import CURRENT_VERSION, LOWEST_VERSION
from nymconnect.packet.framing import MixPacket
from nymconnect.reasons import (
    GatewayDenies,
    GatewayNotUnderstood,
    GatewaySays,
    GatewayUnproven,
    GatewayVersion,
    NoReply,
    Reason,
)

__all__ = ["ClientState", "GatewayClientMachine", "KeyRejected", "Pushed", "Ready", "Refused"]

REPLY_TIMEOUT = 30.0  # seconds for any answer outside the handshake
CLAIM_PAUSE = 10.0  # seconds between claims, should one not bring enough
MAX_REASON_LENGTH = 200  # of a gateway's words that we repeat


class ClientState(Enum):
    """Where the connection stands."""

    NEW = "new"
    NEGOTIATING = "negotiating"
    AWAIT_RESPONSE = "await response"
    AWAIT_CONFIRMATION = "await confirmation"
    REGISTERING = "registering"
    AUTHENTICATING = "authenticating"
    CLAIMING = "claiming"
    READY = "ready"
    CLOSED = "closed"


class GatewayClientMachine:
    """A client's connection to one gateway. `unix_offset` added to `now` is Unix time."""

    def __init__(
        self,
        identity: Ed25519Secret,
        gateway_identity: bytes,
        rng: Rng,
        unix_offset: float,
        shared_key: bytes | None = None,
        last_timestamp: int = 0,
    ) -> None:
        if shared_key is not None and len(shared_key) != KEY_LENGTH:
            raise UsageError("a shared key has 32 bytes")
        self._identity, self._gateway_identity, self._rng = identity, gateway_identity, rng
        self.unix_offset = unix_offset  # to be set anew before `start` where the two clocks may have drifted apart
        self.shared_key = shared_key  # of our registration; None until there is one
        self.last_timestamp = last_timestamp  # Unix seconds of our last authentication, 0 for none
        self.state = ClientState.NEW
        self.rejected = 0  # messages that did not decode
        self._reset()
        self._handlers = {
            ClientState.NEGOTIATING: self._on_negotiating,
            ClientState.AWAIT_RESPONSE: self._on_await_response,
            ClientState.AWAIT_CONFIRMATION: self._on_await_confirmation,
            ClientState.REGISTERING: self._on_registering,
            ClientState.AUTHENTICATING: self._on_authenticating,
            ClientState.CLAIMING: self._on_claiming,
            ClientState.READY: self._on_ready,
        }

    def _reset(self) -> None:
        """Forget what belongs to one connection."""
        self._handshake: ClientHandshake | None = None
        self._session_key: bytes | None = None  # opens pushes; known a little before the registration is complete
        self._newly_registered = False
        self._control_pending = False
        self._delivery_asked = self._delivery_pending = False
        self._reply_due: float | None = None
        self._renew_at: float | None = None
        self._next_claim = 0.0
        self._unmetered = False
        self.protocol_version = 0
        self.bandwidth = 0  # bytes, as far as we know

    # --- verbs --------------------------------------------------------------------------------------------------

    @property
    def deadline(self) -> float | None:
        """When `wake` is due: an answer is missing, or the UTC day ends and the free bandwidth with it."""
        return min((due for due in (self._reply_due, self._renew_at) if due is not None), default=None)

    def start(self, now: float) -> list[ClientEffect]:
        """A new connection to the gateway is open; what an earlier one left behind is dropped."""
        self._reset()
        return self._ask(ClientState.NEGOTIATING, now + REPLY_TIMEOUT, messages.SupportedProtocolRequest())

    def feed_text(self, text: str, now: float) -> list[ClientEffect]:
        """A text message came in."""
        handler = self._handlers.get(self.state)
        if handler is None:
            return []
        try:
            response = messages.decode_response(text)
        except WireError:
            self.rejected += 1
            return []
        if isinstance(response, messages.Error | messages.HandshakeError):
            return self._on_error(response.message, now)
        if isinstance(response, messages.TypedError):
            return self._on_typed_error(response, now)
        return handler(response, now)

    def feed_binary(self, data: bytes, now: float) -> list[ClientEffect]:
        """A binary message came in: something that the mixnet delivered, possibly before the awaited reply."""
        if self._session_key is None or self.state is ClientState.CLOSED:
            self.rejected += 1
            return []
        try:
            return [Pushed(frames.open_pushed(data, self._session_key))]
        except WireError:
            self.rejected += 1
            return []

    def send(self, packet: MixPacket, now: float) -> list[ClientEffect]:
        """Hand a packet to the gateway. UsageError unless READY."""
        if self.state is not ClientState.READY or self._session_key is None:
            raise UsageError("the gateway connection is not ready")
        self.bandwidth -= len(packet.packet)
        frame = frames.seal_forward(packet, self.protocol_version, self._session_key, self._rng)
        return [Write(frame), *self._claim_if_low(now)]

    def forget_me(self, now: float) -> list[ClientEffect]:
        """Ask the gateway to delete our inbox, bandwidth and key. UsageError unless READY."""
        return self._control(control.ForgetMe(client=True, stats=False))

    def remember_me(self, session_type: SessionType, now: float) -> list[ClientEffect]:
        """Tell the gateway what kind of client we are. UsageError unless READY."""
        return self._control(control.RememberMe(session_type))

    def pace_delivery(self, messages: float, acks: float) -> list[ClientEffect]:
        """Ask for pushes at these rates (packets a second), of a gateway that knows this. UsageError unless READY."""
        effects = self._control(control.PaceDelivery(round(messages * 1000), round(acks * 1000)))
        self._delivery_asked = self._delivery_pending = True
        return effects

    def wake(self, now: float) -> list[ClientEffect]:
        """Act on a deadline that has come."""
        if self._reply_due is not None and now >= self._reply_due:
            return self._give_up(NoReply())
        if self._renew_at is None or now < self._renew_at:
            return []
        while self._renew_at <= now:
            self._renew_at += DAY
        self.bandwidth, self._next_claim = 0, now
        return self._claim_if_low(now)

    # --- opening a session --------------------------------------------------------------------------------------

    def _on_negotiating(self, response: messages.Response, now: float) -> list[ClientEffect]:
        if not isinstance(response, messages.SupportedProtocol):
            return []
        self.protocol_version = min(response.version, CURRENT_VERSION)
        if self.protocol_version < LOWEST_VERSION:
            return self._refuse(GatewayVersion(response.version, too_old=True))
        return self._begin_handshake(now) if self.shared_key is None else self._authenticate(self.shared_key, now)

    def _authenticate(self, key: bytes, now: float) -> list[ClientEffect]:
        # Gateways want a later second each time; a reconnect may well come within the same one.
        self.last_timestamp = max(int(now + self.unix_offset), self.last_timestamp + 1)
        self._session_key = key
        request = authentication.build(self._identity, key, self.protocol_version, self.last_timestamp, self._rng)
        return self._ask(ClientState.AUTHENTICATING, now + REPLY_TIMEOUT, request)

    def _on_authenticating(self, response: messages.Response, now: float) -> list[ClientEffect]:
        if not isinstance(response, messages.Authenticate):
            return []
        if not response.status:
            return self._refuse(GatewayDenies("authentication"))
        self._record(response.bandwidth_remaining, response.upgrade_mode)
        if self._is_low():
            return self._claim_first(now)
        return self._become_ready(now)

    def _begin_handshake(self, now: float) -> list[ClientEffect]:
        self._handshake = ClientHandshake(self._identity, self._gateway_identity, self._rng)
        return self._ask_handshake(ClientState.AWAIT_RESPONSE, self._handshake.opening(), now)

    def _on_await_response(self, response: messages.Response, now: float) -> list[ClientEffect]:
        if not isinstance(response, messages.HandshakePayload) or self._handshake is None:
            return []
        if not LOWEST_VERSION <= response.protocol_version <= CURRENT_VERSION:
            return self._refuse(GatewayVersion(response.protocol_version))
        try:
            answer = self._handshake.answer(bytes(response.data))
        except WireError as error:
            return self._refuse(GatewayUnproven(_one_line(str(error))))
        self.protocol_version = response.protocol_version
        self._session_key = self._handshake.shared_key
        return self._ask_handshake(ClientState.AWAIT_CONFIRMATION, answer, now)

    def _on_await_confirmation(self, response: messages.Response, now: float) -> list[ClientEffect]:
        if not isinstance(response, messages.HandshakePayload):
            return []
        try:
            ClientHandshake.finish(bytes(response.data))
        except WireError as error:
            return self._give_up(GatewayNotUnderstood(_one_line(str(error))))
        self.state, self._reply_due = ClientState.REGISTERING, now + REPLY_TIMEOUT
        return []

    def _on_registering(self, response: messages.Response, now: float) -> list[ClientEffect]:
        if not isinstance(response, messages.Register):
            return []
        if not response.status:
            return self._refuse(GatewayDenies("registration"))
        self.shared_key, self._newly_registered = self._session_key, True
        self._unmetered = response.upgrade_mode
        # The reference asks for the version once more here; gateways see the same order of messages from us.
        return [_text(messages.SupportedProtocolRequest()), *self._claim_first(now)]

    def _claim_first(self, now: float) -> list[ClientEffect]:
        self.state = ClientState.CLAIMING
        return self._claim(now)

    def _on_claiming(self, response: messages.Response, now: float) -> list[ClientEffect]:
        if not isinstance(response, messages.Bandwidth):
            return []
        self._record(response.available_total, response.upgrade_mode)
        return self._become_ready(now)

    def _become_ready(self, now: float) -> list[ClientEffect]:
        if self.shared_key is None:
            raise UsageError("ready without a key")
        self.state, self._reply_due = ClientState.READY, None
        self._renew_at = (utc_day(now + self.unix_offset) + 1) * DAY - self.unix_offset
        return [Ready(self.shared_key, self._newly_registered)]

    # --- ready --------------------------------------------------------------------------------------------------

    def _on_ready(self, response: messages.Response, now: float) -> list[ClientEffect]:
        if isinstance(response, messages.Bandwidth):
            self._reply_due = None
            self._record(response.available_total, response.upgrade_mode)
        elif isinstance(response, messages.SendAccepted):
            self._record(response.remaining_bandwidth, response.upgrade_mode)
        elif isinstance(response, messages.EncryptedResponse):
            return self._on_control(response)
        return []

    def _on_control(self, response: messages.EncryptedResponse) -> list[ClientEffect]:
        if not self._delivery_asked or self._session_key is None:
            self._control_pending = False
            return []
        try:
            answer = control.open_response(response, self._session_key)
        except WireError:
            self._control_pending = False
            self.rejected += 1
            return []
        if not isinstance(answer, control.PaceDeliveryAck):
            self._control_pending = False
            return []
        if self._delivery_pending:  # else it is news, and no answer
            self._control_pending = self._delivery_pending = False
        return [DeliveryPaced(answer.granted)]

    def _claim(self, now: float) -> list[ClientEffect]:
        self._next_claim = now + CLAIM_PAUSE
        return self._ask(self.state, now + REPLY_TIMEOUT, messages.ClaimFreeBandwidth())

    def _claim_if_low(self, now: float) -> list[ClientEffect]:
        waiting = self._reply_due is not None or now < self._next_claim
        return self._claim(now) if self._is_low() and not waiting else []

    def _is_low(self) -> bool:
        return self.bandwidth < LOW_BANDWIDTH and not self._unmetered

    def _record(self, available: int, upgrade_mode: bool) -> None:
        self.bandwidth, self._unmetered = available, upgrade_mode

    def _control(self, request: control.ControlRequest) -> list[ClientEffect]:
        if self.state is not ClientState.READY or self._session_key is None:
            raise UsageError("the gateway connection is not ready")
        self._control_pending = True
        return [_text(control.seal_request(request, self._session_key, self._rng))]

    # --- errors -------------------------------------------------------------------------------------------------

    def _on_error(self, reason: str, now: float) -> list[ClientEffect]:
        unregistered = "not registered" in reason.lower()
        if unregistered and self.state is ClientState.AUTHENTICATING:
            self.shared_key = self._session_key = None
            return [KeyRejected(), *self._begin_handshake(now)]
        if unregistered and self.state is ClientState.AWAIT_RESPONSE:
            return []  # the same error, said twice
        if self._control_pending:
            self._control_pending = False  # a gateway that knows no such request; nothing depends on it
            refused, self._delivery_pending = self._delivery_pending, False
            return [DeliveryPaced(granted=False)] if refused else []
        # Without the version or the bandwidth nothing goes; all else may go better on the next connection.
        if self.state in (ClientState.NEGOTIATING, ClientState.CLAIMING):
            return self._refuse(GatewaySays(_one_line(reason)))
        return self._give_up(GatewaySays(_one_line(reason)))

    def _on_typed_error(self, response: messages.TypedError, now: float) -> list[ClientEffect]:
        if isinstance(response.error, str):
            return self._give_up(GatewaySays(_one_line(response.error)))
        self.bandwidth = response.error.out_of_bandwidth.available
        return self._claim_if_low(now) if self.state is ClientState.READY else []

    def _refuse(self, reason: Reason) -> list[ClientEffect]:
        return [Refused(reason), *self._give_up(reason)]

    def _give_up(self, reason: Reason) -> list[ClientEffect]:
        self.state = ClientState.CLOSED
        self._reply_due = self._renew_at = None
        return [LinkGivenUp(reason)]

    # --- asking -------------------------------------------------------------------------------------------------

    def _ask(self, state: ClientState, due: float, request: messages.Request) -> list[ClientEffect]:
        self.state, self._reply_due = state, due
        return [_text(request)]

    def _ask_handshake(self, state: ClientState, data: bytes, now: float) -> list[ClientEffect]:
        payload = messages.HandshakePayload(self.protocol_version, messages.octets(data))
        return self._ask(state, now + STEP_TIMEOUT, payload)


def _text(request: messages.Request) -> WriteText:
    return WriteText(messages.encode(request))


def _one_line(reason: str) -> str:
    """A stranger's words, fit to be shown."""
    return "".join(c if c.isprintable() else " " for c in reason[:MAX_REASON_LENGTH]).strip()
