"""Plots are well-formed and show every series."""

from xml.etree import ElementTree

import pytest

from benchmarks.privacy.drawing import HEIGHT, WIDTH, interval_chart, line_chart

SVG = "{http://www.w3.org/2000/svg}"


def numbers(points: str) -> list[tuple[float, float]]:
    pairs = [pair.split(",") for pair in points.split()]
    return [(float(x), float(y)) for x, y in pairs]


def test_line_chart_draws_each_series_inside_the_page() -> None:
    root = ElementTree.fromstring(
        line_chart("a < b & c", "x", "y", [("one", [(0, 0), (1, 5)]), ("two", [(0, 1)])], [2])
    )
    lines = [numbers(line.attrib["points"]) for line in root.iter(f"{SVG}polyline")]
    assert [len(line) for line in lines] == [2, 1]
    assert all(0 <= x <= WIDTH and 0 <= y <= HEIGHT for line in lines for x, y in line)
    (low, high) = lines[0]
    assert low[0] < high[0]
    assert low[1] > high[1]
    texts = [text.text for text in root.iter(f"{SVG}text")]
    assert {"a < b & c", "one", "two", "x", "y"} <= set(texts)


def test_interval_chart_draws_a_bar_and_a_dot_for_each_row() -> None:
    root = ElementTree.fromstring(interval_chart("t", "AUC", [("a", 0.4, 0.5, 0.6), ("b", 0.9, 0.95, 1.0)], [0.5]))
    dots = [float(dot.attrib["cx"]) for dot in root.iter(f"{SVG}circle")]
    assert len(dots) == 2
    assert dots[0] < dots[1]
    assert len(list(root.iter(f"{SVG}line"))) == 3


@pytest.mark.parametrize("points", [[], [(1.0, 1.0)], [(0.0, 0.0), (0.0, 0.0)]])
def test_degenerate_data_still_draws(points: list[tuple[float, float]]) -> None:
    ElementTree.fromstring(line_chart("t", "x", "y", [("s", points)]))
    ElementTree.fromstring(interval_chart("t", "x", [(str(n), x, x, y) for n, (x, y) in enumerate(points)]))
