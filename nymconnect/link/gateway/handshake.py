"""The registration handshake: both sides prove their identities and agree on the key that they will share.

Mirrors nym-gateway-requests 1.21 (`registration/handshake/{state,client,gateway,messages}.rs`). Four messages, each
the ``data`` of a ``handshakePayload``:

=====  =========  =====  ==================================================================================
no.    direction  bytes  layout
=====  =========  =====  ==================================================================================
1      C → G      80     client Ed25519 identity (32) ‖ client ephemeral X25519 (32) ‖ HKDF salt (16)
2      G → C      124    gateway ephemeral X25519 (32) ‖ sealed signature (64 + 16) ‖ nonce (12)
3      C → G      92     sealed signature (64 + 16) ‖ nonce (12)
4      G → C      1      01: done
=====  =========  =====  ==================================================================================

Shared key K = HKDF-BLAKE3(salt, X25519 of the ephemerals), 32 bytes. Each side signs its own ephemeral ‖ the other's
and seals the signature with AES-256-GCM-SIV under K.
"""

from nymconnect import crypto
from nymconnect.crypto import (
    AEAD_TAG_LENGTH,
    GCM_SIV_NONCE_LENGTH,
    KEY_LENGTH,
    SIGNATURE_LENGTH,
    Ed25519Secret,
    Rng,
    X25519Secret,
)
from nymconnect.errors import WireError

SALT_LENGTH = 16
OPENING_LENGTH = 2 * KEY_LENGTH + SALT_LENGTH
PROOF_LENGTH = SIGNATURE_LENGTH + AEAD_TAG_LENGTH + GCM_SIV_NONCE_LENGTH
RESPONSE_LENGTH = KEY_LENGTH + PROOF_LENGTH
DONE = b"\x01"
STEP_TIMEOUT = 5.0  # seconds that either side waits for the other's next message


def derive_shared_key(salt: bytes, agreed: bytes) -> bytes:
    """K, 32 bytes, from the salt of message 1 and the X25519 result."""
    return crypto.hkdf_blake3(agreed, KEY_LENGTH, salt)


class ClientHandshake:
    """The client's side: `opening`, then `answer`, then `finish`; after `answer` it knows `shared_key`."""

    def __init__(self, identity: Ed25519Secret, gateway_identity: bytes, rng: Rng) -> None:
        self._identity, self._gateway_identity, self._rng = identity, gateway_identity, rng
        self._ephemeral = X25519Secret.generate(rng)
        self._salt = rng.randbytes(SALT_LENGTH)
        self.shared_key = b""

    def opening(self) -> bytes:
        """Message 1."""
        return self._identity.public + self._ephemeral.public + self._salt

    def answer(self, response: bytes) -> bytes:
        """Message 3 for message 2; WireError unless the gateway proves the identity that the directory gave."""
        _check_length(response, RESPONSE_LENGTH)
        gateway_ephemeral = response[:KEY_LENGTH]
        key = derive_shared_key(self._salt, self._ephemeral.exchange(gateway_ephemeral))
        _check_proof(key, response[KEY_LENGTH:], self._gateway_identity, gateway_ephemeral + self._ephemeral.public)
        self.shared_key = key
        return _prove(key, self._identity, self._ephemeral.public + gateway_ephemeral, self._rng)

    @staticmethod
    def finish(confirmation: bytes) -> None:
        """Take message 4; WireError if the gateway did not accept."""
        if confirmation != DONE:
            raise WireError("the gateway did not confirm the handshake")


class GatewayHandshake:
    """The gateway's side: `respond`, then `confirm`; only after `confirm` is `client_identity` proven."""

    def __init__(self, identity: Ed25519Secret, rng: Rng) -> None:
        self._identity, self._rng = identity, rng
        self._ephemeral = X25519Secret.generate(rng)
        self._client_ephemeral = b""
        self.client_identity = b""
        self.shared_key = b""

    def respond(self, opening: bytes) -> bytes:
        """Message 2 for message 1; WireError if that is malformed."""
        _check_length(opening, OPENING_LENGTH)
        self.client_identity = opening[:KEY_LENGTH]
        if not crypto.is_ed25519_point(self.client_identity):
            raise WireError("client identity is not a curve point")
        self._client_ephemeral = opening[KEY_LENGTH : 2 * KEY_LENGTH]
        self.shared_key = derive_shared_key(opening[2 * KEY_LENGTH :], self._ephemeral.exchange(self._client_ephemeral))
        signed = self._ephemeral.public + self._client_ephemeral
        return self._ephemeral.public + _prove(self.shared_key, self._identity, signed, self._rng)

    def confirm(self, proof: bytes) -> bytes:
        """Message 4 for message 3; WireError unless the client proves its identity."""
        _check_length(proof, PROOF_LENGTH)
        _check_proof(self.shared_key, proof, self.client_identity, self._client_ephemeral + self._ephemeral.public)
        return DONE


def _prove(key: bytes, identity: Ed25519Secret, signed: bytes, rng: Rng) -> bytes:
    nonce = rng.randbytes(GCM_SIV_NONCE_LENGTH)
    return crypto.gcm_siv_seal(key, nonce, identity.sign(signed)) + nonce


def _check_proof(key: bytes, proof: bytes, identity: bytes, signed: bytes) -> None:
    signature = crypto.gcm_siv_open(key, proof[-GCM_SIV_NONCE_LENGTH:], proof[:-GCM_SIV_NONCE_LENGTH])
    crypto.ed25519_verify(identity, signature, signed)


def _check_length(message: bytes, expected: int) -> None:
    if len(message) != expected:
        raise WireError(f"handshake message has {len(message)} bytes, expected {expected}")
