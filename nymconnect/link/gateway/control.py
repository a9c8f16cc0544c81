"""Sealed control requests inside ``encryptedRequest`` and ``encryptedResponse``. Mirrors nym-gateway-requests 1.21
(`types/text_request/mod.rs`, `types/text_response.rs`).

The plaintext is JSON with one member, whose name is the kind: ``{"ForgetMe":{"client":true,"stats":false}}``. It is
sealed with AES-256-GCM-SIV under the shared key and a random 12-byte nonce.

`PaceDelivery` and its answer are ours alone: a client sends it only to gateways whose entry in the directory says that
they know it.
"""

from enum import Enum
from typing import Annotated, TypeAlias, TypeVar

import msgspec
from msgspec import Meta, Struct

from nymconnect import crypto
from nymconnect.crypto import GCM_SIV_NONCE_LENGTH, Rng
from nymconnect.errors import WireError
from nymconnect.link.gateway.messages import EncryptedRequest, EncryptedResponse, octets

_T = TypeVar("_T")


class SessionType(Enum):
    """What a client reports of itself."""

    VPN = "Vpn"
    MIXNET = "Mixnet"
    WASM = "Wasm"
    NATIVE = "Native"
    SOCKS5 = "Socks5"
    UNKNOWN = "Unknown"


class ForgetMe(Struct, frozen=True):
    """Delete inbox, bandwidth and shared key of this client (`client`); `stats` has no effect."""

    client: bool
    stats: bool


class RememberMe(Struct, frozen=True):
    """Count this session as one of `session_type`."""

    session_type: SessionType


class PaceDelivery(Struct, frozen=True):
    """Push at constant rates from now on, in packets per 1000 s: `messages`, and `acks`; both 0 end it."""

    messages: Annotated[int, Meta(ge=0, le=2**32 - 1)]
    acks: Annotated[int, Meta(ge=0, le=2**32 - 1)]


class ForgetMeAck(Struct, frozen=True):
    """Done."""


class RememberMeAck(Struct, frozen=True):
    """Done."""


class PaceDeliveryAck(Struct, frozen=True):
    """Whether it is done so now; it is sent again when that changes, for a gateway looks first what a client sends."""

    granted: bool


ControlRequest: TypeAlias = ForgetMe | RememberMe | PaceDelivery
ControlResponse: TypeAlias = ForgetMeAck | RememberMeAck | PaceDeliveryAck
_REQUESTS: dict[str, type[ControlRequest]] = {kind.__name__: kind for kind in (ForgetMe, RememberMe, PaceDelivery)}
_RESPONSES: dict[str, type[ControlResponse]] = {
    kind.__name__: kind for kind in (ForgetMeAck, RememberMeAck, PaceDeliveryAck)
}


def seal_request(request: ControlRequest, key: bytes, rng: Rng) -> EncryptedRequest:
    nonce, ciphertext = _seal(request, key, rng)
    return EncryptedRequest(octets(ciphertext), octets(nonce))


def open_request(message: EncryptedRequest, key: bytes) -> ControlRequest:
    """WireError if it does not open, or is no request that we know."""
    name, body = _open(message, key)
    return _decode(name, body, _REQUESTS)


def seal_response(response: ControlResponse, key: bytes, rng: Rng) -> EncryptedResponse:
    nonce, ciphertext = _seal(response, key, rng)
    return EncryptedResponse(octets(ciphertext), octets(nonce))


def open_response(message: EncryptedResponse, key: bytes) -> ControlResponse:
    """WireError if it does not open, or is no response that we know."""
    name, body = _open(message, key)
    return _decode(name, body, _RESPONSES)


def _seal(body: ControlRequest | ControlResponse, key: bytes, rng: Rng) -> tuple[bytes, bytes]:
    nonce = rng.randbytes(GCM_SIV_NONCE_LENGTH)
    return nonce, crypto.gcm_siv_seal(key, nonce, msgspec.json.encode({type(body).__name__: body}))


def _open(message: EncryptedRequest | EncryptedResponse, key: bytes) -> tuple[str, msgspec.Raw]:
    """Name and undecoded body of the one member inside."""
    plaintext = crypto.gcm_siv_open(key, bytes(message.nonce), bytes(message.ciphertext))
    members = _parse(plaintext, dict[str, msgspec.Raw])
    if len(members) != 1:
        raise WireError("a control message has exactly one member")
    return next(iter(members.items()))


def _decode(name: str, body: msgspec.Raw, kinds: dict[str, type[_T]]) -> _T:
    if name not in kinds:
        raise WireError(f"unknown control message {name[:32]!r}")
    return _parse(body, kinds[name])


def _parse(data: bytes | msgspec.Raw, shape: type[_T]) -> _T:
    try:
        # What msgspec skips it does not look at; all of the message must be text.
        return msgspec.json.decode(bytes(data).decode(), type=shape)
    except (ValueError, RecursionError) as error:
        raise WireError("malformed control message") from error
