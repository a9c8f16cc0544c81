"""In which country a node stands, as its operator says: two letters (ISO 3166-1), or nothing where none are given.

Nobody checks it, so it is good for choosing, and no promise. nym-node 1.21 tells it in its self-description
(`AuxiliaryDetails::location`), where a country has two letters, too.
"""

import contextlib
import re
from collections.abc import Iterable

from nymconnect.base58 import b58decode
from nymconnect.crypto import KEY_LENGTH
from nymconnect.directory.models import DescribedNode
from nymconnect.errors import WireError
from nymconnect.packet.addressing import Recipient

_CODE = re.compile(r"[A-Za-z]{2}", re.ASCII)


def is_country(text: str) -> bool:
    """Whether `text` is written like the code of a country."""
    return _CODE.fullmatch(text) is not None


def country_of(node: DescribedNode) -> str:
    """Its code in capitals, or nothing."""
    details = node.description.auxiliary_details
    location = details.location if details is not None else None
    return location.upper() if isinstance(location, str) and is_country(location) else ""


def countries_of(nodes: Iterable[DescribedNode]) -> dict[bytes, str]:
    """The country of each node that names one, by identity (32 bytes)."""
    found: dict[bytes, str] = {}
    for node in nodes:
        if (country := country_of(node)) and (host := node.description.host_information) is not None:
            with contextlib.suppress(WireError):
                found[b58decode(host.keys.ed25519, KEY_LENGTH)] = country
    return found


def nodes_in(country: str, nodes: Iterable[DescribedNode]) -> frozenset[bytes]:
    """Identities of the nodes in a country, given in capitals."""
    return frozenset(identity for identity, named in countries_of(nodes).items() if named == country)


def requesters_of(nodes: Iterable[DescribedNode], country: str = "") -> list[Recipient]:
    """Network requesters that nodes run, each once; of one country if there is one. What is no address is left out."""
    found: dict[Recipient, None] = {}
    for node in nodes:
        requester = node.description.network_requester
        if requester is not None and country in ("", country_of(node)):
            with contextlib.suppress(WireError):
                found[Recipient.parse(requester.address)] = None
    return list(found)
