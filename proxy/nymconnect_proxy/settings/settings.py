"""The one table of options: what there is to set, what is set, and what that comes to.

A field of `Settings` is a row of the table; `config` reads and writes it, `manual` prints it. Traffic parameters that
differ from everybody else's tell each mix node who is sending, so they are best left to the preset.

Names and defaults follow nym-client-core 1.21 and nym-socks5-client-core (`config/`), where they have the same option.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any

from nymconnect.client.parameters import TrafficParameters
from nymconnect.client.presets import AUTOMATIC, PRESETS, Preset, chosen
from nymconnect.endpoints import Endpoint, Upstream
from nymconnect.packet.params import PacketSize
from nymconnect_proxy.settings.options import Kind, Option, Secret, Server, Value

PACKET_SIZES: Mapping[str, PacketSize] = {
    "regular": PacketSize.REGULAR,
    "extended8": PacketSize.EXTENDED8,
    "extended16": PacketSize.EXTENDED16,
    "extended32": PacketSize.EXTENDED32,
}
# Names of the protocol generations of requesters, with their interface and SOCKS5 protocol versions (None: legacy).
PROTOCOLS: Mapping[str, tuple[int | None, int | None]] = {
    "versioned": (3, 3),
    "mixed": (3, None),
    "legacy": (None, None),
}
LOG_LEVELS = ("debug", "info", "warning", "error")
DESKTOP_SECTION = "desktop"  # what the window remembers; nobody else reads it
LIVE_OPTIONS = frozenset({"log_level"})  # in force at once; all others with the next connection

BY_PRESET = "by the preset"


def _row(section: str, kind: Kind, default: Value | None, text: str, **limits: Any) -> Any:
    """A field of `Settings` with its row of the table; `Any`, because the annotation beside it gives the type."""
    return field(
        default=default, metadata={"section": section, "kind": kind, "default": default, "help": text, **limits}
    )


def _traffic_row(kind: Kind, text: str, **limits: Any) -> Any:
    return _row("traffic", kind, None, text, absent=BY_PRESET, **limits)


@dataclass(frozen=True, slots=True)
class Settings:
    """The value of every option. Durations in seconds; None where something else decides (see `Option.absent`)."""

    network: str = _row(
        "network",
        Kind.NETWORK,
        "embedded",
        "The mixnet to use: `embedded` starts one on this machine, `mainnet` is Nym's, a URL is that of a nym-api; "
        "with `#` and the SHA-256 of its certificate behind it, this very certificate counts, and no authority.",
        choices=("embedded", "mainnet"),
    )
    plain_http_directory: bool = _row(
        "network",
        Kind.SWITCH,
        False,
        "Let the directory of `network` be an `http` URL of another machine. Anybody on the way to it can then name "
        "the nodes, and so see everything; `https` with a fingerprint is better.",
    )
    gateway: str | None = _row(
        "network", Kind.IDENTITY, None, "Identity key of the entry gateway.", absent="a random one, kept"
    )
    gateway_country: str | None = _row(
        "network",
        Kind.COUNTRY,
        None,
        "Country of the entry gateway, as its operator says, where no `gateway` is named.",
        absent="any",
    )
    requester: str | None = _row(
        "network",
        Kind.REQUESTERS,
        None,
        "Who dials the targets: Nym address of a network requester, or its name in `[requesters]`. Of several, with "
        "commas between them, each dials a part of the targets, so that none sees all. `directory` draws some of those "
        "that the directory lists.",
        absent="the embedded network's, elsewhere `directory`",
    )
    requester_count: int = _row("network", Kind.COUNT, 3, "How many `directory` draws.", minimum=1, maximum=8)
    requester_country: str | None = _row(
        "network",
        Kind.COUNTRY,
        None,
        "Country of the requesters that `directory` draws, as their operators say.",
        absent="any",
    )
    requester_protocol: str = _row(
        "network",
        Kind.CHOICE,
        "versioned",
        "The generation of messages that the requesters speak; those of before 2023 are `legacy`.",
        choices=tuple(PROTOCOLS),
    )
    connect_timeout: float = _row(
        "network", Kind.DURATION, 60.0, "How long one attempt to connect may take.", minimum=1.0, maximum=3600.0
    )
    upstream: Upstream | None = _row(  # noqa: RUF009 -- the default is None
        "network",
        Kind.UPSTREAM,
        None,
        "Proxy through which directory and gateway are reached, `socks5://HOST:PORT` or `http://HOST:PORT`. Name and "
        "password stand before the host (`NAME:PASSWORD@`) in the settings file only, or in the environment variable "
        "`NYMCONNECT_UPSTREAM_LOGIN`.",
        absent="none",
    )
    warm_up: float | None = _row(
        "network",
        Kind.DURATION,
        None,
        "How long cover flows before the SOCKS port serves.",
        absent="60s on mainnet, else 0s",
        minimum=0.0,
        maximum=3600.0,
    )
    on_demand: bool = _row(
        "network",
        Kind.SWITCH,
        False,
        "Connect when a program asks for the first stream, leave the mixnet when there has been none for a while. "
        "Tells whoever watches this machine when it is in use.",
    )
    idle_timeout: float = _row(
        "network", Kind.DURATION, 300.0, "How long that while is.", minimum=1.0, maximum=24 * 3600.0
    )
    socks: Endpoint = _row(  # noqa: RUF009 -- the default is frozen
        "proxy",
        Kind.ENDPOINT,
        Endpoint("127.0.0.1", 1080),
        "Where applications find the proxy, in SOCKS4, SOCKS5 or HTTP. Whoever reaches this port can use it: keep it "
        "on loopback.",
    )
    password: Secret | None = _row(  # noqa: RUF009 -- the default is None
        "proxy",
        Kind.SECRET,
        None,
        "What programs must give, with any user name. In the settings file only, or in the environment variable "
        "`NYMCONNECT_PASSWORD`.",
        absent="none",
    )
    allow_remote: bool = _row(
        "proxy",
        Kind.SWITCH,
        False,
        "Let `socks` and `rpc_listen` be addresses that other machines reach; takes a `password`, too. What comes over "
        "your network to this port is readable there.",
    )
    sender_tags: str = _row(
        "proxy",
        Kind.CHOICE,
        "automatic",
        "What a requester can take for one user: each `destination`, each `stream`, each `user` name that programs "
        "give, or everything (`one`). `automatic` is `destination`, but `user` where a preset keeps the downlink's "
        "rate, for that is promised to one tag: that of what comes without a user name. Programs that give different "
        "user names are kept apart, except with `one`.",
        choices=("automatic", "destination", "stream", "user", "one"),
    )
    early_reply: bool = _row(
        "proxy",
        Kind.SWITCH,
        False,
        "Tell programs that they are connected before anybody has tried, as Nym's own client does. Saves a round trip "
        "and hides why a connection fails.",
    )
    rpc_listen: Endpoint | None = _row(  # noqa: RUF009 -- the default is None
        "proxy",
        Kind.ENDPOINT,
        None,
        "Where wallets that know no proxy find the server at `rpc_url`, as plain HTTP on this machine.",
        absent="off",
    )
    rpc_url: Server | None = _row(  # noqa: RUF009 -- the default is None
        "proxy",
        Kind.SERVER,
        None,
        "The https server that `rpc_listen` leads to, through the mixnet. A URL with a key in it belongs into the "
        "settings file, not on the command line.",
        absent="none",
    )
    connection_start_surbs: int = _row(
        "proxy", Kind.COUNT, 20, "Reply SURBs sent along when a connection is opened.", minimum=1, maximum=200
    )
    per_request_surbs: int = _row(
        "proxy", Kind.COUNT, 3, "Reply SURBs sent along with each later piece of a connection.", minimum=1, maximum=50
    )
    preset: str = _row(
        "traffic",
        Kind.CHOICE,
        AUTOMATIC,
        "The traffic parameters as a set, shared by all who choose it; `automatic` is *Balanced* on a network of our "
        "own and *Nym-compatible* everywhere else.",
        choices=(AUTOMATIC, *PRESETS),
    )
    average_packet_delay: float | None = _traffic_row(
        Kind.DURATION, "Mean delay of a packet at each mix node.", minimum=0.0, maximum=10.0
    )
    message_sending_average_delay: float | None = _traffic_row(
        Kind.DURATION, "Mean gap between two packets of the main stream, real or cover.", minimum=0.001, maximum=10.0
    )
    loop_cover_average_delay: float | None = _traffic_row(
        Kind.DURATION, "Mean gap between two packets of the loop cover stream.", minimum=0.001, maximum=3600.0
    )
    packet_size: str | None = _traffic_row(
        Kind.CHOICE, "Size class of all packets of this client.", choices=tuple(PACKET_SIZES)
    )
    ack_wait_multiplier: float | None = _traffic_row(
        Kind.FACTOR, "How many times the expected round trip an ack is awaited.", minimum=1.0, maximum=10.0
    )
    ack_wait_addition: float | None = _traffic_row(
        Kind.DURATION, "How much longer than that an ack is awaited.", minimum=0.0, maximum=60.0
    )
    max_retransmissions: int | None = _traffic_row(
        Kind.COUNT, "How often an unacknowledged packet is sent again.", minimum=0, maximum=1000
    )
    log_level: str = _row(
        "log", Kind.CHOICE, "info", "How much is logged. Only `debug` shows targets and peers.", choices=LOG_LEVELS
    )

    address_book: tuple[tuple[str, str], ...] = ()
    """Names of requesters and their Nym addresses: the table `[requesters]` of the settings file."""

    def __post_init__(self) -> None:
        for option in OPTIONS:
            value = getattr(self, option.name)
            if value is not None:
                option.check(value)

    def chosen_preset(self, *, own_network: bool) -> Preset:
        """The preset that is in force; `own_network` says whether the directory calls the network one of ours."""
        return chosen(self.preset, own_network=own_network)

    def traffic(self, *, own_network: bool) -> TrafficParameters:
        """That preset with this person's changes."""
        changes: dict[str, Any] = {
            option.name: getattr(self, option.name)
            for option in OPTIONS
            if option.absent == BY_PRESET and getattr(self, option.name) is not None
        }
        if "packet_size" in changes:
            changes["packet_size"] = PACKET_SIZES[changes["packet_size"]]
        if "average_packet_delay" in changes:
            changes["average_ack_delay"] = changes["average_packet_delay"]  # acks must not be told apart by delay
        if "loop_cover_average_delay" in changes:
            changes["loop_cover"] = True
        return replace(self.chosen_preset(own_network=own_network).traffic, **changes)


OPTIONS: tuple[Option, ...] = tuple(Option(row.name, **row.metadata) for row in fields(Settings) if row.metadata)
