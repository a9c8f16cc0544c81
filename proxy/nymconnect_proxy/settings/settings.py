"""The one table of options: what there is to set, what is set, and what that comes to.

A field of `Settings` is a row of the table; `config` reads and writes it, `manual` prints it. Traffic parameters that
differ from everybody else's show each mix node who is sending, so leave them to the preset.

Names and defaults follow nym-client-core 1.21 and nym-socks5-client-core (`config/`), where they have the same option.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any

from nymconnect.client.parameters import TrafficParameters
from nymconnect.client.presets import AUTOMATIC, PRESETS, Preset, chosen
from nymconnect.endpoints import Endpoint, Upstream
from nymconnect.packet.params import PacketSize
from nymconnect_proxy.settings.networks import PRACTICE, NamedNetwork, Network
from nymconnect_proxy.settings.options import Option, OptionKind, Secret, Server, Value

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


def _row(section: str, kind: OptionKind, default: Value | None, text: str, **limits: Any) -> Any:
    """A field of `Settings` with its row of the table; `Any`, because the annotation beside it gives the type."""
    return field(
        default=default, metadata={"section": section, "kind": kind, "default": default, "help": text, **limits}
    )


def _traffic_row(kind: OptionKind, text: str, **limits: Any) -> Any:
    return _row("traffic", kind, None, text, absent=BY_PRESET, **limits)


@dataclass(frozen=True, slots=True)
class Settings:
    """The value of every option. Durations in seconds; None where something else decides (see `Option.absent`)."""

    network: Network = _row(  # noqa: RUF009 -- the default is an enum
        "network",
        OptionKind.NETWORK,
        PRACTICE,
        "The mixnet to use: `embedded` starts one on this machine, `mainnet` is Nym's, a URL "
        "names the nym-api of another one. With `#` and the SHA-256 of its certificate behind "
        "the URL, only this certificate is accepted, and no authority counts.",
        choices=tuple(map(str, NamedNetwork)),
    )
    plain_http_directory: bool = _row(
        "network",
        OptionKind.SWITCH,
        False,
        "Accept an `http` URL of another machine as `network`. Anybody on the way to it can then "
        "replace the list of nodes, and so see everything; `https` with a fingerprint is better.",
    )
    gateway: str | None = _row(
        "network", OptionKind.IDENTITY, None, "Identity key of the entry gateway.", absent="a random one, kept"
    )
    gateway_country: str | None = _row(
        "network",
        OptionKind.COUNTRY,
        None,
        "Country of the entry gateway, as its operator states it. Used when no `gateway` is set.",
        absent="any",
    )
    requester: str | None = _row(
        "network",
        OptionKind.REQUESTERS,
        None,
        "The network requester that connects to the targets: its Nym address, or its name in "
        "`[requesters]`. With several, separated by commas, each connects to a part of the "
        "targets, so none sees them all. `directory` picks some at random from the directory's "
        "list.",
        absent="the embedded network's, elsewhere `directory`",
    )
    requester_count: int = _row(
        "network", OptionKind.COUNT, 3, "How many requesters `directory` picks.", minimum=1, maximum=8
    )
    requester_country: str | None = _row(
        "network",
        OptionKind.COUNTRY,
        None,
        "Country of the requesters that `directory` picks, as their operators state it.",
        absent="any",
    )
    requester_protocol: str = _row(
        "network",
        OptionKind.CHOICE,
        "versioned",
        "The generation of messages that the requesters speak; requesters from before 2023 are `legacy`.",
        choices=tuple(PROTOCOLS),
    )
    connect_timeout: float = _row(
        "network", OptionKind.DURATION, 60.0, "How long one attempt to connect may take.", minimum=1.0, maximum=3600.0
    )
    upstream: Upstream | None = _row(  # noqa: RUF009 -- the default is None
        "network",
        OptionKind.UPSTREAM,
        None,
        "Proxy on the way to directory and gateway, `socks5://HOST:PORT` or `http://HOST:PORT`. "
        "Name and password go before the host (`NAME:PASSWORD@`) in the settings file, or into "
        "the environment variable `NYMCONNECT_UPSTREAM_LOGIN`; never on the command line.",
        absent="none",
    )
    warm_up: float | None = _row(
        "network",
        OptionKind.DURATION,
        None,
        "How long the client sends cover before the SOCKS port serves.",
        absent="60s on mainnet, else 0s",
        minimum=0.0,
        maximum=3600.0,
    )
    on_demand: bool = _row(
        "network",
        OptionKind.SWITCH,
        False,
        "Connect when a program opens the first stream, leave the mixnet after `idle_timeout` "
        "without streams. Anybody who watches this machine's line then sees when it is in use.",
    )
    idle_timeout: float = _row(
        "network",
        OptionKind.DURATION,
        300.0,
        "How long `on_demand` waits without streams before it leaves the mixnet.",
        minimum=1.0,
        maximum=24 * 3600.0,
    )
    socks: Endpoint = _row(  # noqa: RUF009 -- the default is frozen
        "proxy",
        OptionKind.ENDPOINT,
        Endpoint("127.0.0.1", 1080),
        "Where programs find the proxy, for SOCKS4, SOCKS5 and HTTP CONNECT. Anybody who can "
        "reach this port can use it: keep it on loopback.",
    )
    password: Secret | None = _row(  # noqa: RUF009 -- the default is None
        "proxy",
        OptionKind.SECRET,
        None,
        "The password that programs must send, with any user name. Set it in the settings file, "
        "or in the environment variable `NYMCONNECT_PASSWORD`; never on the command line.",
        absent="none",
    )
    allow_remote: bool = _row(
        "proxy",
        OptionKind.SWITCH,
        False,
        "Accept addresses that other machines can reach for `socks` and `rpc_listen`. Needs a "
        "`password`. Your network can read what those machines send to the port.",
    )
    sender_tags: str = _row(
        "proxy",
        OptionKind.CHOICE,
        "automatic",
        "What a requester can link to one user: each `destination`, each `stream`, each `user` "
        "name that programs give, or everything (`one`). `automatic` means `destination`; with a "
        "preset that keeps the downlink at a constant rate it means `user`, because the "
        "requester promises that rate to one tag only, the tag of streams without a user name. "
        "Programs that give different user names are kept apart, except with `one`.",
        choices=("automatic", "destination", "stream", "user", "one"),
    )
    early_reply: bool = _row(
        "proxy",
        OptionKind.SWITCH,
        False,
        "Tell programs that they are connected before the requester has tried, as Nym's own "
        "client does. Saves a round trip, but hides why a connection fails.",
    )
    rpc_listen: Endpoint | None = _row(  # noqa: RUF009 -- the default is None
        "proxy",
        OptionKind.ENDPOINT,
        None,
        "Where wallets without proxy support find the server at `rpc_url`, as plain HTTP on this machine.",
        absent="off",
    )
    rpc_url: Server | None = _row(  # noqa: RUF009 -- the default is None
        "proxy",
        OptionKind.SERVER,
        None,
        "The https server that `rpc_listen` leads to, through the mixnet. Put a URL that "
        "contains a key into the settings file, not on the command line.",
        absent="none",
    )
    connection_start_surbs: int = _row(
        "proxy", OptionKind.COUNT, 20, "Reply SURBs that go along when a connection is opened.", minimum=1, maximum=200
    )
    per_request_surbs: int = _row(
        "proxy",
        OptionKind.COUNT,
        3,
        "Reply SURBs that go along with each later message of a connection.",
        minimum=1,
        maximum=50,
    )
    preset: str = _row(
        "traffic",
        OptionKind.CHOICE,
        AUTOMATIC,
        "A set of traffic parameters, shared by everybody who chooses it. `automatic` means "
        "*Balanced* on a network of NymConnect nodes and *Nym-compatible* everywhere else.",
        choices=(AUTOMATIC, *PRESETS),
    )
    average_packet_delay: float | None = _traffic_row(
        OptionKind.DURATION, "Mean delay of a packet at each mix node.", minimum=0.0, maximum=10.0
    )
    message_sending_average_delay: float | None = _traffic_row(
        OptionKind.DURATION,
        "Mean gap between two packets of the main stream, real or cover.",
        minimum=0.001,
        maximum=10.0,
    )
    loop_cover_average_delay: float | None = _traffic_row(
        OptionKind.DURATION, "Mean gap between two packets of the loop cover stream.", minimum=0.001, maximum=3600.0
    )
    packet_size: str | None = _traffic_row(
        OptionKind.CHOICE, "Size class of all packets of this client.", choices=tuple(PACKET_SIZES)
    )
    ack_wait_multiplier: float | None = _traffic_row(
        OptionKind.FACTOR,
        "Time to wait for an ack before sending again, as a multiple of the expected round trip.",
        minimum=1.0,
        maximum=10.0,
    )
    ack_wait_addition: float | None = _traffic_row(
        OptionKind.DURATION, "Time to wait for an ack beyond that multiple.", minimum=0.0, maximum=60.0
    )
    max_retransmissions: int | None = _traffic_row(
        OptionKind.COUNT, "How many times an unacknowledged packet is sent again.", minimum=0, maximum=1000
    )
    log_level: str = _row(
        "log",
        OptionKind.CHOICE,
        "info",
        "The lowest level that is logged. Only `debug` shows targets and peers.",
        choices=LOG_LEVELS,
    )

    address_book: tuple[tuple[str, str], ...] = ()
    """Names of requesters and their Nym addresses: the table `[requesters]` of the settings file."""

    def __post_init__(self) -> None:
        for option in OPTIONS:
            value = getattr(self, option.name)
            if value is not None:
                option.check(value)

    def chosen_preset(self, *, own_network: bool) -> Preset:
        """The preset in force. `own_network`: whether its directory reports nodes of this software."""
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
