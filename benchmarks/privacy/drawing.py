"""A small writer of SVG plots: lines over two axes, and intervals in rows. No library needed, readable as text."""

from collections.abc import Sequence
from html import escape

COLOURS = ("#1b6ca8", "#d1495b", "#3a7d44", "#e09f3e", "#6a4c93", "#555555", "#0f9b8e", "#a44a3f")
WIDTH, HEIGHT = 760, 420
LEFT, RIGHT, TOP, BOTTOM = 70, 180, 40, 50
ROW = 22
_DASHED = 'stroke="#999" stroke-dasharray="5 4"'

Points = Sequence[tuple[float, float]]


def line_chart(
    title: str, x_label: str, y_label: str, series: Sequence[tuple[str, Points]], marks: Sequence[float] = ()
) -> str:
    """An SVG document: one line for each (name, points), and a dashed horizontal line at each of `marks`."""
    xs = [x for _, points in series for x, _ in points] or [0.0]
    ys = [*(y for _, points in series for _, y in points), *marks] or [0.0]
    across = _Scale(min(xs), max(xs), LEFT, WIDTH - RIGHT)
    up = _Scale(min(ys), max(ys), HEIGHT - BOTTOM, TOP)
    body = [*_frame(title, x_label, y_label, across, up, HEIGHT)]
    body += [_line(LEFT, up(y), WIDTH - RIGHT, up(y), _DASHED) for y in marks]
    for number, (name, points) in enumerate(series):
        colour = COLOURS[number % len(COLOURS)]
        path = " ".join(f"{across(x):.1f},{up(y):.1f}" for x, y in points)
        body.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="1.5"/>')
        body.append(_text(WIDTH - RIGHT + 12, TOP + 14 + 18 * number, name, colour))
    return _document(HEIGHT, body)


def interval_chart(
    title: str, x_label: str, rows: Sequence[tuple[str, float, float, float]], marks: Sequence[float] = ()
) -> str:
    """An SVG document: for each (name, low, middle, high) a bar with a dot, and a dashed vertical line at `marks`."""
    left, height = 250, TOP + BOTTOM + ROW * max(len(rows), 1)
    values = [*(value for row in rows for value in row[1:]), *marks] or [0.0]
    across = _Scale(min(values), max(values), left, WIDTH - 40)
    body = [_text(left, 22, title, "#111"), _text(left, height - 10, x_label, "#111")]
    body += [_text(across(tick), height - 28, f"{tick:.3g}", "#555", "middle") for tick in across.ticks()]
    body += [_line(across(x), TOP, across(x), height - BOTTOM, _DASHED) for x in marks]
    for number, (name, low, middle, high) in enumerate(rows):
        y, colour = TOP + ROW * number + ROW / 2, COLOURS[number % len(COLOURS)]
        body.append(_text(left - 10, y + 4, name, "#111", "end"))
        body.append(_line(across(low), y, across(high), y, f'stroke="{colour}" stroke-width="3"'))
        body.append(f'<circle cx="{across(middle):.1f}" cy="{y}" r="4" fill="{colour}"/>')
    return _document(height, body)


class _Scale:
    """From data to pixels, with a little room at both ends."""

    def __init__(self, low: float, high: float, start: float, end: float) -> None:
        room = (high - low) * 0.04 or abs(high) * 0.05 or 1.0
        self._low, self._high = low - room, high + room
        self._start, self._end = start, end

    def __call__(self, value: float) -> float:
        share = (value - self._low) / (self._high - self._low)
        return self._start + share * (self._end - self._start)

    def ticks(self) -> list[float]:
        return [self._low + (self._high - self._low) * step / 5 for step in range(6)]


def _frame(title: str, x_label: str, y_label: str, across: _Scale, up: _Scale, height: int) -> list[str]:
    return [
        _text(LEFT, 22, title, "#111"),
        _text((LEFT + WIDTH - RIGHT) / 2, height - 10, x_label, "#111", "middle"),
        f'<text transform="translate(16 {height / 2}) rotate(-90)" text-anchor="middle">{escape(y_label)}</text>',
        f'<rect x="{LEFT}" y="{TOP}" width="{WIDTH - RIGHT - LEFT}" height="{height - BOTTOM - TOP}" '
        'fill="none" stroke="#333"/>',
        *(_text(across(tick), height - BOTTOM + 16, f"{tick:.3g}", "#555", "middle") for tick in across.ticks()),
        *(_text(LEFT - 6, up(tick) + 4, f"{tick:.3g}", "#555", "end") for tick in up.ticks()),
    ]


def _line(x1: float, y1: float, x2: float, y2: float, style: str) -> str:
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" {style}/>'


def _text(x: float, y: float, text: str, colour: str, anchor: str = "start") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" fill="{colour}" text-anchor="{anchor}">{escape(text)}</text>'


def _document(height: float, body: Sequence[str]) -> str:
    lines = "\n".join(body)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" font-family="sans-serif" '
        f'font-size="12">\n<rect width="100%" height="100%" fill="white"/>\n{lines}\n</svg>\n'
    )
