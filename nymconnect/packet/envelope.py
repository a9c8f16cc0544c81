"""From a fragment to the packet that carries it, and from what a gateway pushes back to the fragment.

Mirrors nym-sphinx 1.21 (`preparer/mod.rs`, `preparer/payload.rs`, `receiver.rs`) and nym-sphinx-cover 1.21 (`lib.rs`).

Plaintext of a packet, which fills its class exactly::

    0             405           437
    | SURB-ack    | selector 32 | AES-128-CTR(key, zero IV, fragment) |

=================  ===============================  ======================================================
packet             selector                         key (16)
=================  ===============================  ======================================================
data, loop cover   fresh X25519 public key          HKDF-BLAKE3 of the exchange with the recipient's key
reply              BLAKE3 digest of the reply key   the reply key
=================  ===============================  ======================================================

Drop cover, ours alone, is addressed to nobody (`DROP_DESTINATION`) at any gateway that takes it: random bytes take the
place of selector and ciphertext, since nobody reads them; the ack inside is one as in any other packet. Cover in place
of an answer, for a rate that is constant, is the text of loop cover over a reply SURB.

No type bit separates the two: the recipient looks the digest up first. The last hop removes the SURB-ack. Where we
differ from the reference: cover packets have the Sphinx version of all others, so that no hop can tell them apart, and
content is refused unless it has the length of an ack or of a size class.
"""

from collections.abc import Callable
from dataclasses import dataclass

from nymconnect.crypto import KEY_LENGTH, Rng, X25519Secret, aes_ctr, hkdf_blake3, x25519_exchange, x25519_public
from nymconnect.errors import UsageError, WireError
from nymconnect.packet.acks import COVER_FRAGMENT_ID, FragmentId, build_surb_ack, open_ack
from nymconnect.packet.addressing import DROP_DESTINATION, Recipient
from nymconnect.packet.chunking import Fragment
from nymconnect.packet.framing import MixPacket
from nymconnect.packet.params import ACK_CONTENT_LENGTH, SELECTOR_LENGTH, PacketSize
from nymconnect.packet.replies import ReplySurb
from nymconnect.packet.route import Route
from nymconnect.packet.sphinx import build_packet

CONTENT_KEY_LENGTH = 16
# Its first byte has a clear top bit, which no fragment header has.
COVER_TEXT = b"The cake is a lie!"
_MESSAGE_LENGTHS = frozenset(size.message for size in PacketSize if size.fragment)


@dataclass(frozen=True, slots=True)
class Ack:
    """One of our packets has arrived; `COVER_FRAGMENT_ID` if it was cover."""

    fid: FragmentId


@dataclass(frozen=True, slots=True)
class Cover:
    """One of our cover packets has come round: the one that `seal_cover` gave this selector (32 bytes).

    With `via_reply` it is cover that somebody sent over one of our SURBs, whose digest the selector is.
    """

    selector: bytes
    via_reply: bool = False


@dataclass(frozen=True, slots=True)
class DataFragment:
    """A fragment, and whether it came through one of our SURBs."""

    fragment: Fragment
    via_reply: bool


Content = Ack | Cover | DataFragment


# --- sending ----------------------------------------------------------------------------------------------------


def seal_fragment(
    fragment: Fragment,
    to: Recipient,
    sender: Recipient,
    ack_key: bytes,
    route: Route,
    ack_route: Route,
    size: PacketSize,
    rng: Rng,
) -> MixPacket:
    """The packet that carries `fragment` to `to`; `route` leads to its gateway, `ack_route` to the gateway of `sender`.

    UsageError unless the fragment fills the class and both routes are of one rotation. WireError if the encryption key
    of `to` is not usable.
    """
    sealed = _seal(_check_full(fragment, size), to.encryption_key, rng)
    return _wrap(sealed, fragment.fid, to.identity, sender, ack_key, route, ack_route, size, rng)


def seal_reply_fragment(
    fragment: Fragment,
    reply_surb: ReplySurb,
    sender: Recipient,
    ack_key: bytes,
    ack_route: Route,
    size: PacketSize,
    rng: Rng,
) -> MixPacket:
    """The packet that carries `fragment` to the owner of `reply_surb`, which must not be used again.

    The ack finds its way back for certain only if `ack_route` is of the rotation of the SURB.
    """
    return _wrap_reply(_check_full(fragment, size), fragment.fid, reply_surb, sender, ack_key, ack_route, size, rng)


def seal_reply_cover(
    reply_surb: ReplySurb, sender: Recipient, ack_key: bytes, ack_route: Route, size: PacketSize, rng: Rng
) -> MixPacket:
    """A packet to the owner of `reply_surb` that carries nothing, and that only its owner can tell from an answer."""
    return _wrap_reply(_cover_text(size), COVER_FRAGMENT_ID, reply_surb, sender, ack_key, ack_route, size, rng)


def _wrap_reply(
    plaintext: bytes,
    fid: FragmentId,
    reply_surb: ReplySurb,
    sender: Recipient,
    ack_key: bytes,
    ack_route: Route,
    size: PacketSize,
    rng: Rng,
) -> MixPacket:
    sealed = reply_surb.digest + aes_ctr(reply_surb.key, plaintext)
    ack = build_surb_ack(sender, ack_key, fid, ack_route, rng)
    return MixPacket(reply_surb.surb.first_hop, reply_surb.surb.use(ack + sealed, size), reply_surb.rotation)


def seal_cover(
    sender: Recipient, ack_key: bytes, route: Route, ack_route: Route, size: PacketSize, rng: Rng
) -> tuple[MixPacket, bytes]:
    """A packet to ourselves that nobody on its way can tell from data, and the selector by which we know it again.

    Both routes lead to our own gateway.
    """
    sealed = _seal(_cover_text(size), sender.encryption_key, rng)
    packet = _wrap(sealed, COVER_FRAGMENT_ID, sender.identity, sender, ack_key, route, ack_route, size, rng)
    return packet, sealed[:SELECTOR_LENGTH]


def seal_drop_cover(
    sender: Recipient, ack_key: bytes, route: Route, ack_route: Route, size: PacketSize, rng: Rng
) -> MixPacket:
    """A packet to nobody that no node before its last gateway, where `route` leads, can tell from data."""
    noise = rng.randbytes(SELECTOR_LENGTH + _fragment_length(size))
    return _wrap(noise, COVER_FRAGMENT_ID, DROP_DESTINATION, sender, ack_key, route, ack_route, size, rng)


def _seal(plaintext: bytes, recipient_key: bytes, rng: Rng) -> bytes:
    ephemeral = rng.randbytes(KEY_LENGTH)
    key = hkdf_blake3(x25519_exchange(ephemeral, recipient_key), CONTENT_KEY_LENGTH)
    return x25519_public(ephemeral) + aes_ctr(key, plaintext)


def _wrap(
    sealed: bytes,
    fid: FragmentId,
    destination: bytes,
    sender: Recipient,
    ack_key: bytes,
    route: Route,
    ack_route: Route,
    size: PacketSize,
    rng: Rng,
) -> MixPacket:
    if route.rotation != ack_route.rotation:
        raise UsageError("a packet and its ack must be built for one key rotation")
    ack = build_surb_ack(sender, ack_key, fid, ack_route, rng)
    return MixPacket(route.first_hop, build_packet(route, destination, ack + sealed, size, rng), route.rotation)


def _check_full(fragment: Fragment, size: PacketSize) -> bytes:
    data = fragment.encode()
    if len(data) != _fragment_length(size):
        raise UsageError(f"a fragment of {len(data)} bytes does not fill a packet of class {size.name}")
    return data


def _cover_text(size: PacketSize) -> bytes:
    return (COVER_TEXT + b"\x01").ljust(_fragment_length(size), b"\0")


def _fragment_length(size: PacketSize) -> int:
    if not size.fragment:
        raise UsageError(f"a packet of class {size.name} carries no fragment")
    return size.fragment


# --- receiving --------------------------------------------------------------------------------------------------


def open_content(
    content: bytes, secret: X25519Secret, take_reply_key: Callable[[bytes], bytes | None], ack_key: bytes
) -> Content:
    """What a gateway has pushed, understood; WireError if it is nothing that we know.

    `take_reply_key` gives the reply key (16) with this digest (32), once, or None. Content under a wrong key shows only
    as an impossible fragment header.
    """
    if len(content) == ACK_CONTENT_LENGTH:
        return Ack(open_ack(ack_key, content))
    if len(content) not in _MESSAGE_LENGTHS:
        raise WireError(f"unexpected content of {len(content)} bytes")
    selector, sealed = content[:SELECTOR_LENGTH], content[SELECTOR_LENGTH:]
    reply_key = take_reply_key(selector)
    key = hkdf_blake3(secret.exchange(selector), CONTENT_KEY_LENGTH) if reply_key is None else reply_key
    plaintext = aes_ctr(key, sealed)
    if plaintext.startswith(COVER_TEXT):
        return Cover(bytes(selector), via_reply=reply_key is not None)
    return DataFragment(Fragment.decode(plaintext), via_reply=reply_key is not None)
