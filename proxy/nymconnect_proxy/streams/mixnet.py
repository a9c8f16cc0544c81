"""What the listener and the requester need of a mixnet client, and nothing more.

`nymconnect.client.client.MixnetClient` has this shape; tests use an in-memory pair. Messages arrive whole and exactly
once, in any order: retransmission, fragments and the topping up of reply SURBs are the client's business.
"""

from collections.abc import Callable, Sequence
from typing import Protocol

from nymconnect.packet.addressing import Recipient


class ReceivedMessage(Protocol):
    """One message from the mixnet; `sender_tag` (16 bytes) is set when it came with reply SURBs.

    `source` is set when it came over one of our reply SURBs: the recipient, or alias, to whom that was given.
    """

    @property
    def data(self) -> bytes: ...

    @property
    def sender_tag(self) -> bytes | None: ...

    @property
    def source(self) -> Recipient | None: ...


class Mixnet(Protocol):
    """A connected mixnet client. Its methods raise NymError once it has stopped.

    `on_undelivered(lane)`, if its owner sets it, hears that something sent on a lane has been given up.
    """

    on_undelivered: Callable[[int], None]

    @property
    def address(self) -> Recipient: ...

    @property
    def gateway_ips(self) -> Sequence[str]:
        """The addresses under which the directory lists our gateway."""
        ...

    async def send(self, to: Recipient, data: bytes, *, surbs: int = 0, lane: int = 0) -> None:
        """Queue `data` for `to`; waits while the lane is full: that is the back-pressure.

        With `surbs` the message is anonymous: it carries our sender tag and that many reply SURBs. An `Alias` of a
        recipient has a tag and SURBs of its own.
        """

    async def reply(self, sender_tag: bytes, data: bytes, *, lane: int = 0) -> None:
        """As `send`, to the client that wrote with this tag, over the SURBs that came along."""

    def hold(self, sender_tag: bytes) -> None:
        """Keep the reply SURBs of this tag, whatever strangers send us, until `release` is called as often."""

    def release(self, sender_tag: bytes) -> None:
        """See `hold`."""

    def pace_replies(self, sender_tag: bytes, rate: float, seconds: float) -> float:
        """Answer this tag at up to `rate` packets a second for `seconds`, data or cover; returns the rate granted."""

    def reply_rate(self, sender_tag: bytes) -> float | None:
        """Bytes a second that answers to this tag can carry while a rate is promised to it, else None."""

    def withhold_surbs(self, to: Recipient, withheld: bool) -> None:
        """Whether `to` gets no reply SURBs but those of our messages; it gets what it has asked for afterwards."""

    def expect_oldest_first(self, holder: Recipient) -> None:
        """`holder` is of this software: it uses the oldest reply SURB first, and throws away what exceeds its stock."""

    def forget(self, to: Recipient) -> None:
        """Drop what is kept for answers of `to`, usually an alias that is not used again."""

    def close_lane(self, lane: int) -> None:
        """Drop what the lane still holds: only for streams whose rest nobody waits for."""

    async def receive(self) -> ReceivedMessage:
        """The next message."""
        ...
