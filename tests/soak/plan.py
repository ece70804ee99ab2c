"""What a run is to be like."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Plan:
    events: int = 10_000
    seconds: float = 600  # over which they are sent, and over which things fail
    kills: int = 50
    broker_restarts: int = 2
    cuts: int = 4
    slowdowns: int = 4
    partitions: int = 6
    supervisors: int = 3
    poison: float = 0.02  # of the events
    token_gaps: tuple[float, ...] = (5, 8, 8, 25)  # between two tokens of 20 s; the last one is too long
    patience: float = 240  # for what is left, once nothing fails any more
    seed: int = 0

    @property
    def poisons(self) -> int:
        return max(5, int(self.events * self.poison))


SHORT = Plan(
    events=300, seconds=12, kills=4, broker_restarts=1, cuts=1, slowdowns=1, token_gaps=(3, 5), patience=60
)

# One answer in five is none that GraceDB should have given.
FAULTS = (
    "503:0.04@upload",
    "503+retry-after=1:0.03@upload",
    "429+retry-after=1:0.03@upload",
    "500:0.03@upload",
    "hang:0.02@upload",
    "hang-up:0.03@upload",
    "drop-answer:0.02@upload",
)
