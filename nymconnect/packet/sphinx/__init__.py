"""The Sphinx packet format: an onion of fixed length that every hop peels by one layer.

Mirrors the `sphinx-packet` crate 0.8.0, key versions 258 to 260; we send 259 (`keys` says why). Read `keys` (what both
sides derive), `header` (who gets it next), `payload` (the wide-block layers), `packet` (build, open, unwrap), `surb` (a
header for a reply), `recovery` (what reads the reply to a SURB of version 260). Byte maps stand in each module and in
`docs/packet.md`.
"""

from nymconnect.packet.sphinx.keys import DEFAULT_VERSION, EXPLICIT_KEYS_VERSION, SINGLE_SEED_VERSION
from nymconnect.packet.sphinx.packet import Final, Forward, OpenedPacket, SealedReply, build_packet, open_packet
from nymconnect.packet.sphinx.recovery import SurbRecovery
from nymconnect.packet.sphinx.surb import Surb, surb_length

__all__ = [
    "DEFAULT_VERSION",
    "EXPLICIT_KEYS_VERSION",
    "SINGLE_SEED_VERSION",
    "Final",
    "Forward",
    "OpenedPacket",
    "SealedReply",
    "Surb",
    "SurbRecovery",
    "build_packet",
    "open_packet",
    "surb_length",
]
