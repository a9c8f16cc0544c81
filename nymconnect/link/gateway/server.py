"""The gateway's side of one client connection, as a machine. Mirrors nym-gateway 1.1.36
(`node/client_handling/websocket/connection_handler/{fresh,authenticated}.rs`).

::

    UNAUTHENTICATED ── handshakePayload ──► HANDSHAKE ── proof ──► AUTHENTICATED
          │ supportedProtocol: stay                                    ▲
          └── authenticateV2 ── no other session ──────────────────────┤
                     └── another session ──► PROBING ── it is dead ────┘

Anything out of place, or too slow, before AUTHENTICATED ends in CLOSED. Afterwards a bad request costs an ``error``
and nothing else. One deadline stands over all that comes before AUTHENTICATED, whatever a stranger says meanwhile.

A stranger learns nothing about a client: that it is registered or online is said to nobody but the one who has proven
to be it. The reference tells it to anybody who names the client in a first handshake message.

Where we differ: an error is sent once; stored messages follow the reply (the driver pushes them on `Authenticated`);
a client whose key we lost may register on the same connection. Pings and pongs are the driver's, in every state.
"""

from enum import Enum

from nymconnect.crypto import Ed25519Secret, Rng
from nymconnect.effects import Close, SendTo, Write, WriteText
from nymconnect.errors import UsageError, WireError
from nymconnect.link.gateway import authentication, bandwidth, control, frames, messages
from nymconnect.link.gateway.bandwidth import Registration, Registry
from nymconnect.link.gateway.events import Authenticated, DeliveryRates, ProbeRival, ServerEffect
from nymconnect.link.gateway.handshake import STEP_TIMEOUT, GatewayHandshake
from nymconnect.link.gateway.messages import CURRENT_VERSION

__all__ = ["Authenticated", "GatewayServerMachine", "ProbeRival", "Registration", "Registry", "ServerState"]

STRANGER_TIMEOUT = 15.0  # seconds from the open connection to the end of registration or authentication
PONG_TIMEOUT = 1.0  # seconds that a probed session has to answer
PROBE_TIMEOUT = 2.0  # seconds that we wait for the driver's verdict
MAX_DELIVERY_RATE = 1000.0  # packets a second, of each kind, to one client
_ALREADY_OPEN = "There is already an open connection to this client"
_NOT_REGISTERED = "the client is not registered"


class ServerState(Enum):
    """Where the connection stands."""

    UNAUTHENTICATED = "unauthenticated"
    HANDSHAKE = "handshake"
    PROBING = "probing"
    AUTHENTICATED = "authenticated"
    CLOSED = "closed"


class GatewayServerMachine:
    """One connection of one client. `unix_offset` added to `now` is Unix time."""

    def __init__(self, identity: Ed25519Secret, registry: Registry, rng: Rng, unix_offset: float) -> None:
        self._identity, self._registry, self._rng, self._unix_offset = identity, registry, rng, unix_offset
        self._handshake = GatewayHandshake(identity, rng)
        self._pending: messages.AuthenticateV2 | None = None
        self._key = b""
        self.client = b""  # identity, once authenticated
        self.state = ServerState.UNAUTHENTICATED
        self.protocol_version = 0
        self.deadline: float | None = None
        self._patience = 0.0  # when a stranger's time has run out, whatever it sends
        self.rejected = 0  # messages that did not decode

    # --- verbs --------------------------------------------------------------------------------------------------

    def start(self, now: float) -> list[ServerEffect]:
        """The connection is open: the first message is awaited."""
        self.deadline = self._patience = now + STRANGER_TIMEOUT
        return []

    def feed_text(self, text: str, now: float) -> list[ServerEffect]:
        """A text message came in."""
        if self.state is ServerState.CLOSED:
            return []
        if overdue := self.wake(now):  # who talks all the time gives no other moment to notice
            return overdue
        known = self.state is ServerState.AUTHENTICATED
        try:
            request = messages.decode_request(text, messages.MAX_TEXT if known else messages.MAX_STRANGER_TEXT)
        except WireError as error:
            return self._reject(str(error))
        if self.state is ServerState.UNAUTHENTICATED:
            return self._on_stranger(request, now)
        if self.state is ServerState.HANDSHAKE:
            return self._on_handshake(request)
        if self.state is ServerState.PROBING:
            return self._fail("a message came before the answer to authenticateV2")
        return self._on_client(request, now)

    def feed_binary(self, data: bytes, now: float) -> list[ServerEffect]:
        """A binary message came in: a packet for the mixnet."""
        if self.state is ServerState.CLOSED:
            return []
        if self.state is not ServerState.AUTHENTICATED:
            if overdue := self.wake(now):
                return overdue
            return self._reject("a binary message came before authentication")
        try:
            packet = frames.open_forward(data, self._key)
        except WireError as error:
            return self._reject(str(error))
        cost, today = len(packet.packet), self._today(now)
        registration = self._registry.get(self.client)
        paid = bandwidth.charge(registration, cost, today) if registration else None
        if paid is None:
            available = bandwidth.balance(registration, today) if registration else 0
            detail = messages.OutOfBandwidthDetail(messages.OutOfBandwidth(cost, available))
            return _texts(messages.TypedError(detail))
        self._registry.put(self.client, paid)
        return [SendTo(packet), *_texts(messages.SendAccepted(paid.available))]

    def push(self, content: bytes) -> list[ServerEffect]:
        """What the mixnet delivered for this client. UsageError unless it is authenticated."""
        if self.state is not ServerState.AUTHENTICATED:
            raise UsageError("nothing can be pushed before authentication")
        return [Write(frames.seal_pushed(content, self._key, self._rng))]

    def delivery_settled(self, granted: bool) -> list[ServerEffect]:
        """What the driver makes of the client's wish for constant rates, for now. UsageError unless authenticated."""
        if self.state is not ServerState.AUTHENTICATED:
            raise UsageError("nothing can be granted before authentication")
        return _texts(control.seal_response(control.PaceDeliveryAck(granted), self._key, self._rng))

    def rival_checked(self, alive: bool, now: float) -> list[ServerEffect]:
        """The driver's verdict after `ProbeRival`. A verdict that comes too late is ignored."""
        if self.state is not ServerState.PROBING or self._pending is None:
            return []
        return self._fail(_ALREADY_OPEN) if alive else self._admit(self._pending, now)

    def wake(self, now: float) -> list[ServerEffect]:
        """Act on a deadline that has come."""
        if self.deadline is None or now < self.deadline:
            return []
        if self.state is ServerState.HANDSHAKE:
            return self._fail_handshake("the handshake timed out")
        return self._fail(_ALREADY_OPEN if self.state is ServerState.PROBING else "timed out")

    # --- before authentication ----------------------------------------------------------------------------------

    def _on_stranger(self, request: messages.Request, now: float) -> list[ServerEffect]:
        if isinstance(request, messages.SupportedProtocolRequest):
            return _texts(messages.SupportedProtocol(CURRENT_VERSION))
        if isinstance(request, messages.HandshakePayload):
            return self._begin_handshake(request, now)
        if isinstance(request, messages.AuthenticateV2):
            return self._authenticate(request, now)
        return self._fail("only registration or authentication is possible now")

    def _begin_handshake(self, request: messages.HandshakePayload, now: float) -> list[ServerEffect]:
        try:
            response = self._handshake.respond(bytes(request.data))
        except WireError as error:
            return self._fail_handshake(str(error))
        self.protocol_version = min(request.protocol_version, CURRENT_VERSION)
        self.state, self.deadline = ServerState.HANDSHAKE, min(now + STEP_TIMEOUT, self._patience)
        return _texts(messages.HandshakePayload(self.protocol_version, messages.octets(response)))

    def _on_handshake(self, request: messages.Request) -> list[ServerEffect]:
        """Message 3; whatever is not part of a handshake is skipped, as in the reference."""
        if isinstance(request, messages.HandshakeError):
            return self._fail("the client gave the handshake up")
        if not isinstance(request, messages.HandshakePayload):
            return []
        try:
            confirmation = self._handshake.confirm(bytes(request.data))
        except WireError as error:
            return self._fail_handshake(str(error))
        client, key = self._handshake.client_identity, self._handshake.shared_key
        if self._registry.is_online(client):
            return self._fail_handshake(_ALREADY_OPEN)
        self._store_key(client, key)
        done = messages.HandshakePayload(self.protocol_version, messages.octets(confirmation))
        registered = messages.Register(status=True, protocol_version=self.protocol_version)
        return [*_texts(done, registered), self._open_session(client, key)]

    def _store_key(self, client: bytes, key: bytes) -> None:
        """A new key replaces the old one; bandwidth and the last timestamp stay."""
        known = self._registry.get(client) or Registration(key)
        self._registry.put(client, Registration(key, known.last_timestamp, known.available, known.expires_day))

    def _authenticate(self, request: messages.AuthenticateV2, now: float) -> list[ServerEffect]:
        try:
            authentication.check_fresh_and_signed(request, int(now + self._unix_offset))
        except WireError as error:
            return self._fail(str(error))
        return self._admit(request, now)

    def _admit(self, request: messages.AuthenticateV2, now: float) -> list[ServerEffect]:
        """The checks against what we know of the client, now; after a probe they are made again."""
        client = bytes(request.client_identity)
        registration = self._registry.get(client)
        if registration is None:
            self.state, self.deadline = ServerState.UNAUTHENTICATED, self._patience
            return _texts(messages.Error(_NOT_REGISTERED))
        try:
            authentication.check_key_and_order(request, registration.shared_key, registration.last_timestamp)
        except WireError as error:
            return self._fail(str(error))
        if self._registry.is_online(client):
            return self._probe(request, client, now)
        timestamp = request.request_unix_timestamp
        known = Registration(registration.shared_key, timestamp, registration.available, registration.expires_day)
        self._registry.put(client, known)
        self.protocol_version = request.protocol_version
        remaining = bandwidth.balance(known, self._today(now))
        reply = messages.Authenticate(True, remaining, self.protocol_version)
        return [*_texts(reply), self._open_session(client, known.shared_key)]

    def _probe(self, request: messages.AuthenticateV2, client: bytes, now: float) -> list[ServerEffect]:
        if self.state is ServerState.PROBING:  # the rival was called dead, and yet someone is online
            return self._fail(_ALREADY_OPEN)
        self.state, self.deadline = ServerState.PROBING, now + PROBE_TIMEOUT
        self._pending = request
        return [ProbeRival(client)]

    def _open_session(self, client: bytes, key: bytes) -> Authenticated:
        self.state, self.deadline = ServerState.AUTHENTICATED, None
        self.client, self._key = client, key
        return Authenticated(client)

    # --- authenticated ------------------------------------------------------------------------------------------

    def _on_client(self, request: messages.Request, now: float) -> list[ServerEffect]:
        if isinstance(request, messages.SupportedProtocolRequest):
            return _texts(messages.SupportedProtocol(CURRENT_VERSION))
        if isinstance(request, messages.ClaimFreeBandwidth):
            return self._claim(now)
        if isinstance(request, messages.EncryptedRequest):
            return self._control(request)
        if isinstance(request, messages.EcashCredential | messages.UpgradeModeToken):
            return _texts(messages.Error("this gateway takes no credentials; its bandwidth is free"))
        return _texts(messages.Error("illegal message for an authenticated connection"))

    def _claim(self, now: float) -> list[ServerEffect]:
        registration = self._registry.get(self.client)
        if registration is None:  # forgotten at its own request
            return _texts(messages.Error(_NOT_REGISTERED))
        granted = bandwidth.grant_free(registration, self._today(now))
        self._registry.put(self.client, granted)
        return _texts(messages.Bandwidth(granted.available))

    def _control(self, message: messages.EncryptedRequest) -> list[ServerEffect]:
        try:
            request = control.open_request(message, self._key)
        except WireError as error:
            return self._reject(str(error))
        if isinstance(request, control.RememberMe):
            return _texts(control.seal_response(control.RememberMeAck(), self._key, self._rng))
        if isinstance(request, control.PaceDelivery):
            return self._pace(DeliveryRates(request.messages / 1000, request.acks / 1000))
        if request.client:
            self._registry.remove(self.client)
        return _texts(control.seal_response(control.ForgetMeAck(), self._key, self._rng))

    def _pace(self, rates: DeliveryRates) -> list[ServerEffect]:
        is_wish = 0 < rates.messages <= MAX_DELIVERY_RATE and 0 < rates.acks <= MAX_DELIVERY_RATE
        return [rates if is_wish else DeliveryRates(0.0, 0.0)]

    # --- endings ------------------------------------------------------------------------------------------------

    def _reject(self, reason: str) -> list[ServerEffect]:
        """A message that does not decode: fatal for a stranger, skipped in a handshake, an error for a client."""
        self.rejected += 1
        if self.state is ServerState.AUTHENTICATED:
            return _texts(messages.Error(reason))
        return [] if self.state is ServerState.HANDSHAKE else self._fail(reason)

    def _fail_handshake(self, reason: str) -> list[ServerEffect]:
        return self._close(messages.HandshakeError(reason), reason)

    def _fail(self, reason: str) -> list[ServerEffect]:
        return self._close(messages.Error(reason), reason)

    def _close(self, last_words: messages.Response, reason: str) -> list[ServerEffect]:
        self.state, self.deadline = ServerState.CLOSED, None
        return [*_texts(last_words), Close(reason)]

    def _today(self, now: float) -> int:
        return bandwidth.utc_day(now + self._unix_offset)


def _texts(*responses: messages.Response) -> list[ServerEffect]:
    return [WriteText(messages.encode(response)) for response in responses]
