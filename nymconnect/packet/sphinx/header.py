"""The Sphinx header: who gets the packet next, layer under layer, always 348 bytes.

Mirrors sphinx-packet 0.8.0 (`header/mod.rs`, `header/routing/`, `header/filler.rs`, `header/mac.rs`).

Header::

    0       32      48                               348
    | alpha | gamma | beta, encrypted                |

gamma = HMAC-SHA256 over beta alone, 16 bytes. Behind beta's encryption stands, for a hop that forwards::

    0      1         4              36      44       60              360
    | 0x01 | version | next address | delay | gamma' | beta'         |

and for the last hop::

    0      1         4             36           52        300-60(v-1)     300
    | 0x02 | version | destination | identifier | random   | filler       |

version: 00 ‖ u16; delay: u64 nanoseconds; identifier: zeros, except in a SURB of version 260, whose maker knows it by
this. The random padding hides the length of the path from the last hop. A node appends 60 zero bytes to beta before
decrypting; the filler is what those zeros have become on the way, so that every MAC meets the beta it was made for.
"""

from nymconnect.crypto import aes_ctr, equal, hmac_sha256_16
from nymconnect.errors import UsageError, WireError
from nymconnect.packet.params import HEADER_LENGTH
from nymconnect.packet.route import MAX_HOPS, Route
from nymconnect.packet.sphinx.keys import MAC_KEY, STREAM_KEY, KeyMaterial

DESTINATION_LENGTH = 32
STEP = 60  # what one hop takes from beta: flag, version, address, delay, gamma
BETA_LENGTH = MAX_HOPS * STEP
_STREAM_LENGTH = BETA_LENGTH + STEP
ALPHA_LENGTH = 32
_BETA_START = ALPHA_LENGTH + 16
FORWARD_FLAG, FINAL_FLAG = b"\x01", b"\x02"
# Slices of a routing block.
FLAG = slice(0, 1)
VERSION = slice(2, 4)  # the byte before it is not looked at
ADDRESS = slice(4, 36)
DELAY = slice(36, 44)
INNER = slice(44, _STREAM_LENGTH)  # gamma' and beta', as they stand in the next packet
IDENTIFIER = slice(36, 52)
NO_IDENTIFIER = bytes(16)
_FINAL_META_LENGTH = 1 + 3 + DESTINATION_LENGTH + len(NO_IDENTIFIER)
_STREAM_ZEROS = bytes(_STREAM_LENGTH)
_STEP_ZEROS = bytes(STEP)


def padding_length(hops: int) -> int:
    """Random bytes that the last hop's routing block of a route of `hops` takes."""
    return BETA_LENGTH - STEP * (hops - 1) - _FINAL_META_LENGTH


def build_header(
    keys: KeyMaterial,
    route: Route,
    destination: bytes,
    padding: bytes,
    version: int,
    identifier: bytes = NO_IDENTIFIER,
) -> bytes:
    """348 bytes; `padding` has `padding_length(hops)` random bytes, `identifier` 16. UsageError on a wrong length."""
    hops = len(route.hops)
    if len(destination) != DESTINATION_LENGTH:
        raise UsageError("a Sphinx destination has 32 bytes")
    if len(identifier) != len(NO_IDENTIFIER):
        raise UsageError("a Sphinx identifier has 16 bytes")
    if len(padding) != padding_length(hops):
        raise UsageError("wrong length of header padding")
    # One keystream per hop serves filler and encryption alike.
    streams = [aes_ctr(expanded[STREAM_KEY], _STREAM_ZEROS) for expanded in keys.expanded]
    wire_version = version.to_bytes(3, "big")
    last = FINAL_FLAG + wire_version + destination + identifier + padding
    # The filler is not encrypted here: it is already what the keystreams of the earlier hops leave at this place.
    beta = _xor(last, streams[-1]) + _filler(streams[:-1])
    gamma = hmac_sha256_16(keys.expanded[-1][MAC_KEY], beta)
    # From the last hop outwards: each layer encrypts the finished header of the hop behind it.
    for i in reversed(range(hops - 1)):
        address = route.hops[i + 1].address.encode_padded()
        delay = route.delays_ns[i].to_bytes(8, "big")
        # Without the last 60 bytes of beta: the hop gets them back when it decrypts the zeros that it appends.
        routing = b"".join((FORWARD_FLAG, wire_version, address, delay, gamma, beta[: BETA_LENGTH - STEP]))
        beta = _xor(routing, streams[i])
        gamma = hmac_sha256_16(keys.expanded[i][MAC_KEY], beta)
    return keys.alpha + gamma + beta


def _filler(streams: list[bytes]) -> bytes:
    """What beta's tail will be at the last hop, from the keystreams of all hops before it."""
    filler = b""
    for stream in streams:
        filler += _STEP_ZEROS
        # Aligned to the end: a hop's keystream covers beta and the zeros behind it, and the filler is its tail.
        filler = _xor(filler, stream[_STREAM_LENGTH - len(filler) :])
    return filler


def _xor(data: bytes, stream: bytes) -> bytes:
    """`data` under the first bytes of `stream`."""
    length = len(data)
    masked = int.from_bytes(data, "little") ^ int.from_bytes(stream[:length], "little")
    return masked.to_bytes(length, "little")


def open_header(packet: bytes, expanded: bytes) -> bytes:
    """The plain routing block, 360 bytes; WireError on a bad MAC. `packet` may go on behind its header."""
    beta = packet[_BETA_START:HEADER_LENGTH]
    # Checked before decryption, so that no byte that an attacker has changed is ever interpreted.
    if not equal(hmac_sha256_16(expanded[MAC_KEY], beta), packet[ALPHA_LENGTH:_BETA_START]):
        raise WireError("Sphinx header does not authenticate")
    return aes_ctr(expanded[STREAM_KEY], beta + _STEP_ZEROS)
