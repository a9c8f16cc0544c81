"""The manual of the options: `python -m nymconnect_proxy.settings.manual` prints `docs/configuration.md`."""

from nymconnect.client.parameters import Downlink
from nymconnect.client.presets import PRESETS, Preset
from nymconnect_proxy.settings.options import Kind, Option
from nymconnect_proxy.settings.settings import DESKTOP_SECTION, OPTIONS
from nymconnect_proxy.settings.settings_document import CURRENT_VERSION


def manual() -> str:
    """`docs/configuration.md`."""
    lines = [
        "# Configuration",
        "",
        "<!-- Made by `make docs` from the table in proxy/nymconnect_proxy/settings/settings.py. -->",
        "",
        "Each option is a flag of `nymconnect connect` (`average_packet_delay` is `--average-packet-delay`) and a key",
        "of the settings file, under the table named by its section; secrets have no flag. A flag goes before the",
        "file, the file before the preset. Durations are written with a unit: `20ms`, `1.5s`, `5min`.",
        "",
        "Delays and gaps are random; the tables give their means. Traffic parameters of one's own tell every mix node",
        "on the way who is sending: choose a preset instead.",
        "",
        f"The file may begin with `version = {CURRENT_VERSION}`; a file without it is read as an older one. The table",
        f"`[{DESKTOP_SECTION}]` is what the window remembers, and of no use to the command line.",
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
    return f"| `{option.name}` | {option.kind.value} | {option.shown_default} | {option.bounds} | {option.help} |"


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
