"""``authenticateV2``: how a registered client opens a session. Mirrors nym-gateway-requests 1.21
(`types/text_request/authenticate.rs`).

The client seals its own identity under the shared key and signs these 101 bytes:

======  ====  ==================================================
offset  size  field
======  ====  ==================================================
0       1     protocol version
1       32    client Ed25519 identity
33      48    sealed identity: AES-256-GCM-SIV ciphertext ‖ tag
81      12    nonce of the seal
93      8     Unix time in seconds, big endian
======  ====  ==================================================
"""

from nymconnect import crypto
from nymconnect.crypto import AEAD_TAG_LENGTH, GCM_SIV_NONCE_LENGTH, KEY_LENGTH, Ed25519Secret, Rng
from nymconnect.errors import WireError
from nymconnect.link.gateway.messages import CURRENT_VERSION, LOWEST_VERSION, AuthenticateV2, octets

MAX_CLOCK_DIFFERENCE = 120  # seconds


def build(identity: Ed25519Secret, shared_key: bytes, version: int, timestamp: int, rng: Rng) -> AuthenticateV2:
    """The request of `identity` at Unix time `timestamp`."""
    nonce = rng.randbytes(GCM_SIV_NONCE_LENGTH)
    sealed = crypto.gcm_siv_seal(shared_key, nonce, identity.public)
    signature = identity.sign(_signed_bytes(version, identity.public, sealed, nonce, timestamp))
    return AuthenticateV2(version, octets(identity.public), sealed, nonce, timestamp, octets(signature))


def check_fresh_and_signed(request: AuthenticateV2, unix_time: int) -> None:
    """What can be checked of a stranger, in the reference's order: version, clock, signature; else WireError."""
    if not LOWEST_VERSION <= request.protocol_version <= CURRENT_VERSION:
        raise WireError(f"incompatible protocol version {request.protocol_version}")
    if abs(request.request_unix_timestamp - unix_time) > MAX_CLOCK_DIFFERENCE:
        raise WireError("the request's timestamp is too far from this gateway's clock")
    if len(request.nonce) != GCM_SIV_NONCE_LENGTH or len(request.address_ciphertext) != KEY_LENGTH + AEAD_TAG_LENGTH:
        raise WireError("malformed authentication request")
    identity = bytes(request.client_identity)
    signed = _signed_bytes(
        request.protocol_version, identity, request.address_ciphertext, request.nonce, request.request_unix_timestamp
    )
    crypto.ed25519_verify(identity, bytes(request.request_signature), signed)


def check_key_and_order(request: AuthenticateV2, shared_key: bytes, last_timestamp: int) -> None:
    """WireError unless the client holds `shared_key` and its timestamp is later than `last_timestamp`."""
    expected = crypto.gcm_siv_seal(shared_key, request.nonce, bytes(request.client_identity))
    if not crypto.equal(expected, request.address_ciphertext):
        raise WireError("the client does not hold the shared key")
    if request.request_unix_timestamp <= last_timestamp:
        raise WireError("the request's timestamp is smaller or equal to one previously used")


def _signed_bytes(version: int, identity: bytes, sealed: bytes, nonce: bytes, timestamp: int) -> bytes:
    return bytes([version]) + identity + sealed + nonce + timestamp.to_bytes(8, "big")
