"""What the two gateway machines tell their drivers, beside the common `nymconnect.effects`."""

from dataclasses import dataclass, field
from typing import TypeAlias

from nymconnect.effects import Close, SendTo, Write, WriteText
from nymconnect.reasons import Reason


@dataclass(frozen=True, slots=True)
class Ready:
    """Client: the session stands and has bandwidth. Keep `shared_key` (32 bytes) for the next connection."""

    shared_key: bytes = field(repr=False)
    newly_registered: bool


@dataclass(frozen=True, slots=True)
class Pushed:
    """Client: what the mixnet delivered, exactly as the final hop took it out of the packet."""

    content: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class DeliveryPaced:
    """Client: what has become of the wish for constant rates; the gateway says so again when that changes."""

    granted: bool


@dataclass(frozen=True, slots=True)
class Refused:
    """Client: the gateway will not serve us, and trying again will not help; LinkGivenUp follows."""

    reason: Reason


@dataclass(frozen=True, slots=True)
class LinkGivenUp:
    """Client: this connection is to be closed.

    Without a Refused it is a failure of the moment (an answer that is missing, another session that is still open).
    """

    reason: Reason


@dataclass(frozen=True, slots=True)
class KeyRejected:
    """Client: the gateway no longer knows us; forget the stored key.

    The machine registers on the same connection. Should the gateway drop that, `start` on the next one registers.
    """


@dataclass(frozen=True, slots=True)
class Authenticated:
    """Gateway: this connection is now the session of the `client` (identity, 32 bytes).

    Mark it online before anything else is fed to any machine, then push what its mailbox holds.
    """

    client: bytes


@dataclass(frozen=True, slots=True)
class ProbeRival:
    """Gateway: another session of the `client` (identity, 32 bytes) is online; find out whether it still lives.

    Ping that session's websocket with 8 random bytes. A pong with the same bytes within PONG_TIMEOUT means that it
    lives; silence means that it is to be dropped and marked offline. Then tell `GatewayServerMachine.rival_checked`.
    """

    client: bytes


@dataclass(frozen=True, slots=True)
class DeliveryRates:
    """Gateway: the client wants messages and acks pushed at these rates (packets a second); at 0 and 0, as they come.

    Answer a wish with `GatewayServerMachine.delivery_settled`, and again whenever it is settled otherwise.
    """

    messages: float
    acks: float


ClientEffect: TypeAlias = WriteText | Write | Ready | Pushed | DeliveryPaced | Refused | LinkGivenUp | KeyRejected
ServerEffect: TypeAlias = WriteText | Write | Close | SendTo | Authenticated | ProbeRival | DeliveryRates
