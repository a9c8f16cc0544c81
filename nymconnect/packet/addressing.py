"""Addresses of nodes and clients. Mirrors nym-sphinx-addressing 1.21 (`nodes.rs`, `clients.rs`).

Node routing address::

    0    1      3                    7 or 19
    | 04 | port | IPv4 (4 octets)    |
    | 06 | port | IPv6 (16 octets)   |

zero-padded to 32 bytes as a Sphinx hop address and to 19 in front of a SURB-ack, unpadded in a MixPacket.

Recipient, 96 bytes: Ed25519 identity ‖ X25519 encryption key ‖ gateway's Ed25519 identity; as text
``identity.encryption@gateway``, each in base58.

The destination of drop cover, ours alone, is a text in place of a client's identity. It is not a point of the curve, so
no client can have it.
"""

import ipaddress
import re
from dataclasses import dataclass
from functools import lru_cache

from nymconnect.base58 import b58decode, b58encode
from nymconnect.crypto import KEY_LENGTH, is_ed25519_point
from nymconnect.errors import UsageError, WireError
from nymconnect.packet.params import ROUTING_ADDRESS_LENGTH

NODE_ADDRESS_LENGTH = 32
RECIPIENT_LENGTH = 96
SENDER_TAG_LENGTH = 16
DROP_DESTINATION = b"nymconnect: the cover ends here!"  # no curve point
_IPV4, _IPV6 = 4, 6
_LENGTH_BY_VERSION = {_IPV4: 7, _IPV6: 19}
_MAX_PORT = 65535
# No IPv6 zone (fe80::1%eth0): it means something on one machine only and has no place on the wire.
_SOCKET_ADDRESS = re.compile(r"(?:\[([0-9a-fA-F:.]+)\]|([0-9.]+)):([0-9]{1,5})")


@dataclass(frozen=True, slots=True)
class NodeAddress:
    """Where a node listens for packets: a literal IP address, in canonical text, and a TCP port."""

    host: str
    port: int

    @classmethod
    def parse(cls, text: str) -> "NodeAddress":
        """From ``1.2.3.4:1789`` or ``[::1]:1789``; WireError otherwise."""
        match = _SOCKET_ADDRESS.fullmatch(text)
        if not match:
            raise WireError(f"not a node address: {text[:64]!r}")
        ipv6, ipv4, port = match.groups()
        try:
            address = ipaddress.IPv6Address(ipv6) if ipv6 else ipaddress.IPv4Address(ipv4)
        except ValueError as error:
            raise WireError(f"not a node address: {text[:64]!r}") from error
        if not 0 < int(port) <= _MAX_PORT:
            raise WireError(f"port out of range: {text[:64]!r}")
        return cls(str(address), int(port))

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    def encode(self) -> bytes:
        """7 or 19 bytes, unpadded."""
        return _encode_node_address(self.host, self.port)

    def encode_padded(self, length: int = NODE_ADDRESS_LENGTH) -> bytes:
        return self.encode().ljust(length, b"\0")

    @classmethod
    def decode(cls, data: bytes) -> "NodeAddress":
        """The address at the start of `data`; what follows it is ignored, as in the reference."""
        return cls.decode_prefix(data)[0]

    @classmethod
    def decode_prefix(cls, data: bytes) -> tuple["NodeAddress", int]:
        """The address at the start of `data` and the number of bytes it took."""
        length = _LENGTH_BY_VERSION.get(data[0], 0) if data else 0
        if not length or len(data) < length:
            raise WireError("not a node routing address")
        return _decode_node_address(bytes(data[:length])), length


# A network has some hundreds of addresses, and every hop of every packet names one: remember them.
@lru_cache(maxsize=4096)
def _encode_node_address(host: str, port: int) -> bytes:
    if not 0 <= port <= _MAX_PORT:
        raise UsageError(f"not a TCP port: {port}")
    try:
        address = ipaddress.ip_address(host)
    except ValueError as error:
        raise UsageError(f"not an IP address: {host[:64]!r}") from error
    return bytes([address.version]) + port.to_bytes(2, "big") + address.packed


@lru_cache(maxsize=4096)
def _decode_node_address(data: bytes) -> NodeAddress:
    return NodeAddress(str(ipaddress.ip_address(data[3:])), int.from_bytes(data[1:3], "big"))


@dataclass(frozen=True, slots=True)
class Recipient:
    """The address of a client: what another client needs to write to it."""

    identity: bytes
    encryption_key: bytes
    gateway: bytes

    def __post_init__(self) -> None:
        if any(len(key) != KEY_LENGTH for key in (self.identity, self.encryption_key, self.gateway)):
            raise UsageError("a Recipient has three keys of 32 bytes")

    def encode(self) -> bytes:
        return self.identity + self.encryption_key + self.gateway

    @classmethod
    def decode(cls, data: bytes) -> "Recipient":
        """From exactly 96 bytes; both Ed25519 keys must be curve points."""
        if len(data) != RECIPIENT_LENGTH:
            raise WireError("a Recipient has 96 bytes")
        recipient = cls(bytes(data[:32]), bytes(data[32:64]), bytes(data[64:]))
        if not (is_ed25519_point(recipient.identity) and is_ed25519_point(recipient.gateway)):
            raise WireError("a Recipient key is not a curve point")
        return recipient

    @classmethod
    def parse(cls, text: str) -> "Recipient":
        """From the text form; WireError if any part is off."""
        client, at, gateway = text.partition("@")
        identity, dot, encryption_key = client.partition(".")
        if not at or not dot:
            raise WireError("a Nym address reads IDENTITY.ENCRYPTION@GATEWAY")
        return cls.decode(b"".join(b58decode(part, KEY_LENGTH) for part in (identity, encryption_key, gateway)))

    def __str__(self) -> str:
        return f"{b58encode(self.identity)}.{b58encode(self.encryption_key)}@{b58encode(self.gateway)}"


def decode_ack_address(data: bytes) -> NodeAddress:
    """The first hop in front of a SURB-ack: 19 bytes, zero-padded."""
    return NodeAddress.decode(data[:ROUTING_ADDRESS_LENGTH])
