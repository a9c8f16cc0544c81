"""What two clients say to each other, and how it becomes a whole number of full fragments.

Mirrors nym-sphinx 1.21 (`message.rs`) and nym-sphinx-anonymous-replies 1.21 (`requests/mod.rs`).

Message = type (1) ‖ body::

    0  Plain      data
    1  Repliable  sender tag (16) ‖ content tag (1) ‖ content
    2  Reply      content tag (1) ‖ content

Repliable content, tags for V1 and V2 SURB batches (see `replies`):

    0, 3  data with SURBs      batch ‖ data
    1, 4  additional SURBs     batch
    2, 5  heartbeat            batch

Reply content: 0 = data (at least one byte), 1 = SURB request, recipient (96) ‖ amount (u32).

Before it is split, a message gets a terminator 01 and zeros until its last fragment is full. Where we are stricter than
the reference: only zeros may follow the terminator, and nothing may follow the batch of tags 1, 2, 4 and 5.
"""

from dataclasses import dataclass, field

from nymconnect.crypto import Rng
from nymconnect.errors import UsageError, WireError
from nymconnect.packet.addressing import RECIPIENT_LENGTH, SENDER_TAG_LENGTH, Recipient
from nymconnect.packet.chunking import Fragment, padded_length, split
from nymconnect.packet.replies import ReplySurb, decode_batch_v1, decode_batch_v2, encode_batch_v1, encode_batch_v2

PLAIN, REPLIABLE, REPLY = 0, 1, 2
REPLY_DATA, REPLY_SURB_REQUEST = 0, 1
V2_TAG_OFFSET = 3
MAX_SURB_AMOUNT = 2**32 - 1
_TERMINATOR = b"\x01"


@dataclass(frozen=True, slots=True)
class DataWithSurbs:
    """Application bytes, and SURBs to answer them with."""

    surbs: tuple[ReplySurb, ...]
    data: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class AdditionalSurbs:
    """SURBs that the other side has asked for."""

    surbs: tuple[ReplySurb, ...]


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """SURBs without a word; they keep the sender tag alive."""

    surbs: tuple[ReplySurb, ...]


@dataclass(frozen=True, slots=True)
class ReplyData:
    """Application bytes of an answer; never empty."""

    data: bytes = field(repr=False)

    def __post_init__(self) -> None:
        if not self.data:
            raise UsageError("a reply cannot be empty")


@dataclass(frozen=True, slots=True)
class SurbRequest:
    """Please send `amount` SURBs to `recipient`, which is the one who writes this."""

    recipient: Recipient
    amount: int

    def __post_init__(self) -> None:
        if not 0 <= self.amount <= MAX_SURB_AMOUNT:
            raise UsageError("an amount of SURBs is a u32")


RepliableContent = DataWithSurbs | AdditionalSurbs | Heartbeat
ReplyContent = ReplyData | SurbRequest
_CONTENT_TYPES = (DataWithSurbs, AdditionalSurbs, Heartbeat)  # the index is the tag of V1


@dataclass(frozen=True, slots=True)
class Plain:
    """Bytes that expect no answer."""

    data: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Repliable:
    """From a sender who is known by a random tag only."""

    sender_tag: bytes
    content: RepliableContent

    def __post_init__(self) -> None:
        if len(self.sender_tag) != SENDER_TAG_LENGTH:
            raise UsageError("a sender tag has 16 bytes")


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer that came through a SURB."""

    content: ReplyContent


NymMessage = Plain | Repliable | Reply


# --- bytes ------------------------------------------------------------------------------------------------------


def encode_message(message: NymMessage) -> bytes:
    """Type ‖ body; UsageError if the SURBs cannot stand in one batch."""
    match message:
        case Plain(data):
            return bytes([PLAIN]) + data
        case Repliable(sender_tag, repliable):
            return bytes([REPLIABLE]) + sender_tag + _encode_repliable(repliable)
        case Reply(content):
            return bytes([REPLY]) + _encode_reply(content)


def decode_message(data: bytes) -> NymMessage:
    """Inverse of `encode_message`, from an unpadded message."""
    if not data:
        raise WireError("empty message")
    kind, body = data[0], bytes(data[1:])
    if kind == PLAIN:
        return Plain(body)
    if kind == REPLIABLE:
        if len(body) <= SENDER_TAG_LENGTH:
            raise WireError("repliable message is too short")
        return Repliable(body[:SENDER_TAG_LENGTH], _decode_repliable(body[SENDER_TAG_LENGTH:]))
    if kind == REPLY:
        return Reply(_decode_reply(body))
    raise WireError(f"unknown message type {kind}")


def _encode_repliable(content: RepliableContent) -> bytes:
    tag = _CONTENT_TYPES.index(type(content))
    data = content.data if isinstance(content, DataWithSurbs) else b""
    if content.surbs and content.surbs[0].is_v1:
        return bytes([tag]) + encode_batch_v1(content.surbs) + data
    return bytes([tag + V2_TAG_OFFSET]) + encode_batch_v2(content.surbs) + data


def _decode_repliable(data: bytes) -> RepliableContent:
    version, tag = divmod(data[0], V2_TAG_OFFSET)
    if version > 1:
        raise WireError(f"unknown content tag {data[0]} of a repliable message")
    surbs, rest = decode_batch_v2(data[1:]) if version else decode_batch_v1(data[1:])
    if tag == 0:
        return DataWithSurbs(surbs, rest)
    if rest:
        raise WireError("bytes behind the last SURB")
    return AdditionalSurbs(surbs) if tag == 1 else Heartbeat(surbs)


def _encode_reply(content: ReplyContent) -> bytes:
    if isinstance(content, ReplyData):
        return bytes([REPLY_DATA]) + content.data
    return bytes([REPLY_SURB_REQUEST]) + content.recipient.encode() + content.amount.to_bytes(4, "big")


def _decode_reply(data: bytes) -> ReplyContent:
    if len(data) < 2:
        raise WireError("reply is too short")
    tag, content = data[0], data[1:]
    if tag == REPLY_DATA:
        return ReplyData(content)
    if tag != REPLY_SURB_REQUEST:
        raise WireError(f"unknown content tag {tag} of a reply")
    if len(content) != RECIPIENT_LENGTH + 4:
        raise WireError("a SURB request has 100 bytes")
    return SurbRequest(Recipient.decode(content[:RECIPIENT_LENGTH]), int.from_bytes(content[RECIPIENT_LENGTH:], "big"))


# --- whole fragments --------------------------------------------------------------------------------------------


def pad(data: bytes, fragment_length: int) -> bytes:
    """`data`, terminated and filled with zeros so that every fragment of `fragment_length` bytes is full."""
    return (data + _TERMINATOR).ljust(padded_length(len(data) + 1, fragment_length), b"\0")


def unpad(padded: bytes) -> bytes:
    """What stands before the last 01; WireError if that is not the last byte other than zero."""
    terminated = padded.rstrip(b"\0")
    if not terminated.endswith(_TERMINATOR):
        raise WireError("message has no terminator")
    return terminated[:-1]


def prepare(message: NymMessage, fragment_length: int, rng: Rng) -> list[Fragment]:
    """The fragments, each of exactly `fragment_length` bytes, that carry `message`."""
    return split(pad(encode_message(message), fragment_length), fragment_length, rng)


def recover(padded: bytes) -> NymMessage:
    """The message that a `Reassembler` has put together."""
    return decode_message(unpad(padded))
