"""What a person pastes: a Nym address or the identity key of a gateway, read from text that may be anything.

What is wrong with it is a value that says what to paste instead, in words of a person who knows neither base58 nor
curves. Such a text is shown by its beginning only; it is public, but may be long.
"""

from dataclasses import dataclass
from enum import Enum

from nymconnect.base58 import ALPHABET, b58decode
from nymconnect.crypto import KEY_LENGTH
from nymconnect.errors import UserError, WireError
from nymconnect.packet.addressing import Recipient
from nymconnect.reasons import Reason

SHOWN = 16  # characters
_PARTS = ("identity", "encryption key", "gateway")


class Pasted(Enum):
    """What was to be pasted; the value is its name in English."""

    NYM_ADDRESS = "Nym address"
    IDENTITY_KEY = "identity key of a gateway"


class Fault(Enum):
    """What is wrong with a text."""

    EMPTY = "empty"
    SHAPE = "shape"
    ONE_PART = "one_part"
    WHOLE_ADDRESS = "whole_address"
    CHARACTER = "character"
    LENGTH = "length"
    NO_KEY = "no_key"


@dataclass(frozen=True, slots=True)
class NotPastedWhole(Reason):
    """The text that begins with `start` is not what was `wanted`. `detail` is the part with the fault, or the character
    that cannot be."""

    wanted: Pasted
    fault: Fault
    start: str = ""
    detail: str = ""

    def __str__(self) -> str:
        wrong = f"{self.start!r} is no {self.wanted.value}" if self.start else f"there is no {self.wanted.value}"
        return f"{wrong}{_explained(self)}; paste {_WHAT_TO_PASTE[self.wanted]}"


_WHAT_TO_PASTE = {
    Pasted.NYM_ADDRESS: (
        "the whole of it in one piece, IDENTITY.ENCRYPTION@GATEWAY, three times 43 or 44 letters and digits, as "
        "`nymconnect requester list --directory` prints it"
    ),
    Pasted.IDENTITY_KEY: "its 43 or 44 letters and digits, the part of a Nym address behind the @",
}


def _explained(reason: NotPastedWhole) -> str:
    match reason.fault:
        case Fault.CHARACTER:
            return f", which never holds {reason.detail!r}"
        case Fault.LENGTH:
            return f": {reason.detail or 'it'} is cut short or too long"
        case Fault.ONE_PART:
            return " but one part of three"
        case Fault.WHOLE_ADDRESS:
            return " but a whole Nym address"
        case Fault.NO_KEY:
            return ": a letter of it is wrong"
        case Fault.EMPTY | Fault.SHAPE:
            return ""


def nym_address(text: str) -> Recipient:
    """The address that `text` is; UserError with the reason if it is none."""
    wanted = Pasted.NYM_ADDRESS
    client, at, gateway = text.partition("@")
    identity, dot, encryption_key = client.partition(".")
    if not text:
        raise _wrong(wanted, Fault.EMPTY, text)
    if not at or not dot:
        raise _wrong(wanted, Fault.ONE_PART if _is_key(text) else Fault.SHAPE, text)
    for part, name in zip((identity, encryption_key, gateway), _PARTS, strict=True):
        _check_key(wanted, part, text, f"its part {name}")
    try:
        return Recipient.parse(text)
    except WireError:
        raise _wrong(wanted, Fault.NO_KEY, text) from None


def identity_key(text: str) -> bytes:
    """The 32 bytes of the identity that `text` is; UserError with the reason if it is none."""
    wanted = Pasted.IDENTITY_KEY
    if not text:
        raise _wrong(wanted, Fault.EMPTY, text)
    if "@" in text:
        raise _wrong(wanted, Fault.WHOLE_ADDRESS, text)
    _check_key(wanted, text, text, "")
    return b58decode(text, KEY_LENGTH)


def _check_key(wanted: Pasted, part: str, text: str, name: str) -> None:
    foreign = next((character for character in part if character not in ALPHABET), None)
    if foreign is not None:
        raise _wrong(wanted, Fault.CHARACTER, text, foreign)
    if not _is_key(part):
        raise _wrong(wanted, Fault.LENGTH, text, name)


def _is_key(text: str) -> bool:
    try:
        b58decode(text, KEY_LENGTH)
    except WireError:
        return False
    return True


def _wrong(wanted: Pasted, fault: Fault, text: str, detail: str = "") -> UserError:
    return UserError(NotPastedWhole(wanted, fault, f"{text[:SHOWN]}…" if len(text) > SHOWN else text, detail))
