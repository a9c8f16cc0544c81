"""The secrets of a node, and which Sphinx key a packet may have been made for.

Mirrors nym-node 1.31 (`node/key_rotation/`, `node/mixnet/handler.rs`). A Sphinx key lives for one rotation. One epoch
before the end of a rotation the next key is announced; when the rotation starts it becomes primary and the old one
stays as secondary for one more epoch, for packets that are still on their way and for unspent SURBs.
"""

from dataclasses import dataclass

from nymconnect.crypto import Ed25519Secret, X25519Secret
from nymconnect.errors import UsageError
from nymconnect.packet.params import KeyRotation


@dataclass(frozen=True, slots=True)
class SphinxKeys:
    """The live Sphinx keys of a node: the primary, and at most one more of a neighbouring rotation."""

    primary: X25519Secret
    rotation_id: int
    secondary: X25519Secret | None = None
    secondary_is_next: bool = False

    @property
    def secondary_id(self) -> int:
        """Rotation id of the secondary key: the previous one, or the next one while that is only announced."""
        return self.rotation_id + 1 if self.secondary_is_next else self.rotation_id - 1

    @property
    def live(self) -> tuple[tuple[int, X25519Secret], ...]:
        """(rotation id, secret) of every live key, the primary first."""
        if self.secondary is None:
            return ((self.rotation_id, self.primary),)
        return ((self.rotation_id, self.primary), (self.secondary_id, self.secondary))

    def candidates(self, rotation: KeyRotation) -> tuple[tuple[int, X25519Secret], ...]:
        """The keys to try, in order, for a packet with this label; empty if its key has expired.

        Neighbouring rotations differ in parity, so a label names at most one key. Without a label all are tried.
        """
        if rotation is KeyRotation.UNKNOWN:
            return self.live
        parity = rotation is KeyRotation.ODD
        return tuple(key for key in self.live if key[0] % 2 == parity)

    def announce(self, following: X25519Secret) -> "SphinxKeys":
        """One epoch before the rotation ends: the next key is known to senders."""
        return SphinxKeys(self.primary, self.rotation_id, following, secondary_is_next=True)

    def advance(self) -> "SphinxKeys":
        """The announced rotation begins: its key becomes primary, the old one secondary."""
        if self.secondary is None or not self.secondary_is_next:
            raise UsageError("the next Sphinx key has not been announced")
        return SphinxKeys(self.secondary, self.rotation_id + 1, self.primary)

    def retire(self) -> "SphinxKeys":
        """One epoch into the rotation: the old key is gone."""
        return SphinxKeys(self.primary, self.rotation_id)


@dataclass(frozen=True, slots=True)
class NodeKeys:
    """Every secret of a node. Without a Noise key it speaks plain TCP to everybody and announces none."""

    identity: Ed25519Secret
    sphinx: SphinxKeys
    noise: X25519Secret | None = None
