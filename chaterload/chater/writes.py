"""How many writes were acknowledged, how many of them were looked for, and how many showed. Pure."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field

KINDS = ("dishes", "modifies", "weights", "deletes")


@dataclass
class Tally:
    """The writes of one kind. `seen` never exceeds `looked`, nor `looked` `acknowledged`."""

    acknowledged: int = 0
    looked: int = 0
    seen: int = 0
    late: int = 0
    """Seen, but not at the first look."""
    latest_ms: float = 0.0
    """The longest time from an acknowledgement to the later look that found the write."""

    def found(self, late_ms: float | None = None) -> None:
        """A look found the write, `late_ms` after its acknowledgement where an earlier look had not."""
        self.looked += 1
        self.seen += 1
        if late_ms is not None:
            self.late += 1
            self.latest_ms = max(self.latest_ms, late_ms)

    def lost(self) -> None:
        """The last look that the write was given did not find it."""
        self.looked += 1

    def add(self, other: "Tally") -> None:
        self.acknowledged += other.acknowledged
        self.looked += other.looked
        self.seen += other.seen
        self.late += other.late
        self.latest_ms = max(self.latest_ms, other.latest_ms)


@dataclass
class Writes:
    """A tally for each kind of write; adds up over workers."""

    dishes: Tally = field(default_factory=Tally)
    modifies: Tally = field(default_factory=Tally)
    weights: Tally = field(default_factory=Tally)
    deletes: Tally = field(default_factory=Tally)

    def items(self) -> Iterable[tuple[str, Tally]]:
        return ((kind, getattr(self, kind)) for kind in KINDS)

    def missing(self) -> list[str]:
        """What was acknowledged, looked for and not there, a sentence a kind: whoever loses data passes no test."""
        missing = {kind: tally.looked - tally.seen for kind, tally in self.items()}
        what = {"deletes": "came back"}
        return [
            f"{count} of the acknowledged {kind} {what.get(kind, 'never showed')}"
            for kind, count in missing.items()
            if count
        ]

    def add(self, other: "Writes") -> None:
        for kind, tally in self.items():
            tally.add(getattr(other, kind))

    def reset(self) -> None:
        for kind in KINDS:
            setattr(self, kind, Tally())

    def to_dict(self) -> dict[str, dict[str, float]]:
        return asdict(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, Mapping[str, float]]) -> "Writes":
        return cls(**{kind: Tally(**data[kind]) for kind in KINDS})  # type: ignore[arg-type]  # ints stay ints


@dataclass(frozen=True)
class Today:
    """What a look at an account found."""

    calories: Mapping[int, int]
    """Of each listed dish, by its time in epoch milliseconds."""
    weight: float
    """In kg; 0 when the account has none."""


@dataclass(eq=False)
class Claim:
    """An acknowledged write and how today's list must show it."""

    tally: Tally
    since: float
    """Monotonic seconds of the acknowledgement."""
    shows: Callable[[Today], bool]
    """Whether a list shows it."""
    can_tell: Callable[[], bool] = lambda: True
    """False when nobody can: near midnight, or when someone else may have written over it."""
    settled: bool = False
    lost: bool = False

    def judge(self, today: Today, asked: float, *, last: bool) -> bool:
        """Settle by a list that was asked for at `asked` (monotonic seconds) if it can. True when the write is lost."""
        if not self.can_tell():
            self.settled = True
        elif self.shows(today):
            self.settled = True
            self.tally.found((asked - self.since) * 1000 if last else None)
        elif last:
            self.settled = self.lost = True
            self.tally.lost()
        return self.lost
