"""How much is measured."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Effort:
    """`share` of the full number of rounds and samples."""

    share: float = 1.0

    def rounds(self, full: int) -> int:
        return max(3, round(full * self.share))

    def count(self, full: int, least: int = 1) -> int:
        return max(least, round(full * self.share))


FULL = Effort()
QUICK = Effort(0.25)
