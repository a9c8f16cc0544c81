"""The table of presets: its values, and what each costs."""

import pytest

from nymconnect.client.parameters import Downlink, TrafficParameters
from nymconnect.client.presets import AUTOMATIC, PRESETS, chosen
from nymconnect.errors import UsageError


@pytest.mark.parametrize(
    ("name", "one_way_delay", "packets", "gigabytes", "useful_rate"),
    [
        ("nym-compatible", 0.045, 55, 11.5, 80e3),
        ("balanced", 0.150, 55, 11.5, 52.1e3),
        ("high", 0.600, 55, 11.5, 55.2e3),
        ("wallet", 6.0, 4.4, 0.92, 4.62e3),
        ("bulk", 0.150, 255, 53, 277e3),
        ("fast", 0.030, 250, 52, 401e3),
    ],
)
def test_what_each_preset_costs(
    name: str, one_way_delay: float, packets: float, gigabytes: float, useful_rate: float
) -> None:
    preset = PRESETS[name]
    assert preset.one_way_delay == pytest.approx(one_way_delay)
    assert preset.packets_per_second == pytest.approx(packets)
    assert preset.gigabytes_per_day == pytest.approx(gigabytes, rel=0.01)
    assert preset.useful_rate == pytest.approx(useful_rate, rel=0.01)


@pytest.mark.parametrize(
    ("name", "downlink", "rate"),
    [
        ("nym-compatible", Downlink.FOLLOWS_DATA, 0),
        ("balanced", Downlink.REQUESTER, 50),
        ("high", Downlink.GATEWAY, 55),
        ("wallet", Downlink.GATEWAY, 4),
        ("bulk", Downlink.GATEWAY, 250),
        ("fast", Downlink.FOLLOWS_DATA, 0),
    ],
)
def test_who_paces_the_downlink(name: str, downlink: Downlink, rate: float) -> None:
    traffic = PRESETS[name].traffic
    assert (traffic.downlink, traffic.downlink_rate) == (downlink, rate)
    assert traffic.symmetric is (downlink is not Downlink.FOLLOWS_DATA)


def test_only_nym_compatible_adapts_and_only_fast_is_unsafe() -> None:
    assert [name for name, preset in PRESETS.items() if preset.traffic.adaptive] == ["nym-compatible"]
    assert [name for name, preset in PRESETS.items() if not preset.is_safe] == ["fast"]


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_delays_acks_like_everything_else_and_is_one_packet_size(name: str) -> None:
    traffic = PRESETS[name].traffic
    assert traffic.average_ack_delay == traffic.average_packet_delay
    assert traffic.packet_size is TrafficParameters().packet_size
    assert PRESETS[name].name == name


def test_where_the_downlink_keeps_its_rate_only_the_loop_stream_comes_back() -> None:
    for preset in PRESETS.values():
        if preset.traffic.symmetric:
            assert preset.traffic.loop_rate == pytest.approx(1 / preset.traffic.loop_cover_average_delay)
            assert preset.traffic.loop_rate < 0.2 * preset.traffic.downlink_rate


def test_automatic_follows_the_network() -> None:
    assert chosen(AUTOMATIC, own_network=True).name == "balanced"
    assert chosen(AUTOMATIC, own_network=False).name == "nym-compatible"
    assert chosen("fast", own_network=True).name == "fast"


@pytest.mark.parametrize(
    "values",
    [
        {"drop_share": 1.1},
        {"drop_share": -0.1},
        {"downlink_rate": 1.0},
        {"downlink": Downlink.REQUESTER},
        {"downlink": Downlink.REQUESTER, "downlink_rate": -1.0},
    ],
)
def test_impossible_traffic_is_refused(values: dict[str, float | Downlink]) -> None:
    with pytest.raises(UsageError):
        TrafficParameters(**values)  # type: ignore[arg-type]  # one type per key
