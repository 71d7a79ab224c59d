"""What the simulated people of the demo did in a week, and the meter files that two of them send.

Kilometres, miles, kilowatt hours and kilograms are made up; the factors are the server's. Where a person's own region
has no factor for a journey, the phone asks for one that exists and names its region on purpose.
"""

import uuid
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from importlib.resources import as_file, files
from pathlib import Path

from mobile_stub.phone import Person
from mobile_stub.storage import Json


@dataclass(frozen=True, slots=True)
class Habit:
    """One kind of activity, done on `days` of the week (0 is Monday), each time `quantity` of `unit`."""

    activity: str
    quantity: str
    unit: str
    days: tuple[int, ...]
    source: str = "PHONE"


@dataclass(frozen=True, slots=True)
class MeterFile:
    """A file of `samples/` and its right reading: readings of both directions, and the energy that is use."""

    file_name: str
    readings: int
    kilowatt_hours: Decimal


@dataclass(frozen=True, slots=True)
class Character:
    name: str
    region: str
    time_zone: str
    locale: str
    habits: tuple[Habit, ...]
    meter_file: MeterFile | None = None


_WORK_DAYS = (1, 2, 3)

_BRITISH = (
    Habit("transport.car.petrol.medium", "18", "mile", _WORK_DAYS),
    Habit("transport.bus.local_not_london", "9.5", "passenger_km", (1, 4)),
    Habit("transport.rail.national", "64", "passenger_km", (4,)),
    Habit("energy.electricity.grid", "8.4", "kWh", (1, 2, 3, 4, 5), "METER"),
    Habit("food.cheese", "0.35", "kg", (5,), "MANUAL"),
)
_AMERICAN = (
    Habit("transport.car.passenger_car", "14", "mile", _WORK_DAYS),
    Habit("transport.rail.transit", "22", "passenger_mile", (4,)),
    Habit("energy.electricity.grid", "9", "kWh", (1, 2, 3, 4, 5), "METER"),
    Habit("food.milk", "2", "kg", (5,), "MANUAL"),
)
_AUSTRALIAN = (
    Habit("transport.car.hybrid.medium", "31", "km", _WORK_DAYS),
    Habit("transport.rail.light_rail_tram", "12", "passenger_km", (4,)),
    Habit("energy.electricity.grid.ember", "6.5", "kWh", (1, 2, 3, 4, 5), "METER"),
    Habit("food.apples", "1.5", "kg", (5,), "MANUAL"),
)
_CHINESE = (
    Habit("transport.rail.light_rail_tram", "17", "passenger_km", _WORK_DAYS),
    Habit("transport.taxi.regular", "11", "passenger_km", (4,)),
    Habit("energy.electricity.grid", "5.5", "kWh", (1, 2, 3, 4, 5), "METER"),
    Habit("food.rice", "2.5", "kg", (5,), "MANUAL"),
)

CHARACTERS = (
    Character(
        "Grace",
        "US-NY",
        "America/New_York",
        "en",
        _AMERICAN,
        MeterFile("TestGBDataOneYearDailyBinnedMonthly.xml", 444, Decimal("9917.817")),
    ),
    Character(
        "Noah",
        "AU",
        "Australia/Brisbane",
        "en",
        _AUSTRALIAN,
        MeterFile("Example_NEM12_month_solar.csv", 17_856, Decimal("270.738")),
    ),
    Character("Amara", "GB", "Europe/London", "en", _BRITISH),
    Character("Wei", "CN-GD", "Asia/Shanghai", "zh", _CHINESE),
    Character("Tom", "GB", "Europe/London", "en", _BRITISH),
    Character("Priya", "GB", "Europe/London", "en", _BRITISH),
    Character("Jack", "US-CA", "America/Los_Angeles", "en", _AMERICAN),
    Character("Mia", "AU", "Australia/Sydney", "en", _AUSTRALIAN),
    Character("Lin", "CN-BJ", "Asia/Shanghai", "zh", _CHINESE),
    Character("Ewan", "GB", "Europe/London", "en", _BRITISH),
)

AMARA = 2
"""The number of a character who lives where every factor of the habits is from."""

INTENSITIES = ("0.6", "1", "1.3", "0.8", "3.5", "0.5", "1.1", "0.9", "1.7", "0.7")
"""How much more or less than the habits each of the characters did; one of them uses more than the weekly allowance."""


def character(number: int) -> Character:
    return CHARACTERS[number % len(CHARACTERS)]


def meter_file(number: int) -> MeterFile | None:
    """The file that this person sends; a namesake sends none."""
    return CHARACTERS[number].meter_file if number < len(CHARACTERS) else None


def person(number: int, run: str) -> Person:
    """Somebody who exists in this run only."""
    who = character(number)
    name = who.name if number < len(CHARACTERS) else f"{who.name} {number // len(CHARACTERS) + 1}"
    email = f"{who.name.lower()}.{number}.{run}@phones.example"
    return Person(email, uuid.uuid4().hex, name, who.region, who.time_zone, who.locale)


def week_of(number: int, monday: date) -> list[Json]:
    """A week's ActivityInputs, at noon UTC: that is the same day for everybody here and for the programme."""
    intensity = Decimal(INTENSITIES[number % len(INTENSITIES)])
    activities: list[Json] = []
    for habit in character(number).habits:
        for day in habit.days:
            starts = datetime.combine(monday + timedelta(days=day), time(12), tzinfo=UTC)
            activities.append(_activity(habit, Decimal(habit.quantity) * intensity, starts))
    return activities


def trip(number: int, starts: datetime) -> Json:
    """One journey of today."""
    habit = character(number).habits[0]
    return _activity(habit, Decimal(habit.quantity), starts)


def _activity(habit: Habit, quantity: Decimal, starts: datetime) -> Json:
    return {
        "clientId": str(uuid.uuid4()),
        "activity": habit.activity,
        "quantity": str(quantity),
        "unit": habit.unit,
        "startedAt": starts.isoformat().replace("+00:00", "Z"),
        "source": habit.source,
    }


def sample(file_name: str) -> Path:
    """Where a sample file lies. The package is always installed as plain files."""
    with as_file(files("mobile_stub") / "samples" / file_name) as path:
        return path
