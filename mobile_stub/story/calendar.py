"""Which days a story has, and how files of other years are laid upon them. samples/year/README.md tells the rules."""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

_WEEKDAYS = {name: number for number, name in enumerate(("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"))}
NEAREST = sorted(range(-4, 5), key=lambda away: (abs(away), away))


@dataclass(frozen=True, slots=True)
class Year:
    """Twelve whole months and what is over of the running one: `first` to `last`, which is yesterday in `zone`."""

    first: date
    last: date
    zone: ZoneInfo

    @staticmethod
    def until(today: date, zone: ZoneInfo) -> "Year":
        return Year(date(today.year - 1, today.month, 1), today - timedelta(days=1), zone)

    def days(self) -> Iterator[date]:
        for number in range((self.last - self.first).days + 1):
            yield self.first + timedelta(days=number)

    def months(self) -> list[tuple[date, date]]:
        """First and last day of each month, the last one cut at yesterday."""
        firsts = [day for day in self.days() if day.day == 1]
        ends = [first - timedelta(days=1) for first in firsts[1:]]
        return list(zip(firsts, [*ends, self.last], strict=True))

    def at(self, day: date, clock: time) -> datetime:
        """That time of that day here; of a repeated hour the first."""
        return datetime.combine(day, clock, tzinfo=self.zone)

    def hours(self, day: date) -> Iterator[tuple[datetime, int]]:
        """The 23, 24 or 25 hours of a day: when each begins, and what the clock shows then."""
        begins = self.at(day, time()).astimezone(UTC)
        ends = self.at(day + timedelta(days=1), time()).astimezone(UTC)
        while begins < ends:
            yield begins, begins.astimezone(self.zone).hour
            begins += timedelta(hours=1)

    def days_of(self, when: str) -> list[date]:
        """The days of a rule such as `week Tue`, `2weeks Sat`, `month 3`, `year 07-10`."""
        kind, _, value = when.partition(" ")
        match kind:
            case "week" | "2weeks":
                days = [day for day in self.days() if day.weekday() == _WEEKDAYS[value]]
                return days if kind == "week" else [day for day in days if day.isocalendar().week % 2 == 0]
            case "month":
                return [day for day in self.days() if day.day == int(value)]
            case "year":
                return [day for day in self.days() if f"{day:%m-%d}" == value]
            case _:
                raise ValueError(f"no rule of days: {when!r}")


def alike(day: date, series_first: date, length: int) -> date:
    """The day of a yearly series with the weekday of `day` that is nearest to its date; at its end it begins again."""
    first = series_first.replace(year=day.year)
    if day < first:
        first = series_first.replace(year=day.year - 1)
    number = (day - first).days
    for away in NEAREST:
        found = series_first + timedelta(days=(number + away) % length)
        if found.weekday() == day.weekday():
            return found
    raise ValueError(f"no day like {day} in {length} days from {series_first}")


def table(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def in_turn(year: Year, rules: list[dict[str, str]], column: str) -> list[tuple[date, dict[str, str], str]]:
    """Each day of each rule with its value, of several in `column` one after the other; in the order of days."""
    found = [
        (day, rule, values[number % len(values)])
        for rule in rules
        for values in [rule[column].split()]
        for number, day in enumerate(year.days_of(rule["when"]))
    ]
    return sorted(found, key=lambda entry: entry[0])
