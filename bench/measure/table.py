"""The table as text and as Markdown."""

from collections.abc import Iterable, Sequence

HEADER = ("work", "ours", "reference", "floor", "× reference", "of floor", "")


def _three_digits(value: float) -> str:
    return f"{value:.3g}" if value < 1000 else f"{value:,.0f}"


def amount(row: dict, side: str) -> str:
    if side not in row:
        return "–"
    value = row[side][row["statistic"]]
    if row["unit"] == "s":
        return f"{_three_digits(value * 1000)} ms" if value >= 1e-3 else f"{value * 1e6:.0f} µs"
    return f"{value:,.0f}/s" if row["unit"] == "/s" else f"{value:.0f} {row['unit']}"


def _limit(bound: dict, digits: str) -> str:
    sign = "≤" if bound["less"] else "≥"
    return f"{bound['value']:{digits}} ({sign} {bound['limit']:g})"


def _ratio(row: dict, name: str, text: str) -> str:
    for bound in row["bounds"]:
        if bound["text"] == text:
            return _limit(bound, ".1f" if name == "times_reference" else ".2f")
    value = row[name]
    return "–" if value is None else f"{value:.1f}" if name == "times_reference" else f"{value:.2f}"


def _further(bound: dict) -> str:
    sign = "≤" if bound["less"] else "≥"
    if bound["text"].startswith("s"):
        what = bound["text"].lstrip("s").lstrip("; ").strip()
        return f"{bound['value'] * 1000:.1f} ms ({sign} {bound['limit'] * 1000:g} ms: {what})"
    return f"{_three_digits(bound['value'])} ({sign} {bound['limit']:,g} {bound['text']})"


def verdict(row: dict) -> str:
    if not row["bounds"]:
        return ""
    further = [_further(b) for b in row["bounds"] if b["text"] not in ("× the reference", "of the floor")]
    state = "pass" if all(bound["passed"] for bound in row["bounds"]) else "short"
    return "; ".join([state, *further])


def cells(row: dict) -> tuple[str, ...]:
    return (
        row["name"],
        *(amount(row, side) for side in ("ours", "reference", "floor")),
        _ratio(row, "times_reference", "× the reference"),
        _ratio(row, "of_floor", "of the floor"),
        verdict(row),
    )


def as_text(rows: Iterable[dict]) -> str:
    lines = [HEADER, *(cells(row) for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(HEADER))]
    return "\n".join(_padded(line, widths) for line in lines)


def _padded(line: Sequence[str], widths: Sequence[int]) -> str:
    first, *rest = (cell.rjust(width) for cell, width in zip(line, widths, strict=True))
    return "  ".join([line[0].ljust(widths[0]), *rest[:-1], line[-1]]).rstrip()


def as_markdown(rows: Iterable[dict]) -> str:
    lines = ["| " + " | ".join(HEADER) + " |", "|---|--:|--:|--:|--:|--:|---|"]
    lines += ["| " + " | ".join(cells(row)) + " |" for row in rows]
    return "\n".join(lines)


def two_columns(rows: Iterable[dict]) -> str:
    """Rows without anybody to compare with."""
    lines = ["| work | |", "|---|--:|", *(f"| {row['name']} | {amount(row, 'ours')} |" for row in rows)]
    return "\n".join(lines)
