"""The meters' files, as Green Button: hours of electricity, days of gas."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

from mobile_stub.story.calendar import Year, alike, table

GAS_SHARE = Fraction(1, 3)
WATT_HOURS, THERMS = 72, 169
"""ESPI's codes of units."""
ELECTRICITY, GAS = 0, 1
"""ESPI's kinds of service."""


@dataclass(frozen=True, slots=True)
class Interval:
    start: datetime
    seconds: int
    value: int


def electricity(year: Year, series: Path) -> list[Interval]:
    """Watt hours of each hour."""
    hours = {row["date"]: [int(row[f"h{hour:02}"]) for hour in range(24)] for row in table(series)}
    first = date.fromisoformat(min(hours))
    return [
        Interval(start, 3_600, hours[alike(day, first, len(hours)).isoformat()][hour])
        for day in year.days()
        for start, hour in year.hours(day)
    ]


def gas(year: Year, bills: Path) -> list[Interval]:
    """Thousandths of a therm of each day."""
    daily: dict[str, int] = {}
    for bill in table(bills):
        first, following = date.fromisoformat(bill["first_day"]), date.fromisoformat(bill["next_bill"])
        length = (following - first).days
        for number in range(length):
            share = GAS_SHARE * Fraction(bill["therms"]) / length
            daily[f"{first + timedelta(days=number):%m-%d}"] = int(share * 1_000)
    daily.setdefault("02-29", daily["02-28"])
    return [
        Interval(start, int((end - start).total_seconds()), daily[f"{day:%m-%d}"])
        for day in year.days()
        for start, end in [
            (year.at(day, time()).astimezone(UTC), year.at(day + timedelta(days=1), time()).astimezone(UTC))
        ]
    ]


def total(intervals: list[Interval]) -> Decimal:
    """kWh, or therms."""
    return Decimal(sum(interval.value for interval in intervals)) / 1_000


def write_green_button(path: Path, intervals: list[Interval], *, service: int, unit: int) -> Path:
    """One feed of a usage point with one register of use; values in Wh, or in thousandths of a therm."""
    multiplier = 0 if unit == WATT_HOURS else -3
    with path.open("w", encoding="utf-8", newline="\n") as file:
        file.writelines(_feed(intervals, service, unit, multiplier, path.stem))
    return path


def _feed(intervals: list[Interval], service: int, unit: int, multiplier: int, meter: str) -> Iterator[str]:
    point = f"/v1/User/1/UsagePoint/{meter}"
    reading = f"{point}/MeterReading/1"
    begins, ends = intervals[0].start, intervals[-1].start + timedelta(seconds=intervals[-1].seconds)
    yield '<?xml version="1.0" encoding="UTF-8"?>\n<feed xmlns="http://www.w3.org/2005/Atom">\n'
    yield f"<id>urn:gramme:story:{meter}</id><title>A year of {meter}</title>\n"
    yield f"<updated>{ends.strftime('%Y-%m-%dT%H:%M:%SZ')}</updated>\n"
    kind = f"<ServiceCategory><kind>{service}</kind></ServiceCategory>"
    yield _entry("UsagePoint", point, [("related", reading)], kind)
    yield _entry("MeterReading", reading, [("up", point), ("related", "/v1/ReadingType/1")], "")
    said = f"<flowDirection>1</flowDirection><powerOfTenMultiplier>{multiplier}</powerOfTenMultiplier><uom>{unit}</uom>"
    yield _entry("ReadingType", "/v1/ReadingType/1", [], said)
    block = f"<interval><duration>{int((ends - begins).total_seconds())}</duration>"
    block += f"<start>{int(begins.timestamp())}</start></interval>\n"
    block += "".join(
        f"<IntervalReading><timePeriod><duration>{interval.seconds}</duration>"
        f"<start>{int(interval.start.timestamp())}</start></timePeriod><value>{interval.value}</value></IntervalReading>\n"
        for interval in intervals
    )
    yield _entry("IntervalBlock", f"{reading}/IntervalBlock/1", [("up", reading)], block)
    yield "</feed>\n"


def _entry(kind: str, own: str, links: list[tuple[str, str]], content: str) -> str:
    shown = "".join(f'<link rel="{rel}" href="{href}"/>' for rel, href in [("self", own), *links])
    return (
        f'<entry><id>urn:gramme:story:{own}</id>{shown}<content><{kind} xmlns="http://naesb.org/espi">'
        f"{content}</{kind}></content></entry>\n"
    )
