"""The Noise handshake Noise_XKpsk3_25519_AESGCM_SHA256: keys and messages, without nym's outer frames.

Written from the Noise Protocol Framework, revision 34 (sections 5, 7.5 and 9); nym-noise 1.21 uses the `snow` crate
for the same. Prologue and handshake payloads are empty, so every message has one possible length:

=====  =========  ================  =====================================================
no.    direction  tokens            bytes
=====  =========  ================  =====================================================
1      →          e, es             ephemeral (32) ‖ tag (16)
2      ←          e, ee             ephemeral (32) ‖ tag (16)
3      →          s, se, psk        static (32) ‖ tag (16) ‖ tag (16)
=====  =========  ================  =====================================================

The initiator knows the responder's static key beforehand. Because a PSK is in play, every ephemeral key is mixed into
the chaining key as well as into the hash (section 9.2).
"""

from nymconnect import crypto
from nymconnect.crypto import AEAD_TAG_LENGTH, KEY_LENGTH, X25519Secret
from nymconnect.errors import UsageError, WireError

PROTOCOL_NAME = b"Noise_XKpsk3_25519_AESGCM_SHA256"
PSK_LABEL = b"NYMTECH_NOISE_dQw4w9WgXcQ"
EPHEMERAL_MESSAGE_LENGTH = KEY_LENGTH + AEAD_TAG_LENGTH
STATIC_MESSAGE_LENGTH = KEY_LENGTH + 2 * AEAD_TAG_LENGTH


def derive_psk(responder_public: bytes) -> bytes:
    """The 32-byte "pre-shared" key of nym-noise version 1. It is public: it separates protocols, it hides nothing."""
    return crypto.sha256(PSK_LABEL + responder_public)


class CipherState:
    """AES-256-GCM under one key with the counter as the nonce: 4 zero bytes ‖ 64-bit big-endian number."""

    __slots__ = ("_cipher", "_count")

    def __init__(self, key: bytes) -> None:
        self._cipher = crypto.AesGcm(key)
        self._count = 0

    def seal(self, plaintext: bytes, associated: bytes = b"") -> bytes:
        sealed = self._cipher.seal(self._nonce(), plaintext, associated)
        self._count += 1
        return sealed

    def open(self, sealed: bytes, associated: bytes = b"") -> bytes:
        """WireError if `sealed` does not authenticate; the counter then stays where it was."""
        plaintext = self._cipher.open(self._nonce(), sealed, associated)
        self._count += 1
        return plaintext

    def _nonce(self) -> bytes:
        return bytes(4) + self._count.to_bytes(8, "big")


class _SymmetricState:
    """Chaining key, transcript hash and current cipher (section 5.2)."""

    def __init__(self) -> None:
        # The name has exactly the 32 bytes of a hash, so it is used as it is.
        self._hash = self._chaining_key = PROTOCOL_NAME
        self._cipher: CipherState | None = None

    def mix_hash(self, data: bytes) -> None:
        self._hash = crypto.sha256(self._hash + data)

    def mix_key(self, material: bytes) -> None:
        self._chaining_key, key = self._derive(material, 2)
        self._cipher = CipherState(key)

    def mix_key_and_hash(self, material: bytes) -> None:
        self._chaining_key, middle, key = self._derive(material, 3)
        # This binds the PSK into the transcript as well, not only into the keys (section 5.2).
        self.mix_hash(middle)
        self._cipher = CipherState(key)

    def seal_and_hash(self, plaintext: bytes = b"") -> bytes:
        sealed = self._current().seal(plaintext, self._hash)
        self.mix_hash(sealed)
        return sealed

    def open_and_hash(self, sealed: bytes) -> bytes:
        # The transcript so far is authenticated too, so an altered earlier message shows here at the latest.
        plaintext = self._current().open(sealed, self._hash)
        self.mix_hash(sealed)
        return plaintext

    def split(self) -> tuple[CipherState, CipherState]:
        """Transport ciphers: initiator → responder, responder → initiator."""
        first, second = self._derive(b"", 2)
        return CipherState(first), CipherState(second)

    def _derive(self, material: bytes, count: int) -> list[bytes]:
        output = crypto.hkdf_sha256(self._chaining_key, material, b"", 32 * count)
        return [output[i : i + 32] for i in range(0, len(output), 32)]

    def _current(self) -> CipherState:
        if self._cipher is None:
            raise UsageError("no key is mixed in yet")
        return self._cipher


class InitiatorHandshake:
    """The calling side. Order: `write_first`, `read_second`, `write_third`, `split`."""

    def __init__(self, local: X25519Secret, remote_public: bytes, ephemeral: X25519Secret) -> None:
        self._local, self._ephemeral, self._remote_public = local, ephemeral, remote_public
        self._remote_ephemeral = b""
        self._state = _SymmetricState()
        self._state.mix_hash(b"")
        self._state.mix_hash(remote_public)

    def write_first(self) -> bytes:
        """48 bytes; WireError if the responder's static key has low order."""
        _mix_ephemeral(self._state, self._ephemeral.public)
        self._state.mix_key(self._ephemeral.exchange(self._remote_public))
        return self._ephemeral.public + self._state.seal_and_hash()

    def read_second(self, message: bytes) -> None:
        _check_length(message, EPHEMERAL_MESSAGE_LENGTH)
        self._remote_ephemeral = message[:KEY_LENGTH]
        _mix_ephemeral(self._state, self._remote_ephemeral)
        self._state.mix_key(self._ephemeral.exchange(self._remote_ephemeral))
        self._state.open_and_hash(message[KEY_LENGTH:])

    def write_third(self) -> bytes:
        """64 bytes."""
        # Sealed under the key from `ee`, so an observer does not learn which node calls.
        sealed_static = self._state.seal_and_hash(self._local.public)
        self._state.mix_key(self._local.exchange(self._remote_ephemeral))
        self._state.mix_key_and_hash(derive_psk(self._remote_public))
        return sealed_static + self._state.seal_and_hash()

    def split(self) -> tuple[CipherState, CipherState]:
        """Transport ciphers for (sending, receiving)."""
        outgoing, incoming = self._state.split()
        return outgoing, incoming


class ResponderHandshake:
    """The called side. Order: `read_first`, `write_second`, `read_third`, `split`."""

    def __init__(self, local: X25519Secret, ephemeral: X25519Secret) -> None:
        self._local, self._ephemeral = local, ephemeral
        self._remote_ephemeral = b""
        self.remote_public = b""  # the initiator's static key, once message 3 has been read
        self._state = _SymmetricState()
        self._state.mix_hash(b"")
        self._state.mix_hash(local.public)

    def read_first(self, message: bytes) -> None:
        _check_length(message, EPHEMERAL_MESSAGE_LENGTH)
        self._remote_ephemeral = message[:KEY_LENGTH]
        _mix_ephemeral(self._state, self._remote_ephemeral)
        self._state.mix_key(self._local.exchange(self._remote_ephemeral))
        self._state.open_and_hash(message[KEY_LENGTH:])

    def write_second(self) -> bytes:
        """48 bytes."""
        _mix_ephemeral(self._state, self._ephemeral.public)
        self._state.mix_key(self._ephemeral.exchange(self._remote_ephemeral))
        return self._ephemeral.public + self._state.seal_and_hash()

    def read_third(self, message: bytes) -> None:
        _check_length(message, STATIC_MESSAGE_LENGTH)
        boundary = KEY_LENGTH + AEAD_TAG_LENGTH
        self.remote_public = self._state.open_and_hash(message[:boundary])
        # Only the holder of this static key can compute the same secret: here the initiator proves who it is.
        self._state.mix_key(self._ephemeral.exchange(self.remote_public))
        self._state.mix_key_and_hash(derive_psk(self._local.public))
        self._state.open_and_hash(message[boundary:])

    def split(self) -> tuple[CipherState, CipherState]:
        """Transport ciphers for (sending, receiving)."""
        incoming, outgoing = self._state.split()
        return outgoing, incoming


def _mix_ephemeral(state: _SymmetricState, public: bytes) -> None:
    state.mix_hash(public)
    state.mix_key(public)


def _check_length(message: bytes, expected: int) -> None:
    if len(message) != expected:
        raise WireError(f"Noise handshake message has {len(message)} bytes, expected {expected}")
