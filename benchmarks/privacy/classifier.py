"""An observer who looks at one-second windows of a link and guesses whether its user is active.

Features are what timing shows: counts, gaps and their order, bursts, timer grids. The guesser is a random forest where
scikit-learn is installed (the dependency group `lab`), else a logistic regression over the features and their squares,
in plain Python; the forest finds more. Windows are judged by a classifier that was trained on other cycles of the run.
"""

import itertools
import math
import random
from collections.abc import Callable, Sequence

from benchmarks.privacy.measures import Fold, auc_interval, rayleigh, stratified_auc

try:
    from sklearn.ensemble import RandomForestClassifier
except ImportError:
    RandomForestClassifier = None

Vector = list[float]
Judge = Callable[[Sequence[Vector]], list[float]]
LARGE_FRAME = 1000  # bytes; acks are far below, data above
_STEPS, _RATE, _RIDGE = 300, 0.3, 0.01


def features(frames: Sequence[tuple[float, int]], start: float, end: float) -> Vector:
    """What one window [start, end) shows, from (time, size) of its frames."""
    times = [time for time, _ in frames]
    large = sum(size >= LARGE_FRAME for _, size in frames)
    gaps = [after - before for before, after in itertools.pairwise(times)]
    bins = [0] * 10
    for time in times:
        bins[min(int((time - start) / (end - start) * 10), 9)] += 1
    mean = len(times) / 10
    spread = sum((count - mean) ** 2 for count in bins) / 10
    grids = [rayleigh(times, frequency) * math.sqrt(len(times)) if times else 0.0 for frequency in (1000.0, 64.0)]
    return [
        float(large),
        float(len(times) - large),
        spread / mean if mean else 0.0,
        float(max(bins)),
        float(min(bins)),
        *_gap_features(gaps),
        *grids,
    ]


def _gap_features(gaps: Sequence[float]) -> Vector:
    if len(gaps) < 3:
        return [0.0] * 10
    ordered = sorted(gaps)
    count = len(gaps)
    mean = sum(gaps) / count
    deviation = math.sqrt(sum((gap - mean) ** 2 for gap in gaps) / count)
    neighbours = sum((a - mean) * (b - mean) for a, b in itertools.pairwise(gaps)) / (count * mean**2 + 1e-12)
    shares = [sum(gap < limit for gap in gaps) / count for limit in (0.0003, 0.001, 0.003)]
    return [
        deviation / mean if mean else 0.0,
        ordered[0],
        ordered[count // 4],
        ordered[count // 2],
        ordered[3 * count // 4],
        ordered[-1],
        neighbours,
        *shares,
    ]


def name() -> str:
    """Which guesser is in use."""
    return "random forest (scikit-learn)" if RandomForestClassifier else "logistic regression, own"


def activity_auc(idle: Sequence[Sequence[Vector]], active: Sequence[Sequence[Vector]], seed: int) -> dict[str, float]:
    """AUC with its 95 % interval and the number of windows; each argument holds one list of windows a cycle."""
    folds: list[Fold] = []
    for left_out in range(len(idle)):
        negatives = [window for cycle, windows in enumerate(idle) if cycle != left_out for window in windows]
        positives = [window for cycle, windows in enumerate(active) if cycle != left_out for window in windows]
        judge = train(negatives, positives, seed + left_out)
        folds.append((judge(idle[left_out]), judge(active[left_out])))
    low, high = auc_interval(folds, random.Random(seed))
    windows = sum(len(negatives) + len(positives) for negatives, positives in folds)
    return {"auc": stratified_auc(folds), "low": low, "high": high, "windows": windows}


def train(negatives: Sequence[Vector], positives: Sequence[Vector], seed: int) -> Judge:
    """A function from windows' features to scores that are higher for windows like the positives."""
    if RandomForestClassifier is None:
        return _logistic(negatives, positives)
    forest = RandomForestClassifier(n_estimators=300, min_samples_leaf=3, random_state=seed)
    forest.fit([*negatives, *positives], [0] * len(negatives) + [1] * len(positives))

    def judge(windows: Sequence[Vector]) -> list[float]:
        return [float(row[1]) for row in forest.predict_proba(windows)] if windows else []

    return judge


def _logistic(negatives: Sequence[Vector], positives: Sequence[Vector]) -> Judge:
    """Ridge-penalised logistic regression over standardised features and their squares, by plain gradient steps."""
    raw = [*negatives, *positives]
    means = [sum(column) / len(raw) for column in zip(*raw, strict=True)]
    spreads = [
        math.sqrt(sum((value - mean) ** 2 for value in column) / len(raw)) or 1.0
        for column, mean in zip(zip(*raw, strict=True), means, strict=True)
    ]

    def expand(window: Vector) -> Vector:
        values = [
            max(-4.0, min((value - mean) / spread, 4.0))
            for value, mean, spread in zip(window, means, spreads, strict=True)
        ]
        return [1.0, *values, *((value * value - 1) / 2 for value in values)]

    rows = [expand(window) for window in raw]
    labels = [0.0] * len(negatives) + [1.0] * len(positives)
    # Both classes weigh the same, however many windows each has.
    shares = [0.5 / len(negatives)] * len(negatives) + [0.5 / len(positives)] * len(positives)
    weights = [0.0] * len(rows[0])
    for _ in range(_STEPS):
        gradient = [_RIDGE * weight for weight in weights]
        for row, label, share in zip(rows, labels, shares, strict=True):
            error = (_sigmoid(_dot(weights, row)) - label) * share
            for index, value in enumerate(row):
                gradient[index] += error * value
        weights = [weight - _RATE * slope for weight, slope in zip(weights, gradient, strict=True)]
    return lambda windows: [_dot(weights, expand(window)) for window in windows]


def _dot(first: Sequence[float], second: Sequence[float]) -> float:
    return sum(a * b for a, b in zip(first, second, strict=True))


def _sigmoid(value: float) -> float:
    return 1 / (1 + math.exp(-max(-30.0, min(value, 30.0))))
