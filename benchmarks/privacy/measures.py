"""The statistics of the privacy benchmarks, in plain Python: tests of Poisson gaps, AUC, information, drift.

Samples are sequences of floats, times in seconds. Nothing here reads a clock; where chance is needed, `rng` is an
argument, so that an evaluation can be repeated.
"""

import bisect
import math
import random
from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass

# --- is it a Poisson process? -----------------------------------------------------------------------------------


def ks_exponential(gaps: Sequence[float], rate: float) -> float:
    """Kolmogorov-Smirnov distance of `gaps` from the exponential distribution with `rate`."""
    count, distance = len(gaps), 0.0
    for rank, gap in enumerate(sorted(gaps)):
        expected = -math.expm1(-rate * gap)
        distance = max(distance, expected - rank / count, (rank + 1) / count - expected)
    return distance


def ks_two_sample(first: Sequence[float], second: Sequence[float]) -> tuple[float, float]:
    """Distance of two samples, and how likely one that large is if both come from one distribution."""
    a, b = sorted(first), sorted(second)
    distance = max(abs(bisect.bisect_right(a, x) / len(a) - bisect.bisect_right(b, x) / len(b)) for x in (*a, *b))
    return distance, kolmogorov_p(distance, len(a) * len(b) / (len(a) + len(b)))


def kolmogorov_p(distance: float, count: float) -> float:
    """Chance of a larger distance at `count` values (Kolmogorov's series with the correction of Stephens, 1970)."""
    root = math.sqrt(count)
    scaled = (root + 0.12 + 0.11 / root) * distance
    if scaled < 0.2:
        return 1.0  # the series needs too many terms there
    terms = (math.exp(-2 * (k * scaled) ** 2) * (1 if k % 2 else -1) for k in range(1, 101))
    return min(max(2 * sum(terms), 0.0), 1.0)


def pit_chi_square(gaps: Sequence[float], rate: float, bins: int = 50) -> tuple[float, float]:
    """Chi-square of the probability integral transform over equal bins, and its p-value (bins - 1 degrees)."""
    counts = [0] * bins
    for gap in gaps:
        counts[min(int(-math.expm1(-rate * gap) * bins), bins - 1)] += 1
    expected = len(gaps) / bins
    statistic = sum((count - expected) ** 2 / expected for count in counts)
    return statistic, chi_square_p(statistic, bins - 1)


def chi_square_p(statistic: float, degrees: int) -> float:
    """Upper tail of the chi-square distribution: the regularised incomplete gamma function Q(degrees/2, x/2)."""
    shape, x = degrees / 2, statistic / 2
    if x <= 0:
        return 1.0
    front = math.exp(-x + shape * math.log(x) - math.lgamma(shape))
    return min(1 - front * _gamma_series(shape, x), 1.0) if x < shape + 1 else front * _gamma_fraction(shape, x)


def _gamma_series(shape: float, x: float) -> float:
    term = total = 1 / shape
    denominator = shape
    while term > total * 1e-15:
        denominator += 1
        term *= x / denominator
        total += term
    return total


def _gamma_fraction(shape: float, x: float) -> float:
    """Lentz's method for the continued fraction."""
    tiny = 1e-300
    b = x + 1 - shape
    c, d = 1 / tiny, 1 / b
    value = d
    for i in range(1, 1000):
        a = -i * (i - shape)
        b += 2
        d = 1 / (a * d + b or tiny)
        c = b + a / c or tiny
        value *= d * c
        if abs(d * c - 1) < 1e-15:
            break
    return value


def dispersion(spans: Iterable[tuple[Sequence[float], float, float]], window: float) -> tuple[float, int]:
    """Variance over mean of the counts in windows of `window` seconds, and the number of windows; 1 for Poisson.

    A span is (times, start, end); windows are cut from its start, the rest is left out. NaN below two windows.
    """
    counts: list[int] = []
    for times, start, end in spans:
        counts += window_counts(times, start, end, window)
    mean = sum(counts) / len(counts) if counts else 0.0
    if len(counts) < 2 or mean == 0:
        return math.nan, len(counts)
    return sum((count - mean) ** 2 for count in counts) / (len(counts) - 1) / mean, len(counts)


def window_counts(times: Sequence[float], start: float, end: float, window: float) -> list[int]:
    """Events in each whole window of [start, end)."""
    counts = [0] * int((end - start) / window + 1e-9)
    for time in times:
        index = int((time - start) / window)
        if 0 <= index < len(counts):
            counts[index] += 1
    return counts


def autocorrelation(values: Sequence[float], lag: int) -> float:
    """Sample autocorrelation at `lag`."""
    mean = sum(values) / len(values)
    centred = [value - mean for value in values]
    return sum(a * b for a, b in zip(centred, centred[lag:], strict=False)) / sum(a * a for a in centred)


def rayleigh(times: Iterable[float], frequency: float) -> float:
    """Length of the mean of exp(2πi f t): near 0 without a timer grid of `frequency` Hz, 1 on it."""
    angles = [2 * math.pi * math.fmod(time * frequency, 1.0) for time in times]
    return math.hypot(sum(map(math.cos, angles)), sum(map(math.sin, angles))) / len(angles)


# --- what does an observer learn? -------------------------------------------------------------------------------


def auc(negatives: Sequence[float], positives: Sequence[float]) -> float:
    """Chance that a positive scores above a negative, ties half (Mann-Whitney)."""
    ordered = sorted(negatives)
    wins = sum(bisect.bisect_left(ordered, score) + bisect.bisect_right(ordered, score) for score in positives)
    return wins / 2 / (len(negatives) * len(positives))


Fold = tuple[Sequence[float], Sequence[float]]  # scores of the negatives, and of the positives


def stratified_auc(folds: Sequence[Fold]) -> float:
    """AUC over pairs within one fold only: scores of different classifiers are not on one scale."""
    weights = [len(negatives) * len(positives) for negatives, positives in folds]
    return sum(auc(*fold) * weight for fold, weight in zip(folds, weights, strict=True) if weight) / sum(weights)


def auc_interval(folds: Sequence[Fold], rng: random.Random, resamples: int = 1000) -> tuple[float, float]:
    """95 % bootstrap interval of `stratified_auc`: folds are drawn anew, and windows within each fold and class.

    The folds too, because windows of one fold share a classifier and whatever else went on at that time.
    """
    drawn = sorted(
        stratified_auc(
            [
                (_resample(negatives, rng), _resample(positives, rng))
                for negatives, positives in rng.choices(folds, k=len(folds))
            ]
        )
        for _ in range(resamples)
    )
    return drawn[int(0.025 * resamples)], drawn[int(0.975 * resamples)]


def _resample(values: Sequence[float], rng: random.Random) -> list[float]:
    return rng.choices(values, k=len(values)) if values else []


def mutual_information(pairs: Sequence[tuple[Hashable, Hashable]]) -> float:
    """Bits that one part of a pair tells about the other, from the observed shares (biased upwards by chance)."""
    total = len(pairs)
    joint, left, right = Counter(pairs), Counter(a for a, _ in pairs), Counter(b for _, b in pairs)
    bits = sum(
        count / total * math.log2(count * total / (left[first] * right[second]))
        for (first, second), count in joint.items()
    )
    return max(bits, 0.0)


def independence_p(pairs: Sequence[tuple[Hashable, Hashable]]) -> float:
    """Chance of at least the observed mutual information if the parts are independent (G-test)."""
    degrees = (len({a for a, _ in pairs}) - 1) * (len({b for _, b in pairs}) - 1)
    return chi_square_p(2 * len(pairs) * math.log(2) * mutual_information(pairs), degrees) if degrees else 1.0


def poisson_jsd(first: float, second: float) -> float:
    """Jensen-Shannon divergence in bits of two Poisson counts with these means: what one window tells, at best."""
    most = int(max(first, second) + 12 * math.sqrt(max(first, second)) + 20)
    bits = 0.0
    for count in range(most):
        p, q = _poisson(count, first), _poisson(count, second)
        middle = (p + q) / 2
        bits += sum(x / 2 * math.log2(x / middle) for x in (p, q) if x > 0)
    return min(max(bits, 0.0), 1.0)


def _poisson(count: int, mean: float) -> float:
    return math.exp(count * math.log(mean) - mean - math.lgamma(count + 1)) if mean > 0 else float(count == 0)


def rate_change_seconds(before: float, after: float, alpha: float) -> float:
    """Expected seconds until a sequential test sees a Poisson rate change from `before` to `after`; inf if none."""
    per_second = (after * math.log(after / before) if after else 0.0) - (after - before)
    return math.log(1 / alpha) / per_second if per_second > 1e-12 else math.inf


# --- does it grow? ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Slope:
    """A straight line through samples: its rise per unit of x, and half the width of the 95 % interval of that."""

    rise: float
    half_width: float

    @property
    def includes_zero(self) -> bool:
        return abs(self.rise) <= self.half_width


def slope(points: Sequence[tuple[float, float]]) -> Slope:
    """Least squares. The interval is widened for neighbouring samples that resemble each other (lag 1)."""
    count = len(points)
    if count < 4:
        raise ValueError("a slope needs at least four samples")
    mean_x, mean_y = sum(x for x, _ in points) / count, sum(y for _, y in points) / count
    spread = sum((x - mean_x) ** 2 for x, _ in points)
    rise = sum((x - mean_x) * (y - mean_y) for x, y in points) / spread
    rest = [y - mean_y - rise * (x - mean_x) for x, y in points]
    variance = sum(r * r for r in rest) / (count - 2)
    if variance < 1e-24:
        return Slope(rise, 0.0)
    memory = min(max(autocorrelation(rest, 1), 0.0), 0.98)
    effective = max(count * (1 - memory) / (1 + memory), 4.0)
    deviation = math.sqrt(variance / spread * count / effective)
    return Slope(rise, _t_975(effective - 2) * deviation)


def _t_975(degrees: float) -> float:
    """97.5 % point of Student's t (Cornish-Fisher expansion; 1 % high at two degrees or better above)."""
    z = 1.959964
    terms = (
        (z**3 + z) / 4,
        (5 * z**5 + 16 * z**3 + 3 * z) / 96,
        (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384,
        (79 * z**9 + 776 * z**7 + 1482 * z**5 - 1920 * z**3 - 945 * z) / 92160,
    )
    return z + sum(term / degrees ** (power + 1) for power, term in enumerate(terms))


def quantile(values: Sequence[float], share: float) -> float:
    """The value below which `share` of the sample lies, interpolated."""
    ordered = sorted(values)
    place = share * (len(ordered) - 1)
    low = int(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (place - low)


def interval_of_median(values: Sequence[float], rng: random.Random, resamples: int = 1000) -> tuple[float, float]:
    """95 % bootstrap interval."""
    return bootstrap(values, lambda sample: quantile(sample, 0.5), rng, resamples)


def bootstrap(
    values: Sequence[float], statistic: Callable[[Sequence[float]], float], rng: random.Random, resamples: int = 1000
) -> tuple[float, float]:
    """95 % percentile interval of `statistic`."""
    drawn = sorted(statistic(rng.choices(values, k=len(values))) for _ in range(resamples))
    return drawn[int(0.025 * resamples)], drawn[int(0.975 * resamples)]
