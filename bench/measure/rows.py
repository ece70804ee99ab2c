"""A row of the table: what was measured, against whom, and what it must reach."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

Round = Sequence[float]  # the samples that one program gave in its turn
Side = Literal["ours", "reference", "floor"]


def percentile(samples: Sequence[float], share: float) -> float:
    ordered = sorted(samples)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


@dataclass
class Measurement:
    """What one program needed, in rounds: the programs take turns, so that a noisy minute hits them all."""

    rounds: list[Round] = field(default_factory=list)

    @property
    def samples(self) -> list[float]:
        return [sample for turn in self.rounds for sample in turn]

    @property
    def median(self) -> float:
        return statistics.median(self.samples)

    @property
    def p99(self) -> float:
        return percentile(self.samples, 0.99)


@dataclass
class Bound:
    """One thing a row must reach."""

    text: str
    value: float
    limit: float
    less: bool  # `value` must not be more than `limit`; else not less

    @property
    def passed(self) -> bool:
        return self.value <= self.limit if self.less else self.value >= self.limit

    def as_json(self) -> dict:
        return {"text": self.text, "value": self.value, "limit": self.limit, "less": self.less, "passed": self.passed}


@dataclass
class Row:
    part: str
    name: str
    unit: str  # of the samples: "s" is shown as ms, "/s", "MiB"
    ours: Measurement = field(default_factory=Measurement)
    reference: Measurement = field(default_factory=Measurement)
    floor: Measurement = field(default_factory=Measurement)
    statistic: Literal["p50", "p99"] = "p50"
    faster: float | None = None  # than the reference, at least so many times
    near: float | None = None  # to the floor: a time at most so many times as long, a rate at least so much of it
    bounds: list[Bound] = field(default_factory=list)  # beyond these two

    @property
    def is_rate(self) -> bool:
        return self.unit == "/s"

    def value(self, side: Side) -> float | None:
        measured: Measurement = getattr(self, side)
        if not measured.samples:
            return None
        return measured.p99 if self.statistic == "p99" else measured.median

    def ratios(self, side: Side) -> list[float]:
        """Ours divided by the other's, round by round."""
        other: Measurement = getattr(self, side)
        return [
            statistics.median(mine) / statistics.median(its)
            for mine, its in zip(self.ours.rounds, other.rounds, strict=False)
            if mine and its
        ]

    def ratio(self, side: Side) -> float | None:
        """Ours divided by the other's."""
        if self.value(side) is None:
            return None
        if self.statistic == "p99":
            return self.value("ours") / self.value(side)
        return statistics.median(self.ratios(side))

    def speedup(self) -> float | None:
        ratio = self.ratio("reference")
        return ratio if ratio is None or self.is_rate else 1 / ratio

    def noise(self, side: Side) -> float:
        """How far the ratio moves from round to round, relative to itself; half of the middle half's width."""
        ratios = self.ratios(side)
        if len(ratios) < 4:
            return 0.1
        quarters = statistics.quantiles(ratios, n=4)
        return (quarters[2] - quarters[0]) / 2 / statistics.median(ratios)

    def all_bounds(self) -> list[Bound]:
        found = []
        if self.faster is not None and self.speedup() is not None:
            found.append(Bound("× the reference", self.speedup(), self.faster, less=False))
        if self.near is not None and self.ratio("floor") is not None:
            found.append(Bound("of the floor", self.ratio("floor"), self.near, less=not self.is_rate))
        return found + self.bounds

    def as_json(self) -> dict:
        sides = {}
        for side in ("ours", "reference", "floor"):
            measured: Measurement = getattr(self, side)
            if measured.samples:
                sides[side] = {"p50": measured.median, "p99": measured.p99, "samples": len(measured.samples)}
        return {
            "part": self.part,
            "name": self.name,
            "unit": self.unit,
            "statistic": self.statistic,
            **sides,
            "times_reference": self.speedup(),
            "of_floor": self.ratio("floor"),
            "noise": {side: self.noise(side) for side in ("reference", "floor") if self.ratio(side) is not None},
            "bounds": [bound.as_json() for bound in self.all_bounds()],
        }
