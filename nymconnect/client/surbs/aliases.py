"""Several names for one correspondent: so that he cannot tell that two of our conversations are of one client.

To write to an `Alias` is to write to its recipient, under a sender tag and with reply SURBs that no other alias has.
The number is ours alone and never leaves this computer.
"""

from dataclasses import dataclass

from nymconnect.packet.addressing import Recipient


@dataclass(frozen=True, slots=True)
class Alias(Recipient):
    """A recipient to whom we are somebody else than to the same recipient without a number, or with another one."""

    number: int = 0

    @classmethod
    def of(cls, to: Recipient, number: int) -> "Alias":
        """`to` under this number."""
        return cls(to.identity, to.encryption_key, to.gateway, number)


def real(to: Recipient) -> Recipient:
    """The recipient behind an alias; any other recipient is what it is."""
    return Recipient(to.identity, to.encryption_key, to.gateway) if isinstance(to, Alias) else to
