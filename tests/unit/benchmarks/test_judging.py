"""The benchmarks find the leaks that they look for, and none where there is none."""

import json
import math
import random
from pathlib import Path

import pytest

from benchmarks.privacy import classifier, cost, counted, formats, loops, report, soak, wire
from nymconnect.client.parameters import TrafficParameters
from nymconnect.packet.addressing import NodeAddress


def link(rate: float, seconds: float, seed: int, grid: float = 0.0) -> tuple[tuple[float, int], ...]:
    rng, now, frames = random.Random(seed), 0.0, []
    while (now := now + rng.expovariate(rate)) < seconds:
        frames.append((math.ceil(now / grid) * grid if grid else now, 2452))
    return tuple(frames)


def cycles(seed: int, grid: float = 0.0, rate: float = 55.0) -> list[wire.Block]:
    return [wire.Block(link(rate, 10.0, seed + number, grid), 10.0) for number in range(4)]


@pytest.fixture
def plain_guesser(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(classifier, "RandomForestClassifier", None)


@pytest.mark.usefixtures("plain_guesser")
def test_a_pure_link_is_found_pure_and_equal() -> None:
    pure = wire.purity(cycles(100), 55.0)
    assert pure["ks"] < 1.6 * pure["ks_critical"]
    assert pure["chi_square_p"] > 0.001
    assert pure["sizes"] == [2452]
    compared = wire.comparison(cycles(100), cycles(200))
    assert compared["low"] <= 0.5
    assert compared["windows"] == 80


@pytest.mark.usefixtures("plain_guesser")
@pytest.mark.parametrize(("grid", "rate"), [(0.03, 55.0), (0.0, 80.0)])
def test_stalls_and_other_rates_are_found(grid: float, rate: float) -> None:
    compared = wire.comparison(cycles(100), cycles(200, grid, rate))
    assert compared["auc"] > 0.8
    assert compared["ks_p"] < 0.01


def test_only_what_a_preset_promises_is_required() -> None:
    pure = {"idle": wire.purity(cycles(100), 70.0)}
    compared = {
        direction: {"pages": {"ks_p": 0.0, "auc": 0.9, "low": 0.8, "high": 1.0}} for direction in ("uplink", "downlink")
    }

    def unmet(preset: str, symmetric: bool) -> set[str]:
        return {check.name for check in wire.judge(preset, pure, pure, compared, symmetric) if check.met is False}

    assert unmet("nym-compatible", False) == set()
    assert "W1 idle, uplink" in unmet("balanced", False)
    assert "W6 pages against idle, downlink" not in unmet("balanced", False)
    assert "W6 pages against idle, downlink" in unmet("balanced", True)


def test_nominal_rate_joins_both_streams() -> None:
    assert wire.nominal_rate(TrafficParameters()) == pytest.approx(55.0)
    assert wire.nominal_rate(TrafficParameters(loop_cover=False)) == pytest.approx(50.0)


def test_features_of_windows_with_few_frames() -> None:
    length = len(classifier.features(link(55, 1.0, 1), 0.0, 1.0))
    for count in range(4):
        assert len(classifier.features([(0.1 * n, 60) for n in range(count)], 0.0, 1.0)) == length


# --- formats ----------------------------------------------------------------------------------------------------------


def test_no_hop_learns_the_kind_of_a_packet() -> None:
    net = formats.collect(TrafficParameters(drop_share=0.5), 20)
    judged = {hop: formats.judge(evidence, random.Random(1)) for hop, evidence in net.evidence.items()}
    assert len(judged) == 20
    assert all(values["bits"] == 0 and values["packets"] >= 40 for values in judged.values())


def test_a_version_of_its_own_gives_cover_away() -> None:
    evidence, rng = formats.Evidence(), random.Random(1)
    for number in range(200):
        kind, version = (("cover", 258), ("data", 259))[number % 2]
        mean = 0.05 if kind == "cover" else 0.015
        evidence.add(kind, formats.View("mix 1", (version,), 7, int(rng.expovariate(1 / mean) * 1e9)))
    judged = formats.judge(evidence, rng)
    assert judged["bits"] == pytest.approx(1.0)
    assert judged["delay_p"] < 1e-3
    assert judged["delay_bits_above_chance"] > 0.05
    unmet = {check.name for check in formats.checks_of({"client, mix 1": judged}) if check.met is False}
    assert unmet == {"M0 client, mix 1", "M0 client, mix 1, delay"}


# --- loops ------------------------------------------------------------------------------------------------------------


def test_the_model_loses_what_it_is_told_to() -> None:
    model = loops.Model(55.0, 2, 0.01, random.Random(1))
    model.run_until(lambda: False, 60.0)
    assert model.monitor.sent == pytest.approx(3300, rel=0.1)
    assert model.monitor.loss == pytest.approx(0.01, abs=0.012)
    assert model.alarms == 0
    model.drop = lambda _: 0.5
    found = model.run_until(lambda: model.monitor.dropping, 60.0)
    assert found is not None
    assert 0.3 < found < 3.0


def test_naming_finds_the_node_that_drops() -> None:
    outcome = loops.Naming(2, 0.5, 55.0).run(1)
    assert outcome["runs_with_an_innocent_named"] == 0
    summary = loops.summary(outcome["named_s"])  # type: ignore[arg-type]
    assert summary["never"] == 0
    assert loops.summary([None, None]) == {"runs": 2, "never": 2}


# --- cost and report --------------------------------------------------------------------------------------------------


def test_upload_rate_leaves_the_start_out() -> None:
    arrivals = [(0.0, 10), (10.0, 10), (11.0, 40), (12.0, 40)]
    assert cost.upload_rate(arrivals) == 40.0
    assert cost.upload_rate([]) == 0.0
    assert cost.upload_rate([(1.0, 10)]) == 0.0


def test_growth_leaves_the_warm_up_out() -> None:
    course = [(float(at), 50.0 if at >= 20 else 10.0) for at in range(0, 100, 2)]
    grown = soak.growth(course)
    assert grown["slope_per_hour"] == pytest.approx(0.0, abs=1e-6)
    assert grown["first"] == 10.0


def test_growth_of_client_and_pacer_is_judged_and_that_of_the_network_told() -> None:
    watch = soak.Watch()
    for at in range(0, 1200, 30):
        watch.note("client", at, 50.0 + at / 600 + at % 60 / 100)
        watch.note("pacer", at, 14.0 + at % 60 / 100)
        watch.note("network", at, 60.0 + at / 600)
    watch.censuses["client"] = [
        {"at": float(at), "blocks": 100_000 + at, "objects": 5000, "entries": 900} for at in range(0, 1200, 300)
    ]
    outcome = soak.report(watch, "balanced", minutes=20.0)
    verdicts = {check.name: check.met for check in outcome.checks}
    assert verdicts["growth of the client"] is False  # by 6 MB an hour
    assert verdicts["growth of the pacer"] is True
    assert verdicts["growth of the network"] is None
    assert outcome.results["counts"]["client_blocks"]["last"] == 100_900
    short = soak.report(watch, "balanced", minutes=5.0)
    assert {check.met for check in short.checks} == {None}


def test_a_census_sees_what_a_process_holds() -> None:
    before = counted.census()
    held = [[index] for index in range(200_000)]
    after = counted.census()
    others = 20_000  # of other tests' may be gone meanwhile
    assert after["objects"] - before["objects"] >= len(held) - others
    assert after["entries"] - before["entries"] >= 2 * len(held) - others


def test_a_report_is_written_with_its_checks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(report, "RESULTS", tmp_path)
    monkeypatch.setattr(report, "REPOSITORY", tmp_path)
    check = report.Check("speed", "3", "2", False)
    path = report.Report("x", "A1", {"n": 1}, {"v": 1.23456789, "no": math.inf, "t": (1, 2)}, (check,)).save(
        "l", "<svg/>"
    )
    written = json.loads(path.read_text())
    assert path.name == "x-l.json"
    assert written["results"] == {"v": 1.2346, "no": None, "t": [1, 2]}
    assert written["checks"] == [{"name": "speed", "measured": "3", "required": "2", "met": False}]
    assert path.with_suffix(".svg").read_text() == "<svg/>"


def test_loop_model_uses_addresses_that_nodes_have() -> None:
    model = loops.Model(5.0, 3, 0.0, random.Random(1))
    assert all(isinstance(node, NodeAddress) for layer in model.layers for node in layer)
