"""The statistics of the privacy benchmarks against known values."""

import math
import random

import pytest

from benchmarks.privacy import measures


def poisson_times(rate: float, length: float, seed: int) -> list[float]:
    rng, now, times = random.Random(seed), 0.0, []
    while (now := now + rng.expovariate(rate)) < length:
        times.append(now)
    return times


def test_ks_exponential_of_one_value() -> None:
    assert measures.ks_exponential([0.5], 1.0) == pytest.approx(math.exp(-0.5))


def test_ks_exponential_tells_exponential_from_even_gaps() -> None:
    rng = random.Random(1)
    assert measures.ks_exponential([rng.expovariate(55) for _ in range(5000)], 55) < 0.02
    assert measures.ks_exponential([1 / 55] * 5000, 55) == pytest.approx(1 - math.exp(-1), abs=1e-3)
    assert measures.ks_exponential([rng.expovariate(50) for _ in range(5000)], 55) > 0.02


@pytest.mark.parametrize(
    ("first", "second", "distance"),
    [([1, 2, 3], [4, 5, 6], 1.0), ([1, 2, 3], [1, 2, 3], 0.0), ([1, 2, 3, 4], [3, 4, 5, 6], 0.5)],
)
def test_ks_two_sample_distance(first: list[float], second: list[float], distance: float) -> None:
    assert measures.ks_two_sample(first, second)[0] == pytest.approx(distance)


@pytest.mark.parametrize(("scaled", "p"), [(1.358, 0.05), (1.628, 0.01), (1.224, 0.10)])
def test_kolmogorov_p_at_its_critical_values(scaled: float, p: float) -> None:
    assert measures.kolmogorov_p(scaled / math.sqrt(1e6), 1e6) == pytest.approx(p, rel=0.02)


@pytest.mark.parametrize(
    ("statistic", "degrees", "p"),
    [(3.8415, 1, 0.05), (18.307, 10, 0.05), (66.339, 49, 0.05), (74.919, 49, 0.01), (0.0, 5, 1.0), (10.0, 49, 1.0)],
)
def test_chi_square_p_at_its_critical_values(statistic: float, degrees: int, p: float) -> None:
    assert measures.chi_square_p(statistic, degrees) == pytest.approx(p, rel=1e-3)


def test_pit_chi_square_of_one_value_in_each_bin_is_zero() -> None:
    gaps = [-math.log(1 - (number + 0.5) / 50) for number in range(50)]
    assert measures.pit_chi_square(gaps, 1.0) == (0.0, 1.0)
    assert measures.pit_chi_square([0.5] * 50, 1.0)[0] == pytest.approx(50 * 49)


def test_dispersion_is_one_for_poisson_and_zero_for_a_clock() -> None:
    times = poisson_times(50, 400, 2)
    ratio, windows = measures.dispersion([(times, 0.0, 400.0)], 1.0)
    assert windows == 400
    assert abs(ratio - 1) < 3 * math.sqrt(2 / 400)
    assert measures.dispersion([([n / 10 + 0.05 for n in range(100)], 0.0, 10.0)], 1.0) == (0.0, 10)
    assert math.isnan(measures.dispersion([(times, 0.0, 5.0)], 10.0)[0])


def test_window_counts_leave_the_broken_window_out() -> None:
    assert measures.window_counts([0.1, 0.2, 1.5, 2.4], 0.0, 2.5, 1.0) == [2, 1]


def test_autocorrelation_of_an_alternation() -> None:
    values = [1.0, -1.0] * 50
    assert measures.autocorrelation(values, 1) == pytest.approx(-0.99)
    assert measures.autocorrelation(values, 2) == pytest.approx(0.98)


def test_rayleigh_finds_a_grid() -> None:
    rng = random.Random(3)
    assert measures.rayleigh([rng.randrange(10_000) / 1000 for _ in range(500)], 1000.0) == pytest.approx(1.0)
    assert measures.rayleigh([rng.random() for _ in range(5000)], 1000.0) < 3 / math.sqrt(5000)


@pytest.mark.parametrize(
    ("negatives", "positives", "value"),
    [([1, 2], [3, 4], 1.0), ([3, 4], [1, 2], 0.0), ([1, 1], [1, 1], 0.5), ([1, 3], [2, 4], 0.75)],
)
def test_auc_by_hand(negatives: list[float], positives: list[float], value: float) -> None:
    assert measures.auc(negatives, positives) == value


def test_stratified_auc_compares_within_folds_only() -> None:
    folds = [([0.1, 0.2], [0.3, 0.4]), ([10.0], [20.0])]
    assert measures.stratified_auc(folds) == 1.0
    assert measures.auc([0.1, 0.2, 10.0], [0.3, 0.4, 20.0]) < 1.0


def test_auc_interval_covers_chance_and_not_a_difference() -> None:
    rng = random.Random(4)
    same = [([rng.gauss(0, 1) for _ in range(60)], [rng.gauss(0, 1) for _ in range(60)])]
    apart = [([rng.gauss(0, 1) for _ in range(60)], [rng.gauss(1, 1) for _ in range(60)])]
    low, high = measures.auc_interval(same, random.Random(1), 300)
    assert low < 0.5 < high
    assert measures.auc_interval(apart, random.Random(1), 300)[0] > 0.55


def test_auc_interval_is_wide_where_the_folds_disagree() -> None:
    folds = [([0.0] * 50, [1.0] * 50), ([1.0] * 50, [0.0] * 50)] * 2
    low, high = measures.auc_interval(folds, random.Random(1), 300)
    assert low < 0.1
    assert high > 0.9


def test_mutual_information_in_bits() -> None:
    assert measures.mutual_information([(0, "a"), (1, "b")] * 10) == pytest.approx(1.0)
    assert measures.mutual_information([(a, b) for a in (0, 1) for b in "xy"]) == 0.0
    assert measures.mutual_information([(0, "a"), (1, "a")]) == 0.0


def test_independence_p_is_small_only_for_dependent_pairs() -> None:
    rng = random.Random(5)
    chance = [(rng.randrange(2), rng.randrange(3)) for _ in range(500)]
    linked = [(a, b if rng.random() < 0.5 else a) for a, b in chance]
    assert measures.independence_p(chance) > 0.01
    assert measures.independence_p(linked) < 1e-6
    assert measures.independence_p([(0, "a"), (1, "a")]) == 1.0


def test_poisson_jsd_runs_from_nothing_to_one_bit() -> None:
    assert measures.poisson_jsd(55, 55) == pytest.approx(0.0, abs=1e-12)
    assert measures.poisson_jsd(5, 500) == pytest.approx(1.0, abs=1e-6)
    assert 0 < measures.poisson_jsd(55, 60) < 0.1


@pytest.mark.parametrize(("more", "seconds"), [(5, 42), (25, 1.9), (50, 0.55), (200, 0.048)])
def test_a_rate_change_is_seen_as_soon_as_walds_test_says(more: float, seconds: float) -> None:
    assert measures.rate_change_seconds(55, 55 + more, 1e-4) == pytest.approx(seconds, rel=0.1)
    assert measures.rate_change_seconds(55, 55, 1e-4) == math.inf


def test_slope_of_a_line_is_exact() -> None:
    line = measures.slope([(x, 3 + 2 * x) for x in range(10)])
    assert line.rise == pytest.approx(2.0)
    assert line.half_width == pytest.approx(0.0, abs=1e-6)


def test_slope_of_noise_includes_zero_and_of_growth_does_not() -> None:
    rng = random.Random(6)
    flat = [(float(x), rng.gauss(50, 1)) for x in range(200)]
    assert measures.slope(flat).includes_zero
    assert not measures.slope([(x, y + 0.1 * x) for x, y in flat]).includes_zero
    with pytest.raises(ValueError, match="four"):
        measures.slope(flat[:3])


def test_slope_interval_is_wider_where_neighbours_resemble_each_other() -> None:
    rng = random.Random(7)
    walk = [0.0]
    for _ in range(199):
        walk.append(0.9 * walk[-1] + rng.gauss(0, 1))
    shuffled = rng.sample(walk, len(walk))
    assert measures.slope(list(enumerate(walk))).half_width > 2 * measures.slope(list(enumerate(shuffled))).half_width


def test_quantile_interpolates() -> None:
    assert measures.quantile([4, 1, 3, 2], 0.5) == 2.5
    assert measures.quantile([1], 0.95) == 1
    low, high = measures.interval_of_median(list(range(101)), random.Random(1), 200)
    assert low < 50 < high
