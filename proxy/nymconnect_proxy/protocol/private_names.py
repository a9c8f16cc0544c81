"""Host names that no public exit can look up, and whose lookup there would tell something of who asks; and addresses
that no exit connects to.

Such a name is refused on this computer, before any requester learns it:

| name | why |
|---|---|
| one label, as ``router`` | of the local network; a resolver may put a domain of its own behind it |
| ``localhost`` | this computer (RFC 6761); with `localhost` it passes, for a practice network reaches this computer |
| ``.local`` | multicast DNS (RFC 6762) |
| ``.internal``, ``.home.arpa`` | set aside for private networks (ICANN 2024; RFC 8375) |
| ``.lan``, ``.home``, ``.corp`` | in use in private networks, and in no public zone |
| ``.onion``, ``.i2p`` | of other networks; RFC 7686 forbids to ask for the first |
| ``.alt`` | of other name systems than DNS (RFC 9476) |

``.test``, ``.example`` and ``.invalid`` are not meant to be treated in a special way by programs (RFC 6761) and tell
nothing. Nym 1.21 passes every name on. A name counts in whatever way it is written: in any case, with dots at the end,
and in the other forms of letters and dots that IDNA (RFC 3490, 3491) takes for ASCII.

A literal address that is not on the public Internet (`targets.is_global`) tells of a network at home or at work, and an
exit of this software refuses it whatever its policy says; loopback alone passes, with `localhost`.
"""

import stringprep
import unicodedata

from nymconnect.endpoints import IpAddress
from nymconnect.errors import WireError
from nymconnect_proxy.protocol.targets import is_global, parse_address

_ZONES = ("local", "internal", "home.arpa", "lan", "home", "corp", "onion", "i2p", "alt")
_LOCALHOST = "localhost"
_IDEOGRAPHIC_STOP = "\u3002"  # IDNA takes it for a dot; the full-width forms of both become these by NFKC


def is_private(host: str, *, localhost: bool = False) -> bool:
    """Whether `host`, a name or an address, is such a name. With `localhost` that one may pass."""
    if _address(host) is not None:
        return False
    name = _plain(host)
    if _ends_in(name, _LOCALHOST):
        return not localhost
    return "." not in name or any(_ends_in(name, zone) for zone in _ZONES)


def is_private_address(host: str, *, localhost: bool = False) -> bool:
    """Whether `host` is a literal address that is not on the public Internet. With `localhost` loopback may pass."""
    address = _address(host)
    if address is None or is_global(address):
        return False
    return not (localhost and address.is_loopback)


def _ends_in(name: str, zone: str) -> bool:
    return name == zone or name.endswith(f".{zone}")


def _address(host: str) -> IpAddress | None:
    try:
        return parse_address(host.removeprefix("[").removesuffix("]"))
    except WireError:
        return None


def _plain(host: str) -> str:
    """What a resolver makes of it: without the characters that IDNA drops, with one form of those that it folds."""
    kept = "".join(character for character in host if not stringprep.in_table_b1(character))
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", kept).casefold())
    return folded.replace(_IDEOGRAPHIC_STOP, ".").rstrip(".")
