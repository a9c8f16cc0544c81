"""What a person may type: the key of a node, and the address of a requester."""

from nymconnect.base58 import b58encode
from nymconnect.crypto import Ed25519Secret, X25519Secret
from nymconnect.packet.addressing import Recipient

IDENTITY = Ed25519Secret(bytes(range(32))).public
KEY = b58encode(IDENTITY)
RECIPIENT = str(Recipient(IDENTITY, X25519Secret(bytes(range(32))).public, IDENTITY))
