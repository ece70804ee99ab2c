"""Samples, ratios and bounds, and the table that shows them."""

import dataclasses
import statistics
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

PROGRAMS = ("ours", "baseline", "reference")
HEADER = ["work", *PROGRAMS, "ours / baseline", "reference / ours", "bounds"]
BEGIN, END = "<!-- table: written by ./dev bench -->\n", "<!-- end of table -->"
Work = Mapping[str, Callable[[], Sequence[float]]]  # what each program does in its turn; returns samples


@dataclasses.dataclass
class Row:
    """One line of the table. A sample is a cost, so that less is better: seconds, or MiB."""

    name: str
    unit: str = "ms"  # how a cost is shown: "ms", "MiB", or "/s" for its inverse
    at_most: float | None = None  # bound of ours / baseline
    at_least: float | None = None  # bound of reference / ours
    percentile: int = 50
    rounds: dict[str, list[Sequence[float]]] = dataclasses.field(default_factory=lambda: defaultdict(list))

    def value(self, name: str) -> float:
        samples = sorted(sample for each in self.rounds[name] for sample in each)
        return statistics.median(samples) if self.percentile == 50 else samples[len(samples) * self.percentile // 100]

    def ratio(self, numerator: str, denominator: str) -> float:
        """The median of the ratios of all rounds; of a percentile the ratio over all samples; 0 without samples.

        It is rounded as it is shown, so that the table and the bound never disagree.
        """
        if not self.rounds[numerator] or not self.rounds[denominator]:
            return 0
        if self.percentile != 50:
            return round(self.value(numerator) / self.value(denominator), 2)
        pairs = zip(self.rounds[numerator], self.rounds[denominator], strict=True)
        return round(statistics.median(statistics.median(a) / statistics.median(b) for a, b in pairs), 2)

    def holds(self) -> bool:
        return (self.at_most is None or self.ratio("ours", "baseline") <= self.at_most) and (
            self.at_least is None or self.ratio("reference", "ours") >= self.at_least
        )

    def cells(self) -> list[str]:
        ratios = [
            _shown_ratio(self.ratio("ours", "baseline"), "≤", self.at_most),
            _shown_ratio(self.ratio("reference", "ours"), "≥", self.at_least),
        ]
        bounded = self.at_most is not None or self.at_least is not None
        return [
            self.name,
            *map(self._shown_value, PROGRAMS),
            *ratios,
            "–" if not bounded else "hold" if self.holds() else "exceeded",
        ]

    def _shown_value(self, name: str) -> str:
        if not self.rounds[name]:
            return "–"
        cost = self.value(name)
        number = {"ms": cost * 1000, "MiB": cost, "/s": 1 / cost}[self.unit]
        return (f"{number:.3g} " if number < 1000 else f"{number:,.0f} ") + self.unit


def _shown_ratio(ratio: float, sign: str, bound: float | None) -> str:
    return "–" if not ratio else f"{ratio:.2f}" if bound is None else f"{ratio:.2f} ({sign} {bound:g})"


def alternate(row: Row, rounds: int, work: Work) -> None:
    """Runs each program once per round and keeps its samples.

    Each round starts with the next program. A fifth more rounds come first and warm everything up.
    """
    names = list(work)
    for number in range(-max(1, rounds // 5), rounds):
        first = number % len(names)
        for name in names[first:] + names[:first]:
            samples = work[name]()
            if number >= 0:
                row.rounds[name].append(samples)


def as_markdown(rows: Sequence[Row]) -> str:
    lines = [HEADER, *(row.cells() for row in rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    ruler = ["-" * widths[0], *("-" * (width - 1) + ":" for width in widths[1:])]
    padded = [[line[0].ljust(widths[0]), *map(str.rjust, line[1:], widths[1:])] for line in lines]
    return "\n".join("| " + " | ".join(line) + " |" for line in [padded[0], ruler, *padded[1:]])


def write(page: Path, text: str) -> None:
    """Replaces the text between the two markers of the page."""
    before, rest = page.read_text().split(BEGIN)
    page.write_text(before + BEGIN + text + "\n" + END + rest.split(END)[1])
