"""How much traffic a client makes and how long it waits: one frozen value, shared by all machines of a client.

Defaults are those of nym-client-core 1.21 (`config-types/src/lib.rs`), except where a comment says why not.
"""

from dataclasses import dataclass
from enum import Enum

from nymconnect.client.pacer.machine import SlotGaps
from nymconnect.errors import UsageError
from nymconnect.packet.chunking import UNLINKED_HEADER_LENGTH
from nymconnect.packet.params import PacketSize


@dataclass(frozen=True, slots=True)
class SurbParameters:
    """Stock of reply SURBs, at the side that answers with them and at the side that hands them out."""

    reserve: int = 10  # kept back so that a request for more can always be sent
    maximum_stock: int = 200  # per sender, asked for and held together
    minimum_request: int = 10
    maximum_request: int = 50
    maximum_answered: int = 500  # largest request that we answer
    rerequest_after: float = 10.0  # seconds without new SURBs before asking again
    drop_after: float = 300.0  # seconds without new SURBs before the queue for that sender is dropped
    maximum_key_age: float = 24 * 3600.0  # seconds

    @property
    def most_held(self) -> int:
        """SURBs of one sender that are held at most; beyond that the oldest give way."""
        return 2 * self.maximum_stock


# The share of a gateway's constant rate that our own packets may take; the rest is its own padding.
DELIVERY_LOAD = 0.9


# One lane may hold this many seconds of a sender's slots: more would only hide from a program how slow it is.
LANE_SECONDS = 0.5


# A steady supply of reply SURBs exceeds what is used up, for packets are lost; what is too much is dropped where it
# arrives. SURBS_IN_A_PACKET of them make up a packet of the regular size.
STEADY_SURPLUS = 1.05
SURBS_IN_A_PACKET = 3


class Downlink(Enum):
    """Who keeps the traffic towards the client at one rate, whatever it carries."""

    FOLLOWS_DATA = "follows data"
    REQUESTER = "requester"
    GATEWAY = "requester and gateway"


@dataclass(frozen=True, slots=True)
class TrafficParameters:
    """Rates and waits; every duration in seconds, every delay a mean of an exponential distribution.

    `paced` False sends data as soon as there is some, without a main Poisson stream: for a requester (as nym-node's
    does by default) and for measuring; it hides nothing about when its owner sends. `adaptive` lets the main stream
    slow down while the link takes no more bytes, as Nym's own client does; a rate that gives way tells who can slow
    the link something. `drop_share` is the share of the main stream's cover that ends at a gateway instead of coming
    back, where the network has a place for it. `downlink_rate` is in packets a second; 0 where nothing paces the
    downlink.
    """

    average_packet_delay: float = 0.015
    average_ack_delay: float = 0.015
    message_sending_average_delay: float = 0.020
    loop_cover_average_delay: float = 0.200
    paced: bool = True
    loop_cover: bool = True
    adaptive: bool = False
    drop_share: float = 0.0
    downlink: Downlink = Downlink.FOLLOWS_DATA
    downlink_rate: float = 0.0
    ack_wait_multiplier: float = 1.5
    ack_wait_addition: float = 1.5
    # Finite, unlike the reference: a peer that is gone must not be written to for ever.
    max_retransmissions: int = 20
    packet_size: PacketSize = PacketSize.REGULAR
    lane_limit: int = 30  # fragments waiting in a lane before its writer has to wait
    # Fragments sent and not yet acked; bounds memory, and the burst of an unpaced sender.
    window: int = 1024
    surbs: SurbParameters = SurbParameters()

    def __post_init__(self) -> None:
        if self.packet_size is PacketSize.ACK:
            raise UsageError("data does not fit into ack packets")
        if self.message_sending_average_delay <= 0 or self.loop_cover_average_delay <= 0:
            raise UsageError("a stream's mean gap must be positive")
        if not 0 <= self.drop_share <= 1:
            raise UsageError("the share of drop cover lies between 0 and 1")
        if self.downlink_rate < 0 or (self.downlink_rate > 0) is not self.symmetric:
            raise UsageError("a downlink has a rate if, and only if, somebody paces it")
        if self.symmetric and self.reply_rate <= 0:
            raise UsageError("the loops leave no room in the downlink")

    @property
    def symmetric(self) -> bool:
        """Whether the downlink keeps its rate as the uplink does, so that neither shows what is received."""
        return self.downlink is not Downlink.FOLLOWS_DATA

    @property
    def needs_paced_delivery(self) -> bool:
        """Whether the gateway is to be asked to deliver at a constant rate."""
        return self.downlink is Downlink.GATEWAY and self.paced

    @property
    def packet_rate(self) -> float:
        """Packets a second that leave whatever happens."""
        main = 1 / self.message_sending_average_delay if self.paced else 0.0
        return main + (1 / self.loop_cover_average_delay if self.loop_cover else 0.0)

    @property
    def steady_rate(self) -> float:
        """Slots a second that the main stream has at any rate; 0 where it is not paced, or may slow down."""
        return 1 / self.message_sending_average_delay if self.paced and not self.adaptive else 0.0

    @property
    def ack_rate(self) -> float:
        """Acks a second that the gateway shall deliver: one comes back for each packet, and its queue must not grow."""
        return self.packet_rate / DELIVERY_LOAD

    @property
    def loop_rate(self) -> float:
        """Packets a second that come back to us while none of our data takes the place of cover."""
        main = 1 / self.message_sending_average_delay if self.paced else 0.0
        return self.packet_rate - main * self.drop_share

    @property
    def reply_rate(self) -> float:
        """Packets a second at which the requester shall answer; 0 where it need not keep a rate.

        Where the gateway paces too, its queue must not grow: what comes for us has to stay below what it delivers.
        """
        if self.downlink is not Downlink.GATEWAY:
            return self.downlink_rate
        return DELIVERY_LOAD * self.downlink_rate - self.loop_rate

    @property
    def supply_rate(self) -> float:
        """Packets a second that the SURBs for those answers take of the main stream."""
        return self.reply_rate * STEADY_SURPLUS / SURBS_IN_A_PACKET

    @property
    def useful_rate(self) -> float | None:
        """Bytes a second of one's own that the main stream can carry, beside the SURBs for a steady downlink; None if
        nothing bounds them."""
        return self.payload * (1 / self.message_sending_average_delay - self.supply_rate) if self.paced else None

    @property
    def payload(self) -> int:
        """Bytes of a message that one packet carries."""
        return self.packet_size.fragment - UNLINKED_HEADER_LENGTH

    def lane_length(self, reply_rate: float | None = None) -> int:
        """Fragments that may wait in a lane before its writer has to; `reply_rate`, in packets a second, where the lane
        is of answers at a constant rate."""
        rate = reply_rate if reply_rate or not self.paced else 1 / self.message_sending_average_delay
        return min(self.lane_limit, max(1, int(LANE_SECONDS * rate))) if rate else self.lane_limit

    @property
    def rates(self) -> SlotGaps:
        """What the pacer needs to know."""
        return SlotGaps(
            self.message_sending_average_delay if self.paced else None,
            self.loop_cover_average_delay if self.loop_cover else None,
            self.adaptive,
        )
