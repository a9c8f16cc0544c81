"""What sender and node derive from a shared secret, and the sender's chain of shared secrets.

Mirrors sphinx-packet 0.8.0 (`header/keys.rs`, `header/shared_secret.rs`, `payload/key.rs`, `version.rs`).

A shared secret is expanded to 288 bytes::

    0          16      32                     224        256          288
    | k_stream | k_mac | full payload key 192 | blinding | replay tag |
                       | seed 16 |

Version 258 takes the full payload key; versions 259 and 260, and any version that nobody knows yet, expand the seed,
which is a prefix of the full key. Versions 1 and 257 multiply unclamped scalars, an algebra that nothing alive sends
and no C library offers; they are refused.

Version 260 differs from 259 only in its SURBs (`surb`). For sphinx-packet 0.8.0 it is the newest version, but the nym-*
crates 2.0.0 write 259 into every packet, ack and SURB that they make. We do the same on every network: a version of our
own would single our packets out.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from nymconnect.crypto import LIONESS_KEY_LENGTH, HkdfSha256, x25519_exchange, x25519_public
from nymconnect.errors import UsageError, WireError

EXPLICIT_KEYS_VERSION = 258
SEEDS_VERSION = 259
SINGLE_SEED_VERSION = 260
DEFAULT_VERSION = SEEDS_VERSION
_LEGACY_VERSIONS = frozenset({1, 257})
_MAX_VERSION = 2**16 - 1

STREAM_KEY = slice(0, 16)
MAC_KEY = slice(16, 32)
FULL_PAYLOAD_KEY = slice(32, 224)
PAYLOAD_SEED = slice(32, 48)
BLINDING_FACTOR = slice(224, 256)
REPLAY_TAG = slice(256, 288)
EXPANDED_LENGTH = 288
SEED_LENGTH = 16

_EXPAND = HkdfSha256(
    b"",
    b"Dwste mou enan moxlo arketa makru kai ena upomoxlio gia na ton topothetisw kai tha kinisw thn gh.",
    EXPANDED_LENGTH,
)
_PAYLOAD_KEY = HkdfSha256(
    b"sphinx-payload-key-V01-CS01-HKDF:SHA256-SALT",
    b"sphinx-payload-key-V01-CS01-HKDF:SHA256-INFO",
    LIONESS_KEY_LENGTH,
)


def check_sendable_version(version: int) -> None:
    """UsageError unless packets with this version may be built."""
    if is_legacy(version) or not 0 <= version <= _MAX_VERSION:
        raise UsageError(f"cannot build Sphinx packets of version {version}")


def check_receivable_version(version: int) -> None:
    """WireError on a version whose algebra is refused."""
    if is_legacy(version):
        raise WireError(f"Sphinx version {version} is not supported")


def is_legacy(version: int) -> bool:
    return version in _LEGACY_VERSIONS


# --- expansion --------------------------------------------------------------------------------------------------


def expand(shared_secret: bytes) -> bytes:
    """The 288 bytes above, all from one HKDF."""
    return _EXPAND.derive(shared_secret)


def key_from_seed(seed: bytes) -> bytes:
    """Lioness key (192 bytes) of a 16-byte seed."""
    return _PAYLOAD_KEY.derive(seed)


def payload_key(expanded: bytes, version: int) -> bytes:
    """Lioness key of a hop in a packet of this version."""
    if version == EXPLICIT_KEYS_VERSION:
        return expanded[FULL_PAYLOAD_KEY]
    return _PAYLOAD_KEY.derive(expanded[PAYLOAD_SEED])


def payload_material(expanded: bytes, version: int) -> bytes:
    """What a SURB of this version carries for a hop: the full key (192 bytes) or the seed (16)."""
    return expanded[FULL_PAYLOAD_KEY if version == EXPLICIT_KEYS_VERSION else PAYLOAD_SEED]


def key_from_material(material: bytes) -> bytes:
    """Lioness key of `payload_material`; its length says which kind it is."""
    return key_from_seed(material) if len(material) == SEED_LENGTH else material


# --- the sender's chain -----------------------------------------------------------------------------------------
#
# Blinding makes the i-th shared secret X(b_{i-1}, … X(b_0, X(a, P_i))): i+1 multiplications, 10 for four hops. One
# is enough. With L the order of the prime subgroup and c_i = clamp(a)·clamp(b_0)…clamp(b_{i-1}) mod L, the chain is
# c_i·P_i (a torsion part of P_i vanishes, as each clamped scalar is a multiple of 8). X25519 clamps what it is
# given, so c_i must be written as 2^254 + 8m with m < 2^251. The sign is free, since X25519 sees only u-coordinates:
# the m of c_i and the m' of -c_i add up to L - 2^252 modulo L, so that one of them fits but for a share of 2^-126.
# As m = c_i/8 - 2^254/8 modulo L, it is c_i/8 that is carried along.
#
# Python's integers are NOT constant-time. These scalars live for one packet on the sender's own machine, and nobody
# can make it repeat one, so there is nothing to average over; nodes never come here.
#
# A key on the twist instead of the curve gives other secrets than the chain. Its node is broken or hostile, and its
# hop fails either way.

_ORDER = 2**252 + 27742317777372353535851937790883648493
_TOP_BIT = 2**254
_CLAMP_MASK = (2**255 - 1) & ~7
_EIGHTH = pow(8, -1, _ORDER)
_TOP_BIT_EIGHTH = _TOP_BIT * _EIGHTH % _ORDER


@dataclass(frozen=True, slots=True)
class KeyMaterial:
    """The first public element (32 bytes) and, per hop, the expanded shared secret (288 bytes)."""

    alpha: bytes
    expanded: tuple[bytes, ...]

    def __repr__(self) -> str:
        return f"KeyMaterial(hops={len(self.expanded)})"


def derive_key_material(initial_secret: bytes, public_keys: Sequence[bytes]) -> KeyMaterial:
    """Key material of a route, first hop first; WireError if a public key has low order."""
    scalar: bytes | None = initial_secret
    eighth = _clamped(initial_secret) * _EIGHTH % _ORDER
    factors = [initial_secret]
    expanded: list[bytes] = []
    for public_key in public_keys:
        if expanded:
            factor = expanded[-1][BLINDING_FACTOR]
            factors.append(factor)
            eighth = eighth * _clamped(factor) % _ORDER
            scalar = clamped_equivalent(eighth)
        # Without an equivalent scalar (a share of 2^-126) the long way gives the same secret.
        shared = x25519_exchange(scalar, public_key) if scalar else chain_exchange(factors, public_key)
        expanded.append(expand(shared))
    return KeyMaterial(x25519_public(initial_secret), tuple(expanded))


def chain_exchange(factors: Sequence[bytes], public_key: bytes) -> bytes:
    """The reference's chain: X25519 with each factor in turn; WireError on a low-order point."""
    point = public_key
    for factor in factors:
        point = x25519_exchange(factor, point)
    return point


def clamped_equivalent(eighth: int) -> bytes | None:
    """A scalar that survives clamping and is ±8·`eighth` modulo the group order; None if there is none."""
    for candidate in (eighth, -eighth):
        m = (candidate - _TOP_BIT_EIGHTH) % _ORDER
        if m < 2**251:
            return (_TOP_BIT + 8 * m).to_bytes(32, "little")
    return None


def _clamped(scalar: bytes) -> int:
    return int.from_bytes(scalar, "little") & _CLAMP_MASK | _TOP_BIT
