"""Base58 with the Bitcoin alphabet and no checksum: Nym's text form of every key and tag.

Mirrors the `bs58` crate's default alphabet, as the nym crates use it.
"""

from nymconnect.errors import WireError

ALPHABET = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_DIGIT = {character: value for value, character in enumerate(ALPHABET)}
# Decoding is quadratic in the length; nothing in the protocol is longer than a 96-byte address.
MAX_TEXT_LENGTH = 512


def b58encode(data: bytes) -> str:
    """Text form of `data`; each leading zero byte becomes a leading ``1``."""
    number = int.from_bytes(data, "big")
    digits: list[str] = []
    while number:
        number, remainder = divmod(number, 58)
        digits.append(ALPHABET[remainder])
    leading_zeros = len(data) - len(data.lstrip(b"\0"))
    return ALPHABET[0] * leading_zeros + "".join(reversed(digits))


def b58decode(text: str, length: int | None = None) -> bytes:
    """Bytes of a base58 `text`; WireError on a foreign character, or if `length` is given and differs."""
    if len(text) > MAX_TEXT_LENGTH:
        raise WireError("base58 text is too long")
    number = 0
    for character in text:
        if character not in _DIGIT:
            raise WireError("not a base58 text")
        number = number * 58 + _DIGIT[character]
    leading_zeros = len(text) - len(text.lstrip(ALPHABET[0]))
    data = bytes(leading_zeros) + number.to_bytes((number.bit_length() + 7) // 8, "big")
    if length is not None and len(data) != length:
        raise WireError(f"base58 text holds {len(data)} bytes, expected {length}")
    return data
