"""Packet sizes, packet types and key rotations. Mirrors nym-sphinx-params 1.21 (`common/nymsphinx/params`).

==========  ===  ======  =======  =========  ========  ========
class       tag  packet  payload  plaintext  message   fragment
==========  ===  ======  =======  =========  ========  ========
Regular       1    2413     2065       2048      1643      1611
Ack           2     386       38         21        21         -
Extended32    3   33133    32785      32768     32363     32331
Extended8     4    8557     8209       8192      7787      7755
Extended16    5   16749    16401      16384     15979     15947
==========  ===  ======  =======  =========  ========  ========

packet = Sphinx header (348) + payload; plaintext = payload - 17; message = plaintext - SURB-ack (405);
fragment = message - selector (32). All in bytes.
"""

from enum import Enum, IntEnum

from nymconnect.errors import WireError

HEADER_LENGTH = 348
PAYLOAD_OVERHEAD = 17  # 16 zero bytes in front, one terminator behind
ROUTING_ADDRESS_LENGTH = 19  # the longest: IPv6
SELECTOR_LENGTH = 32
FRAGMENT_ID_LENGTH = 5
ACK_CONTENT_LENGTH = 16 + FRAGMENT_ID_LENGTH
ACK_PACKET_LENGTH = HEADER_LENGTH + ACK_CONTENT_LENGTH + PAYLOAD_OVERHEAD
ACK_BLOB_LENGTH = ROUTING_ADDRESS_LENGTH + ACK_PACKET_LENGTH  # the SURB-ack inside every other packet
UNKNOWN_ROTATION_ID = 2**32 - 1


class PacketSize(Enum):
    """One size class; the value is (tag on the wire, plaintext length)."""

    REGULAR = (1, 2048)
    ACK = (2, ACK_CONTENT_LENGTH)
    EXTENDED32 = (3, 32768)
    EXTENDED8 = (4, 8192)
    EXTENDED16 = (5, 16384)

    tag: int
    plaintext: int
    payload: int
    packet: int
    message: int
    fragment: int

    def __init__(self, tag: int, plaintext: int) -> None:
        self.tag = tag
        self.plaintext = plaintext
        self.payload = plaintext + PAYLOAD_OVERHEAD
        self.packet = HEADER_LENGTH + self.payload
        # An ack packet encloses no further ack: its message is its whole plaintext, and it holds no fragment.
        is_ack = plaintext == ACK_CONTENT_LENGTH
        self.message = plaintext if is_ack else plaintext - ACK_BLOB_LENGTH
        self.fragment = 0 if is_ack else self.message - SELECTOR_LENGTH

    @classmethod
    def from_tag(cls, tag: int) -> "PacketSize":
        """WireError if no class has this tag."""
        if tag not in _BY_TAG:
            raise WireError(f"unknown packet size tag {tag}")
        return _BY_TAG[tag]

    @classmethod
    def from_packet_length(cls, length: int) -> "PacketSize":
        """WireError if no class has this total length."""
        if length not in _BY_LENGTH:
            raise WireError(f"no packet size has {length} bytes")
        return _BY_LENGTH[length]


_BY_TAG = {size.tag: size for size in PacketSize}
_BY_LENGTH = {size.packet: size for size in PacketSize}


class PacketType(IntEnum):
    """What kind of packet a frame carries. Outfox is recognised and refused (`docs/packet.md`)."""

    MIX = 0
    OUTFOX = 2

    @classmethod
    def decode(cls, value: int) -> "PacketType":
        if value != cls.MIX:
            raise WireError(f"unsupported packet type {value}")
        return cls.MIX


class KeyRotation(IntEnum):
    """Which of a node's two live Sphinx keys a packet was made for."""

    UNKNOWN = 0
    ODD = 1
    EVEN = 2

    @classmethod
    def from_id(cls, rotation_id: int) -> "KeyRotation":
        """Label of a rotation id (u32) as the directory gives it; 0 and 2³²-1 mean unknown."""
        if rotation_id in (0, UNKNOWN_ROTATION_ID):
            return cls.UNKNOWN
        return cls.ODD if rotation_id % 2 else cls.EVEN

    @classmethod
    def decode(cls, value: int) -> "KeyRotation":
        if value not in (0, 1, 2):
            raise WireError(f"unknown key rotation {value}")
        return cls(value)
