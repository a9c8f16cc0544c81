"""The JSON text messages between client and gateway. Mirrors nym-gateway-requests 1.21 (`types/text_request`,
`types/text_response`, `types/registration_handshake_wrapper.rs`).

One object per text, told apart by its member ``type``; fields are snake_case except in ``authenticateV2``. Byte
strings are arrays of numbers, but for two base64 members of ``authenticateV2``. Members that we do not know are
ignored. A text that is too long is refused before it is parsed.
"""

from collections.abc import Iterable
from typing import Annotated, TypeAlias

import msgspec
from msgspec import Meta, Struct

from nymconnect.errors import WireError

CURRENT_VERSION = 6
LOWEST_VERSION = 4  # of `authenticateV2`, and what a client accepts
ROTATION_VERSION = 5  # since then a binary request names the key rotation
MAX_STRANGER_TEXT = 64 * 1024  # characters, until the peer is authenticated
MAX_TEXT = 1024 * 1024

U8: TypeAlias = Annotated[int, Meta(ge=0, le=255)]
I64: TypeAlias = Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)]
# A u64 on the wire; no clock gets beyond the signed half.
Timestamp: TypeAlias = Annotated[int, Meta(ge=0, le=2**63 - 1)]
Octets: TypeAlias = tuple[U8, ...]
PublicKey: TypeAlias = Annotated[Octets, Meta(min_length=32, max_length=32)]
Signature: TypeAlias = Annotated[Octets, Meta(min_length=64, max_length=64)]


# --- both ways --------------------------------------------------------------------------------------------------


class HandshakePayload(Struct, frozen=True, tag_field="type", tag="handshakePayload"):
    """One step of the registration handshake (`handshake`)."""

    protocol_version: U8 = 0
    data: Octets = ()


class HandshakeError(Struct, frozen=True, tag_field="type", tag="handshakeError"):
    """The sender gives the handshake up."""

    message: str


# --- client → gateway -------------------------------------------------------------------------------------------


class SupportedProtocolRequest(Struct, frozen=True, tag_field="type", tag="supportedProtocol"):
    """Which version does the gateway speak?"""


class OldHandshakePayload(HandshakePayload, frozen=True, tag_field="type", tag="registerHandshakeInitRequest"):
    """An earlier name of `handshakePayload`; some clients still open with it."""


class AuthenticateV2(Struct, frozen=True, tag_field="type", tag="authenticateV2", rename="camel"):
    """A registered client proves its identity and its shared key (`authentication`)."""

    protocol_version: U8
    client_identity: PublicKey
    address_ciphertext: bytes
    nonce: bytes
    request_unix_timestamp: Timestamp
    request_signature: Signature


class ClaimFreeBandwidth(Struct, frozen=True, tag_field="type", tag="claimFreeTestnetBandwidth"):
    """Asks for bandwidth without a credential."""


class EncryptedRequest(Struct, frozen=True, tag_field="type", tag="encryptedRequest"):
    """A sealed control request (`control`)."""

    ciphertext: Octets
    nonce: Octets


class EcashCredential(Struct, frozen=True, tag_field="type", tag="ecashCredential"):
    """Pays with a credential. Recognised, refused: this gateway only gives free bandwidth."""


class UpgradeModeToken(Struct, frozen=True, tag_field="type", tag="upgradeModeJWT"):
    """Asks for unmetered service during an upgrade of the network. Recognised, refused."""


class OldAuthenticate(Struct, frozen=True, tag_field="type", tag="authenticate"):
    """Authentication before version 4. Recognised, refused."""


class OldBandwidthCredential(Struct, frozen=True, tag_field="type", tag="bandwidthCredential"):
    """Credential of version 1. Recognised, refused."""


class OldBandwidthCredentialV2(Struct, frozen=True, tag_field="type", tag="bandwidthCredentialV2"):
    """Credential of version 2. Recognised, refused."""


Request: TypeAlias = (
    SupportedProtocolRequest
    | HandshakePayload
    | OldHandshakePayload
    | HandshakeError
    | AuthenticateV2
    | ClaimFreeBandwidth
    | EncryptedRequest
    | EcashCredential
    | UpgradeModeToken
    | OldAuthenticate
    | OldBandwidthCredential
    | OldBandwidthCredentialV2
)


# --- gateway → client -------------------------------------------------------------------------------------------


class SupportedProtocol(Struct, frozen=True, tag_field="type", tag="supportedProtocol"):
    """The highest version that the gateway speaks."""

    version: U8


class Register(Struct, frozen=True, tag_field="type", tag="register"):
    """The registration handshake has ended."""

    status: bool
    protocol_version: U8 = 0
    upgrade_mode: bool = False


class Authenticate(Struct, frozen=True, tag_field="type", tag="authenticate"):
    """Answer to `authenticateV2`."""

    status: bool
    bandwidth_remaining: I64
    protocol_version: U8 = 0
    upgrade_mode: bool = False


class Bandwidth(Struct, frozen=True, tag_field="type", tag="bandwidth"):
    """Answer to a claim, in bytes."""

    available_total: I64
    upgrade_mode: bool = False


class SendAccepted(Struct, frozen=True, tag_field="type", tag="send"):
    """One packet was accepted; optional."""

    remaining_bandwidth: I64
    upgrade_mode: bool = False


class EncryptedResponse(Struct, frozen=True, tag_field="type", tag="encryptedResponse"):
    """A sealed answer to an encrypted request."""

    ciphertext: Octets
    nonce: Octets


class OutOfBandwidth(Struct, frozen=True):
    """A packet was dropped for want of bandwidth; bytes."""

    required: I64
    available: I64


class OutOfBandwidthDetail(Struct, frozen=True):
    """The JSON wrapper that names the detail."""

    out_of_bandwidth: OutOfBandwidth


class TypedError(Struct, frozen=True, tag_field="type", tag="typedError"):
    """An error that a program can act on: out of bandwidth, or the text ``ticket_replay``."""

    error: OutOfBandwidthDetail | str


class Error(Struct, frozen=True, tag_field="type", tag="error"):
    """Any other error, in words."""

    message: str


Response: TypeAlias = (
    SupportedProtocol
    | HandshakePayload
    | HandshakeError
    | Register
    | Authenticate
    | Bandwidth
    | SendAccepted
    | EncryptedResponse
    | TypedError
    | Error
)

_ENCODER = msgspec.json.Encoder()
_REQUESTS: msgspec.json.Decoder[Request] = msgspec.json.Decoder(Request)
_RESPONSES: msgspec.json.Decoder[Response] = msgspec.json.Decoder(Response)


def encode(message: Request | Response) -> str:
    """The compact JSON text."""
    return _ENCODER.encode(message).decode()


def decode_request(text: str, limit: int = MAX_TEXT) -> Request:
    """What a client sent. WireError on anything else, on an unknown type, or beyond `limit` characters."""
    _check_length(text, limit)
    try:
        return _REQUESTS.decode(text)
    except (ValueError, RecursionError) as error:
        raise WireError("not a gateway request") from error


def decode_response(text: str, limit: int = MAX_TEXT) -> Response:
    """What a gateway sent. WireError on anything else, on an unknown type, or beyond `limit` characters."""
    _check_length(text, limit)
    try:
        return _RESPONSES.decode(text)
    except (ValueError, RecursionError) as error:
        raise WireError("not a gateway response") from error


def octets(data: Iterable[int]) -> Octets:
    """Bytes in the shape that JSON carries them."""
    return tuple(data)


def _check_length(text: str, limit: int) -> None:
    if len(text) > limit:
        raise WireError(f"text message has {len(text)} characters, at most {limit} are taken")
