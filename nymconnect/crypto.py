"""The only door to the cryptographic libraries.

Everything above works on `bytes`; secrets that live longer than a call are held in small classes whose repr shows
nothing. Labels and sizes that belong to one format stand with that format, not here.

Mirrors nym-crypto 1.21 (`shared_key.rs`, `symmetric/`, `asymmetric/`) and, for Lioness, the `lioness` crate 0.1.2
that sphinx-packet uses. `docs/threat-model.md` says what Python cannot promise (wiping memory, constant-time integers).
"""

import hashlib
import hmac
import struct
from collections.abc import Callable, Sequence
from typing import Protocol, TypeVar

import nacl.bindings
from blake3 import blake3
from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519, x25519
from cryptography.hazmat.primitives.ciphers import Cipher, CipherAlgorithm, CipherContext, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, AESGCMSIV
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF, HKDFExpand
from nacl.exceptions import CryptoError

from nymconnect.errors import UsageError, WireError

KEY_LENGTH = 32
SIGNATURE_LENGTH = 64
LIONESS_KEY_LENGTH = 192
LIONESS_LEFT_LENGTH = 32
GCM_SIV_NONCE_LENGTH = 12
AEAD_TAG_LENGTH = 16

_RAW = serialization.Encoding.Raw
_RAW_PUBLIC = serialization.PublicFormat.Raw
_RAW_PRIVATE = serialization.PrivateFormat.Raw
_NO_ENCRYPTION = serialization.NoEncryption()
_ZERO_16 = bytes(16)
_CTR_ZERO = modes.CTR(_ZERO_16)
_SHA256 = SHA256()

_T = TypeVar("_T")


def _public_start_cipher(algorithm: CipherAlgorithm, mode: modes.CTR | None) -> CipherContext:
    return Cipher(algorithm, mode).encryptor()


# What `Cipher` and `X25519PublicKey` call after checking types and looking up back ends, which takes as long as the
# work itself: an unwrap passes here four times and takes 10 % longer without. These names are not public, so where a
# release has moved them the public ones serve.
_start_cipher: Callable[[CipherAlgorithm, modes.CTR | None], CipherContext] = _public_start_cipher
_load_x25519: Callable[[bytes], x25519.X25519PublicKey] = x25519.X25519PublicKey.from_public_bytes
try:
    from cryptography.hazmat.bindings._rust import openssl as _openssl

    _start_cipher = _openssl.ciphers.create_encryption_ctx
    _load_x25519 = _openssl.x25519.from_public_bytes
except (ImportError, AttributeError):
    pass


class Rng(Protocol):
    """The part of `random.Random` that machines use; `random.SystemRandom` in the product, seeded in tests."""

    def random(self) -> float: ...
    def randbytes(self, n: int, /) -> bytes: ...
    def randrange(self, start: int, stop: int | None = None, /) -> int: ...
    def choice(self, seq: Sequence[_T], /) -> _T: ...
    def expovariate(self, lambd: float, /) -> float: ...


# --- X25519 -----------------------------------------------------------------------------------------------------


class X25519Secret:
    """A long-lived X25519 key pair. The stored bytes stay unclamped, as Nym serialises them."""

    __slots__ = ("_key", "_raw", "public")

    def __init__(self, raw: bytes) -> None:
        if len(raw) != KEY_LENGTH:
            raise UsageError("an X25519 secret has 32 bytes")
        self._raw = bytes(raw)
        # Keeping the key object saves deriving the public key at every exchange (25 µs against 44 µs).
        self._key = x25519.X25519PrivateKey.from_private_bytes(self._raw)
        self.public: bytes = self._key.public_key().public_bytes(_RAW, _RAW_PUBLIC)

    @classmethod
    def generate(cls, rng: Rng) -> "X25519Secret":
        return cls(rng.randbytes(KEY_LENGTH))

    def to_bytes(self) -> bytes:
        return self._raw

    def exchange(self, public: bytes) -> bytes:
        """X25519 of this secret and `public` (32 bytes); WireError if the point has low order."""
        try:
            return self._key.exchange(_load_x25519(public))
        except ValueError as error:
            raise WireError("unusable X25519 public key") from error

    def __repr__(self) -> str:
        return f"X25519Secret(public={self.public.hex()[:8]}…)"


def x25519_exchange(secret: bytes, public: bytes) -> bytes:
    """X25519 from raw bytes, for scalars used once; WireError if the point has low order."""
    # libsodium's wrapper looks at neither length and would read past the end of a short one.
    if len(secret) != KEY_LENGTH:
        raise UsageError("an X25519 scalar has 32 bytes")
    if len(public) != KEY_LENGTH:
        raise WireError("an X25519 public key has 32 bytes")
    try:
        return nacl.bindings.crypto_scalarmult(secret, public)
    except CryptoError as error:
        raise WireError("unusable X25519 public key") from error


def x25519_public(secret: bytes) -> bytes:
    """Public key (32 bytes) of a raw scalar."""
    if len(secret) != KEY_LENGTH:
        raise UsageError("an X25519 scalar has 32 bytes")
    return nacl.bindings.crypto_scalarmult_base(secret)


# --- Ed25519 ----------------------------------------------------------------------------------------------------


class Ed25519Secret:
    """An Ed25519 identity key pair, made from its 32-byte seed."""

    __slots__ = ("_key", "_seed", "public")

    def __init__(self, seed: bytes) -> None:
        if len(seed) != KEY_LENGTH:
            raise UsageError("an Ed25519 seed has 32 bytes")
        self._seed = bytes(seed)
        self._key = ed25519.Ed25519PrivateKey.from_private_bytes(self._seed)
        self.public: bytes = self._key.public_key().public_bytes(_RAW, _RAW_PUBLIC)

    @classmethod
    def generate(cls, rng: Rng) -> "Ed25519Secret":
        return cls(rng.randbytes(KEY_LENGTH))

    def to_bytes(self) -> bytes:
        return self._seed

    def sign(self, message: bytes) -> bytes:
        """64-byte signature over `message`."""
        return self._key.sign(message)

    def __repr__(self) -> str:
        return f"Ed25519Secret(public={self.public.hex()[:8]}…)"


def ed25519_verify(public: bytes, signature: bytes, message: bytes) -> None:
    """WireError unless `signature` (64 bytes) is `public`'s over `message`."""
    try:
        ed25519.Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
    except (InvalidSignature, ValueError) as error:
        raise WireError("bad Ed25519 signature") from error


_FIELD_PRIME = 2**255 - 19
_EDWARDS_D = -121665 * pow(121666, -1, _FIELD_PRIME) % _FIELD_PRIME


def is_ed25519_point(public: bytes) -> bool:
    """Whether 32 bytes decompress to a curve point (RFC 8032 5.1.3, as curve25519-dalek decompresses)."""
    if len(public) != KEY_LENGTH:
        return False
    y = int.from_bytes(public, "little") & (2**255 - 1)
    y_squared = y * y % _FIELD_PRIME
    u = (y_squared - 1) % _FIELD_PRIME
    v = (_EDWARDS_D * y_squared + 1) % _FIELD_PRIME
    x_squared = u * pow(v, -1, _FIELD_PRIME) % _FIELD_PRIME
    return x_squared == 0 or pow(x_squared, (_FIELD_PRIME - 1) // 2, _FIELD_PRIME) == 1


# --- symmetric --------------------------------------------------------------------------------------------------


def aes_ctr(key: bytes, data: bytes, iv: bytes | None = None) -> bytes:
    """AES-128 in counter mode; encrypts and decrypts. `key` and `iv` (zeros if None) have 16 bytes.

    Nym declares a 64-bit counter. It equals the library's 128-bit one for every use here: zero IVs, or five bytes
    of data under a random IV.
    """
    mode = _CTR_ZERO if iv is None else modes.CTR(iv)
    return _start_cipher(algorithms.AES128(key), mode).update(data)


def gcm_siv_seal(key: bytes, nonce: bytes, plaintext: bytes) -> bytes:
    """AES-256-GCM-SIV ciphertext ‖ 16-byte tag, no associated data."""
    return AESGCMSIV(key).encrypt(nonce, plaintext, None)


def gcm_siv_open(key: bytes, nonce: bytes, sealed: bytes) -> bytes:
    """Plaintext of `gcm_siv_seal`; WireError if it does not authenticate."""
    try:
        return AESGCMSIV(key).decrypt(nonce, sealed, None)
    except (InvalidTag, ValueError) as error:
        raise WireError("sealed message does not open") from error


class AesGcm:
    """AES-256-GCM under one key, with the cipher object kept: the Noise transport cipher."""

    __slots__ = ("_cipher",)

    def __init__(self, key: bytes) -> None:
        self._cipher = AESGCM(key)

    def seal(self, nonce: bytes, plaintext: bytes, associated: bytes = b"") -> bytes:
        return self._cipher.encrypt(nonce, plaintext, associated)

    def open(self, nonce: bytes, sealed: bytes, associated: bytes = b"") -> bytes:
        """WireError if `sealed` does not authenticate."""
        try:
            return self._cipher.decrypt(nonce, sealed, associated)
        except (InvalidTag, ValueError) as error:
            raise WireError("sealed message does not open") from error

    def __repr__(self) -> str:
        return "AesGcm(…)"


# --- hashes and key derivation ----------------------------------------------------------------------------------


def sha256(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


def blake3_digest(data: bytes) -> bytes:
    return blake3(data).digest()


def hmac_sha256(key: bytes, data: bytes) -> bytes:
    return hmac.digest(key, data, "sha256")


def hmac_sha256_16(key: bytes, data: bytes) -> bytes:
    """First 16 bytes of HMAC-SHA256 under a key of at most 64 bytes: the Sphinx header MAC."""
    inner, outer = _hmac_pads(key)
    return _sha256(outer + _sha256(inner + data).digest()).digest()[:16]


# RFC 2104 by hand: OpenSSL sets up more for one short HMAC than it computes.
_sha256 = hashlib.sha256
_BLOCK_LENGTH = 64
_INNER_PAD = bytes(byte ^ 0x36 for byte in range(256))
_OUTER_PAD = bytes(byte ^ 0x5C for byte in range(256))


def _hmac_pads(key: bytes) -> tuple[bytes, bytes]:
    """The blocks that HMAC-SHA256 under `key` hashes first, inside and outside."""
    if len(key) > _BLOCK_LENGTH:
        raise UsageError(f"an HMAC key has at most {_BLOCK_LENGTH} bytes here")
    block = key.ljust(_BLOCK_LENGTH, b"\0")
    return block.translate(_INNER_PAD), block.translate(_OUTER_PAD)


class HkdfSha256:
    """RFC 5869 with SHA-256 for one salt, info and output length, as often as wanted."""

    __slots__ = ("_info", "_inner", "_length", "_outer")

    def __init__(self, salt: bytes, info: bytes, length: int) -> None:
        self._inner, self._outer = _hmac_pads(salt)
        self._info = info
        self._length = length

    def derive(self, ikm: bytes) -> bytes:
        """`length` bytes from the input key material."""
        extracted = _sha256(self._outer + _sha256(self._inner + ikm).digest()).digest()
        return HKDFExpand(_SHA256, self._length, self._info).derive(extracted)


def hkdf_sha256(salt: bytes, ikm: bytes, info: bytes, length: int) -> bytes:
    """RFC 5869 with SHA-256; an empty salt means 32 zero bytes."""
    return HKDF(_SHA256, length, salt or None, info).derive(ikm)


def hkdf_blake3(ikm: bytes, length: int, salt: bytes = b"", info: bytes = b"") -> bytes:
    """RFC 5869 over HMAC built from BLAKE3 (32-byte output, 64-byte block); not BLAKE3's keyed mode.

    Source: nym-crypto `shared_key.rs`, `hkdf::Hkdf<blake3::Hasher>`.
    """
    key = _hmac_blake3(salt, ikm)
    output, block = b"", b""
    while len(output) < length:
        block = _hmac_blake3(key, block + info + bytes([len(output) // 32 + 1]))
        output += block
    return output[:length]


def _hmac_blake3(key: bytes, data: bytes) -> bytes:
    inner, outer = _hmac_pads(key if len(key) <= _BLOCK_LENGTH else blake3_digest(key))
    return blake3(outer + blake3(inner + data).digest()).digest()


def equal(left: bytes, right: bytes) -> bool:
    """Constant-time comparison."""
    return hmac.compare_digest(left, right)


# --- Lioness ----------------------------------------------------------------------------------------------------

_LIONESS_KEYS = struct.Struct("32s64s32s64s")
_blake2b = hashlib.blake2b
_integer = int.from_bytes


def _keyed_hash(key: bytes, data: bytes) -> int:
    return _integer(_blake2b(data, digest_size=LIONESS_LEFT_LENGTH, key=key).digest(), "little")


def _lioness_stream(left: int, key: bytes, right: bytes) -> bytes:
    """`right` under the ChaCha20 key `left` XOR `key`."""
    mixed = (left ^ _integer(key, "little")).to_bytes(LIONESS_LEFT_LENGTH, "little")
    return _start_cipher(algorithms.ChaCha20(mixed, _ZERO_16), None).update(right)


def lioness_encrypt(key: bytes, block: bytes) -> bytes:
    """Wide-block encryption of `block` (more than 32 bytes) under a 192-byte key.

    Source: the `lioness` crate 0.1.2 with ChaCha20 and keyed BLAKE2b; key = 32 ‖ 64 ‖ 32 ‖ 64. The left half is
    kept as an integer, which XORs without copies.
    """
    _check_lioness(key, block)
    stream1, hash1, stream2, hash2 = _LIONESS_KEYS.unpack(key)
    # Each round makes one half depend on all of the other, so that a changed bit turns the whole block into noise.
    left, right = _integer(block[:LIONESS_LEFT_LENGTH], "little"), block[LIONESS_LEFT_LENGTH:]
    right = _lioness_stream(left, stream1, right)
    left ^= _keyed_hash(hash1, right)
    right = _lioness_stream(left, stream2, right)
    left ^= _keyed_hash(hash2, right)
    return left.to_bytes(LIONESS_LEFT_LENGTH, "little") + right


def lioness_decrypt(key: bytes, block: bytes) -> bytes:
    """Inverse of `lioness_encrypt`."""
    _check_lioness(key, block)
    stream1, hash1, stream2, hash2 = _LIONESS_KEYS.unpack(key)
    left, right = _integer(block[:LIONESS_LEFT_LENGTH], "little"), block[LIONESS_LEFT_LENGTH:]
    left ^= _keyed_hash(hash2, right)
    right = _lioness_stream(left, stream2, right)
    left ^= _keyed_hash(hash1, right)
    right = _lioness_stream(left, stream1, right)
    return left.to_bytes(LIONESS_LEFT_LENGTH, "little") + right


def _check_lioness(key: bytes, block: bytes) -> None:
    if len(key) != LIONESS_KEY_LENGTH:
        raise UsageError("a Lioness key has 192 bytes")
    if len(block) <= LIONESS_LEFT_LENGTH:
        raise WireError("payload is too short for Lioness")
