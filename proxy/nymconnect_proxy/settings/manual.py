"""The manual of the options: `python -m nymconnect_proxy.settings.manual` prints `docs/configuration.md`."""

from nymconnect.client.parameters import Downlink
from nymconnect.client.presets import PRESETS, Preset
from nymconnect_proxy.settings.options import Option, OptionKind
from nymconnect_proxy.settings.settings import DESKTOP_SECTION, OPTIONS
from nymconnect_proxy.settings.settings_document import CURRENT_VERSION


def manual() -> str:
    """`docs/configuration.md`."""
    lines = [
        "# Configuration",
        "",
        "<!-- Made by `make docs` from the table in proxy/nymconnect_proxy/settings/settings.py. -->",
        "",
        "Each option is a flag of `nymconnect connect` (`average_packet_delay` is `--average-packet-delay`) and a",
        "key of the settings file, in the table that its section names. Secrets have no flag. A flag overrides",
        "the file, and the file overrides the preset. Write durations with a unit: `20ms`, `1.5s`, `5min`.",
        "",
        "Delays and gaps are random; the tables give their means. Traffic parameters that nobody else uses show",
        "every mix node on the way who is sending: choose a preset instead.",
        "",
        f"The file may begin with `version = {CURRENT_VERSION}`; a file without that line is read as an older one.",
        "A file with a password in it must be closed to other users of the computer: `chmod 600`.",
        f"The table `[{DESKTOP_SECTION}]` belongs to the window; the command line does not read it.",
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
        "## [requesters]",
        "",
        'The address book: `NAME = "NYM ADDRESS"` for each requester. `nymconnect requester add` writes it.',
        "",
        "## Presets",
        "",
        "*Delay* is the mean time that the mixes add in one direction; a request and its answer take twice that.",
        "The client sends packets at all times, in use or not: *GB a day* is their sum, and about as much comes",
        "back. *Useful* is the highest rate at which your own data can leave.",
        "",
        "| preset | delay | packets a second, main + loop | GB a day up | useful | the downlink | for |",
        "|---|---|---|---|---|---|---|",
    ]
    lines += [_preset_row(preset) for preset in PRESETS.values()]
    lines += [
        "",
        "*The downlink* is what you receive. Either it follows the data, so a download shows on your line, or the",
        "requester, or requester and gateway, send at a constant rate. For that they have to run this software;",
        "the status reports whether it is so (`downlink_hidden`).",
    ]
    return "\n".join(lines) + "\n"


def _manual_row(option: Option) -> str:
    return f"| `{option.name}` | {option.kind.value} | {option.shown_default} | {option.bounds} | {option.help} |"


def _preset_row(preset: Preset) -> str:
    traffic = preset.traffic
    loop = 1 / traffic.loop_cover_average_delay if traffic.loop_cover else 0
    packets = f"{1 / traffic.message_sending_average_delay:g} + {loop:g}"
    rate = f", {traffic.downlink_rate:g} a second" if traffic.downlink is not Downlink.FOLLOWS_DATA else ""
    cells = (
        f"`{preset.name}`" + ("" if preset.is_safe else " (**unsafe**)"),
        Option("", "", OptionKind.DURATION, None, "").format(preset.one_way_delay),
        packets,
        f"{preset.gigabytes_per_day:.3g}",
        f"{preset.useful_rate / 1000:.3g} kB/s",
        traffic.downlink.value + rate,
        preset.sentence,
    )
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    print(manual(), end="")
