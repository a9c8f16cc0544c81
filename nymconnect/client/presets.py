"""The presets: sets of traffic parameters, few and shared by all who choose them, with what each costs.

Configuration, command line, window and manual read this one table. A set of one's own would tell each mix who is
sending, for it reads the delay that was drawn for it. *Nym-compatible* and *Fast* are the defaults and the fast mode of
nym-client-core 1.21 (`config-types/src/lib.rs`); the others need nodes of this software to keep all that they promise.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from nymconnect.client.parameters import Downlink, TrafficParameters

MIXES = 3
DAY = 24 * 3600  # seconds


@dataclass(frozen=True, slots=True)
class Preset:
    """One row: `name` for machines, `title` for people, and in one `sentence` whom it is for.

    Unless `is_safe` it is for trying things out, and every place that shows it has to say so.
    """

    name: str
    title: str
    sentence: str
    traffic: TrafficParameters
    is_safe: bool = True

    @property
    def one_way_delay(self) -> float:
        """Seconds that the mixes hold a packet on its way, on average."""
        return MIXES * self.traffic.average_packet_delay

    @property
    def packets_per_second(self) -> float:
        """What leaves at all times, in use or not."""
        traffic = self.traffic
        main = 1 / traffic.message_sending_average_delay
        return main + (1 / traffic.loop_cover_average_delay if traffic.loop_cover else 0.0)

    @property
    def gigabytes_per_day(self) -> float:
        """What leaves in a day, in 10⁹ bytes; as much comes back, and downloads come on top unless it is symmetric."""
        return self.packets_per_second * self.traffic.packet_size.packet * DAY / 1e9

    @property
    def useful_rate(self) -> float:
        """Bytes a second of one's own that the main stream can carry, beside the SURBs for a steady downlink."""
        rate = self.traffic.useful_rate
        assert rate is not None, "every preset is paced"
        return rate


def _traffic(
    main: float, loop: float, delay: float, downlink: Downlink, rate: float = 0.0, drop: float = 0.0
) -> TrafficParameters:
    """`main`, `loop` and `rate` in packets a second, `delay` the mean per hop in seconds."""
    return TrafficParameters(
        average_packet_delay=delay,
        average_ack_delay=delay,  # acks must not be told apart by their delay
        message_sending_average_delay=1 / main,
        loop_cover_average_delay=1 / loop,
        drop_share=drop,
        downlink=downlink,
        downlink_rate=rate,
    )


# Where the downlink keeps its rate, all cover of the main stream ends at a gateway. Cover that came back would be
# missing in the downlink as soon as data takes its place, and so tell what we send; the loop stream carries no data.
_TABLE = (
    Preset(
        "nym-compatible",
        "Nym-compatible",
        "Looks like Nym's own client, for Nym's network; downloads show on your line.",
        TrafficParameters(adaptive=True),
    ),
    Preset(
        "balanced",
        "Balanced",
        "For everyday use on a network of NymConnect nodes; the requester answers at a constant rate.",
        _traffic(50, 5, 0.050, Downlink.REQUESTER, rate=50, drop=1.0),
    ),
    Preset(
        "high",
        "High",
        "Longer delays, and a downlink that the gateway keeps constant too.",
        _traffic(50, 5, 0.200, Downlink.GATEWAY, rate=55, drop=1.0),
    ),
    Preset(
        "wallet",
        "Wallet",
        "Little traffic and delays of seconds, for the small messages of a wallet.",
        _traffic(4, 0.4, 2.0, Downlink.GATEWAY, rate=4, drop=1.0),
    ),
    Preset(
        "bulk",
        "Bulk",
        "Five times the traffic, for large downloads such as the history of a wallet.",
        _traffic(250, 5, 0.050, Downlink.GATEWAY, rate=250, drop=1.0),
    ),
    Preset(
        "fast",
        "Fast (unsafe)",
        "Nym's fast mode: its delays are too short to mix much. For trying things out, not for hiding.",
        TrafficParameters(
            average_packet_delay=0.010,
            average_ack_delay=0.010,
            message_sending_average_delay=0.004,
            loop_cover=False,
        ),
        is_safe=False,
    ),
)
PRESETS: Mapping[str, Preset] = {preset.name: preset for preset in _TABLE}

AUTOMATIC = "automatic"


def chosen(name: str, *, own_network: bool) -> Preset:
    """The preset `name`; for `AUTOMATIC`, the one for a network of this software, or for any other."""
    if name != AUTOMATIC:
        return PRESETS[name]
    return PRESETS["balanced" if own_network else "nym-compatible"]
