"""The one table of options; command line flags, the settings file and `docs/configuration.md` are made from it.

A field of `Settings` is a row of the table. What counts, in this order: flag, settings file, preset, default here.
Traffic parameters that differ from everybody else's tell each mix node who is sending, so they are best left to the
preset.

Names and defaults follow nym-client-core 1.21 and nym-socks5-client-core (`config/`), where they have the same option.
"""

import argparse
import os
import tomllib
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

import tomlkit

from nymconnect.client.parameters import Downlink, TrafficParameters
from nymconnect.client.presets import AUTOMATIC, PRESETS, Preset, chosen
from nymconnect.errors import UserError
from nymconnect.options import Endpoint, Kind, Option, Upstream, Value
from nymconnect.packet.params import PacketSize
from nymconnect.storage import write_private

PACKET_SIZES: Mapping[str, PacketSize] = {
    "regular": PacketSize.REGULAR,
    "extended8": PacketSize.EXTENDED8,
    "extended16": PacketSize.EXTENDED16,
    "extended32": PacketSize.EXTENDED32,
}
LOG_LEVELS = ("debug", "info", "warning", "error")
UPSTREAM_LOGIN = "NYMCONNECT_UPSTREAM_LOGIN"  # environment variable: NAME:PASSWORD
MAX_SETTINGS_LENGTH = 256 * 1024  # bytes

_BY_PRESET = "by the preset"


def _row(section: str, kind: Kind, default: Value | None, text: str, **limits: Any) -> Any:
    """A field of `Settings` with its row of the table; `Any`, because the annotation beside it gives the type."""
    return field(
        default=default, metadata={"section": section, "kind": kind, "default": default, "help": text, **limits}
    )


def _traffic_row(kind: Kind, text: str, **limits: Any) -> Any:
    return _row("traffic", kind, None, text, absent=_BY_PRESET, **limits)


@dataclass(frozen=True, slots=True)
class Settings:
    """The value of every option. Durations in seconds; None where something else decides (see `Option.absent`)."""

    network: str = _row(
        "network",
        Kind.NETWORK,
        "embedded",
        "The mixnet to use: `embedded` starts one on this machine, `mainnet` is Nym's, a URL is that of a nym-api.",
        choices=("embedded", "mainnet"),
    )
    gateway: str | None = _row(
        "network", Kind.IDENTITY, None, "Identity key of the entry gateway.", absent="a random one, kept"
    )
    requester: str | None = _row(
        "network",
        Kind.RECIPIENT,
        None,
        "Nym address of the network requester that dials the targets.",
        absent="the embedded network's",
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
        "Where applications find the SOCKS proxy. Whoever reaches this port can use it: keep it on loopback.",
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
            if option.absent == _BY_PRESET and getattr(self, option.name) is not None
        }
        if "packet_size" in changes:
            changes["packet_size"] = PACKET_SIZES[changes["packet_size"]]
        if "average_packet_delay" in changes:
            changes["average_ack_delay"] = changes["average_packet_delay"]  # acks must not be told apart by delay
        if "loop_cover_average_delay" in changes:
            changes["loop_cover"] = True
        return replace(self.chosen_preset(own_network=own_network).traffic, **changes)


OPTIONS: tuple[Option, ...] = tuple(Option(row.name, **row.metadata) for row in fields(Settings))
_BY_NAME = {option.name: option for option in OPTIONS}


# --- command line -----------------------------------------------------------------------------------------------


def add_flags(parser: argparse.ArgumentParser, sections: Collection[str] | None = None) -> None:
    """One flag for each option (of `sections`, if given). A flag that is not used leaves no attribute."""
    for option in OPTIONS:
        if sections is None or option.section in sections:
            parser.add_argument(
                option.flag,
                type=flag_parser(option),
                default=argparse.SUPPRESS,
                metavar="{" + ",".join(option.choices) + "}" if option.kind is Kind.CHOICE else option.kind.name,
                help=f"{option.help} (default: {_default(option)})".replace("%", "%%"),
            )


def flag_parser(option: Option) -> Callable[[str], Value]:
    """What argparse calls with the text of a flag."""

    def parse(text: str) -> Value:
        try:
            value = option.parse(text)
        except UserError as error:
            raise argparse.ArgumentTypeError(str(error)) from None
        if isinstance(value, Upstream) and value.username is not None:
            # Every user of a machine can read the command lines on it.
            raise argparse.ArgumentTypeError(f"{option.name}: put name and password into {UPSTREAM_LOGIN}")
        return value

    return parse


def settings_from(flags: argparse.Namespace, path: Path | None = None) -> Settings:
    """Flags over the settings file at `path` over the defaults."""
    given = {name: value for name, value in vars(flags).items() if name in _BY_NAME}
    settings = replace(read_settings(path) if path else Settings(), **given)
    login = os.environ.get(UPSTREAM_LOGIN)
    if settings.upstream is not None and login:
        settings = replace(settings, upstream=settings.upstream.with_login(login))
    return settings


# --- settings file ----------------------------------------------------------------------------------------------


def read_settings(path: Path) -> Settings:
    """From a TOML file with one table for each section; an absent file means defaults. UserError names file and key."""
    try:
        with path.open("rb") as file:
            text = file.read(MAX_SETTINGS_LENGTH + 1)
        if len(text) > MAX_SETTINGS_LENGTH:
            raise UserError("the file is too long")
        return _settings_from_tables(tomllib.loads(text.decode()))
    except FileNotFoundError:
        return Settings()
    except (UserError, ValueError) as error:  # TOML and UTF-8 errors are ValueErrors
        raise UserError(f"{path}: {error}") from error
    except OSError as error:
        raise UserError(f"{path}: {error.strerror or error}") from error


def _settings_from_tables(tables: Mapping[str, object]) -> Settings:
    sections = {option.section for option in OPTIONS}
    values: dict[str, Any] = {}
    for section, table in tables.items():
        if section not in sections or not isinstance(table, dict):
            raise UserError(f"no section is named {section!r}")
        for name, raw in table.items():
            option = _BY_NAME.get(name)
            if option is None or option.section != section:
                raise UserError(f"section {section} has no option {name!r}")
            values[name] = option.parse(raw)
    return Settings(**values)


def write_settings(path: Path, settings: Settings) -> None:
    """Bring the file at `path` up to `settings`: comments and order stay, defaults are not written out.

    UserError if the file there does not read: then it stays as it is.
    """
    read_settings(path)
    document = tomlkit.parse(path.read_bytes()) if path.exists() else tomlkit.document()
    for option in OPTIONS:
        value = getattr(settings, option.name)
        table = document.get(option.section, {})
        if option.name in table:
            if value is None:
                del table[option.name]
            else:
                table[option.name] = _as_toml(option, value)
        elif value != option.default:
            document.setdefault(option.section, tomlkit.table())[option.name] = _as_toml(option, value)
    write_private(path, tomlkit.dumps(document).encode())


def _as_toml(option: Option, value: Value) -> str | int | float:
    if isinstance(value, bool):
        return value
    if option.kind in (Kind.COUNT, Kind.FACTOR) and isinstance(value, int | float):
        return value
    return option.format(value)


# --- manual -----------------------------------------------------------------------------------------------------


def _default(option: Option) -> str:
    return option.absent if option.default is None else option.format(option.default)


def manual() -> str:
    """`docs/configuration.md`."""
    lines = [
        "# Configuration",
        "",
        "<!-- Made by `make docs` from the table in nymconnect/config.py. -->",
        "",
        "Each option is a flag of `nymconnect connect` (`average_packet_delay` is `--average-packet-delay`) and a key",
        "of the settings file, under the table named by its section. A flag goes before the file, the file before the",
        "preset. Durations are written with a unit: `20ms`, `1.5s`, `5min`.",
        "",
        "Delays and gaps are random; the tables give their means. Traffic parameters of one's own tell every mix node",
        "on the way who is sending: choose a preset instead.",
    ]
    for section in dict.fromkeys(option.section for option in OPTIONS):
        lines += [
            "",
            f"## [{section}]",
            "",
            "| option | kind | default | bounds | what it does |",
            "|---|---|---|---|---|",
        ]
        lines += [_manual_row(option) for option in OPTIONS if option.section == section]
    lines += [
        "",
        "## Presets",
        "",
        "Delay is what the mixes add on the way, one way and on average; a request and its answer take twice that.",
        "Packets leave at all times, in use or not, and GB a day is what that adds up to; about as much comes back.",
        "*Useful* is how fast one's own data can leave at most.",
        "",
        "| preset | delay | packets a second, main + loop | GB a day up | useful | the downlink | for |",
        "|---|---|---|---|---|---|---|",
    ]
    lines += [_preset_row(preset) for preset in PRESETS.values()]
    lines += [
        "",
        "*The downlink* is what comes in: it follows the data, so that a download shows on your line, or has a rate of",
        "its own, kept by the requester or by requester and gateway. Both have to be ours for that; the status says",
        "whether it is so (`downlink_hidden`).",
    ]
    return "\n".join(lines) + "\n"


def _manual_row(option: Option) -> str:
    return f"| `{option.name}` | {option.kind.value} | {_default(option)} | {option.bounds} | {option.help} |"


def _preset_row(preset: Preset) -> str:
    traffic = preset.traffic
    loop = 1 / traffic.loop_cover_average_delay if traffic.loop_cover else 0
    packets = f"{1 / traffic.message_sending_average_delay:g} + {loop:g}"
    rate = f", {traffic.downlink_rate:g} a second" if traffic.downlink is not Downlink.FOLLOWS_DATA else ""
    cells = (
        f"`{preset.name}`" + ("" if preset.is_safe else " (**unsafe**)"),
        Option("", "", Kind.DURATION, None, "").format(preset.one_way_delay),
        packets,
        f"{preset.gigabytes_per_day:.3g}",
        f"{preset.useful_rate / 1000:.3g} kB/s",
        traffic.downlink.value + rate,
        preset.sentence,
    )
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    print(manual(), end="")
