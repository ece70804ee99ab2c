"""A picture of the table: each row's ours and floor beside the reference, which is 1, on a logarithmic scale."""

from math import ceil, floor, log10
from xml.sax.saxutils import escape

WIDTH, LEFT, RIGHT, TOP, STEP = 980, 430, 40, 64, 26
COLOURS = {"ours": "#1f6feb", "floor": "#6e7781", "reference": "#bf8700"}


def relative(row: dict) -> dict[str, float]:
    """How much of the reference's time, or memory, each takes; of a rate the inverse."""
    values = {side: row[side][row["statistic"]] for side in COLOURS if side in row}
    if row["unit"] == "/s":
        return {side: values["reference"] / value for side, value in values.items()}
    return {side: value / values["reference"] for side, value in values.items()}


def as_svg(rows: list[dict]) -> str:
    rows = [row for row in rows if "reference" in row]
    points = [relative(row) for row in rows]
    low = floor(log10(min(min(each.values()) for each in points)))
    high = max(0, ceil(log10(max(max(each.values()) for each in points)) - 0.01))
    height = TOP + STEP * len(rows) + 40

    def x(value: float) -> float:
        return LEFT + (log10(value) - low) / (high - low) * (WIDTH - LEFT - RIGHT)

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" '
        'font-family="system-ui, sans-serif" font-size="13">',
        '<rect width="100%" height="100%" fill="#ffffff"/>',
        f'<text x="{LEFT}" y="22" fill="#1f2328">Part of the reference’s time or memory; further left is better</text>',
    ]
    for power in range(low, high + 1):
        at = x(10.0**power)
        label = f"{10.0**power:g}"
        parts.append(f'<line x1="{at:.1f}" y1="{TOP - 14}" x2="{at:.1f}" y2="{height - 30}" stroke="#d1d9e0"/>')
        parts.append(f'<text x="{at:.1f}" y="{TOP - 20}" text-anchor="middle" fill="#59636e">{label}</text>')
    for number, (row, point) in enumerate(zip(rows, points, strict=True)):
        y = TOP + STEP * number + 8
        parts.append(f'<text x="12" y="{y + 4}" fill="#1f2328">{escape(row["name"])}</text>')
        ends = sorted(x(value) for value in point.values())
        parts.append(f'<line x1="{ends[0]:.1f}" y1="{y}" x2="{ends[-1]:.1f}" y2="{y}" stroke="#d1d9e0" stroke-width="2"/>')
        parts += [_mark(side, x(point[side]), y) for side in ("reference", "floor", "ours") if side in point]
    parts.append(_legend(height - 10))
    return "\n".join([*parts, "</svg>"]) + "\n"


def _mark(side: str, at: float, y: float) -> str:
    colour = COLOURS[side]
    if side == "floor":
        return f'<line x1="{at:.1f}" y1="{y - 8}" x2="{at:.1f}" y2="{y + 8}" stroke="{colour}" stroke-width="3"/>'
    return f'<circle cx="{at:.1f}" cy="{y}" r="5.5" fill="{colour}"/>'


def _legend(y: float) -> str:
    words = []
    for number, side in enumerate(("ours", "floor", "reference")):
        at = LEFT + 110 * number
        words.append(_mark(side, at, y - 4))
        words.append(f'<text x="{at + 12}" y="{y}" fill="#1f2328">{side}</text>')
    return "\n".join(words)
