"""What a story tells when it is over."""

from dataclasses import dataclass, field
from decimal import Decimal

from mobile_stub.storage import Json
from mobile_stub.story.calendar import Year


@dataclass(slots=True)
class SentFile:
    """A file, what its first sending made, and what a second one did."""

    what: str
    name: str
    first: Json
    again: Json | None = None


@dataclass(slots=True)
class Question:
    """What was asked, how often, and what the person said; `why` is what a person would add."""

    asked: str
    answer: str
    why: str
    times: int = 0
    settled: int = 0
    """Others that the same answer settled."""


@dataclass(frozen=True, slots=True)
class Source:
    """Counted records of one origin. `example` is one of them with its arithmetic."""

    name: str
    records: int
    grams: int
    example: Json


@dataclass(frozen=True, slots=True)
class Check:
    name: str
    figure: str
    ok: bool


@dataclass(slots=True)
class Story:
    """`months` are footprints by the first day of the month, `whole` is that of all days together."""

    person: str
    region: str
    year: Year
    files: list[SentFile] = field(default_factory=list)
    meals: int = 0
    questions: list[Question] = field(default_factory=list)
    activities: list[Json] = field(default_factory=list)
    months: dict[str, Json] = field(default_factory=dict)
    whole: Json = field(default_factory=dict)
    goal: int = 0
    week_total: int = 0
    """Grams of the running week, as viewer.footprint has them."""
    pace: Json = field(default_factory=dict)
    advice: list[Json] = field(default_factory=list)
    checks: list[Check] = field(default_factory=list)
    fed: dict[str, Decimal] = field(default_factory=dict)
    """What the meters' files hold, by factor id, in its unit."""

    @property
    def counted(self) -> list[Json]:
        return [activity for activity in self.activities if activity["status"] == "COUNTED"]

    @property
    def categories(self) -> list[str]:
        """The largest first."""
        shown = sorted(self.whole["byCategory"], key=lambda entry: -entry["total"])
        return [entry["category"] for entry in shown if entry["total"]]

    def of_month(self, first: str, category: str) -> int:
        parts = self.months[first]["byCategory"]
        return next((entry["total"] for entry in parts if entry["category"] == category), 0)

    @property
    def failures(self) -> list[str]:
        return [f"{check.name}: {check.figure}" for check in self.checks if not check.ok]


METER_NAMES = {"energy.natural_gas.therm": "Gas meter"}
NAMES = {
    "METER": "Electricity meter",
    "PHONE": "Journeys",
    "BANK": "Card payments",
    "DEVICE": "Car charging",
    "MANUAL": "Meals by hand",
}


def sources_of(counted: list[Json]) -> list[Source]:
    """By where they came from; the example is the record in the middle by grams."""
    groups: dict[str, list[Json]] = {}
    for activity in counted:
        groups.setdefault(METER_NAMES.get(activity["activity"], NAMES[activity["source"]]), []).append(activity)
    return [
        Source(
            name,
            len(group),
            sum(activity["emissions"] for activity in group),
            sorted(group, key=lambda activity: (activity["emissions"], activity["id"]))[len(group) // 2],
        )
        for name, group in sorted(groups.items(), key=lambda entry: -sum(one["emissions"] for one in entry[1]))
    ]
