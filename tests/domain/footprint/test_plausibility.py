"""What is asked about before it counts, and what is not."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from domain.footprint.model import Activity, ActivitySource, ActivityStatus, Explanation
from domain.footprint.plausibility import Habit, Whereabouts, doubt_of
from domain.ids import new_id

START = datetime(2026, 10, 1, 8, tzinfo=UTC)
CAR = "transport.car.petrol.medium"


def activity(
    name: str = CAR, quantity: str = "12", unit: str = "km", minutes: int | None = 30, **fields: Any
) -> Activity:
    key = new_id(START)
    explanation = Explanation(name, Decimal(1), unit, "GB", "2026", "test", Decimal(quantity), "")
    values = {
        "id": key,
        "owner": 1,
        "client_id": key,
        "activity": name,
        "category": name.partition(".")[0],
        "quantity": Decimal(quantity),
        "unit": unit,
        "started_at": START,
        "ended_at": None if minutes is None else START + timedelta(minutes=minutes),
        "local_date": date(2026, 10, 1),
        "source": ActivitySource.MANUAL,
        "status": ActivityStatus.COUNTED,
        "emissions": 1,
        "explanation": explanation,
    }
    return Activity(**(values | fields))


@pytest.mark.parametrize(
    "ordinary",
    [
        activity(),
        activity(quantity="5000", minutes=None),
        activity(quantity="5000", minutes=0),
        activity(quantity="5", minutes=1),
        activity(quantity="1000", minutes=600),
        activity("transport.flight.long_haul.average.with_rf", "9000", "passenger_km", 600),
        activity("energy.electricity.grid", "300", "kWh", 60),
        activity("food.beef", "3", "kg"),
    ],
)
def test_the_ordinary_is_counted(ordinary: Activity) -> None:
    assert doubt_of(ordinary, Habit()) == ""


@pytest.mark.parametrize(
    ("absurd", "words"),
    [
        (activity("transport.ademe.marche", "5000", "km", 60), "faster than this goes"),
        (activity(quantity="500", minutes=60), "at most 350 km/h"),
        (activity(quantity="400", unit="mile", minutes=60), "644 km within 60 minutes"),
        (activity("transport.flight.long_haul.average.with_rf", "9000", "passenger_km", 60), "1300 km/h"),
        (activity("energy.electricity.grid", "20000", "kWh", 60), "more than a home can draw"),
    ],
)
def test_the_absurd_is_asked_about(absurd: Activity, words: str) -> None:
    assert words in doubt_of(absurd, Habit())


def test_far_from_habit_is_asked_about() -> None:
    habit = Habit(Decimal(number) for number in (10, 12, 11, 10, 13, 12, 11, 10))
    assert doubt_of(activity(quantity="54.9", minutes=None), habit) == ""
    reason = doubt_of(activity(quantity="55", minutes=None), habit)
    assert reason == ("55 km is far more than what you usually have here, about 11 km. Confirm it if it is right.")


def test_seven_known_are_too_few() -> None:
    assert doubt_of(activity(quantity="9999", minutes=None), Habit([Decimal(1)] * 7)) == ""


def test_a_wide_habit_is_not_narrowed_to_five_times() -> None:
    habit = Habit(Decimal(number) for number in (2, 4, 8, 16, 20, 32, 40, 64))
    assert not habit.is_exceeded_by(Decimal(157))
    assert habit.is_exceeded_by(Decimal(158))


def test_a_confirmed_one_teaches() -> None:
    habit = Habit([Decimal(10)] * 8)
    assert habit.is_exceeded_by(Decimal(100))
    habit = Habit([Decimal(10)] * 8, confirmed=Decimal(100))
    assert not habit.is_exceeded_by(Decimal(149))
    assert habit.is_exceeded_by(Decimal(150))


def test_a_habit_of_nothing_asks_nothing() -> None:
    assert not Habit([Decimal(0)] * 20).is_exceeded_by(Decimal(5))


def test_a_habit_forgets_what_is_long_ago() -> None:
    habit = Habit([Decimal(1)] * 64)
    for _ in range(64):
        habit.learn(Decimal(100))
    assert habit.sample == [Decimal(100)] * 64
    assert not habit.is_exceeded_by(Decimal(400))


def minutes(start: int, end: int) -> tuple[datetime, datetime]:
    return START + timedelta(minutes=start), START + timedelta(minutes=end)


@pytest.mark.parametrize(
    ("start", "end", "clashes"),
    [(0, 30, False), (60, 90, False), (56, 90, False), (50, 90, True), (35, 40, True), (0, 120, True), (20, 34, False)],
)
def test_nobody_is_on_two_journeys_at_once(start: int, end: int, clashes: bool) -> None:
    whereabouts = Whereabouts([minutes(30, 60)])
    assert bool(whereabouts.add(*minutes(start, end))) is clashes


def test_what_clashes_is_not_taken_in() -> None:
    whereabouts = Whereabouts([minutes(0, 60)])
    assert whereabouts.add(*minutes(10, 600))
    assert not whereabouts.add(*minutes(100, 200))
    assert whereabouts.add(*minutes(100, 200))
