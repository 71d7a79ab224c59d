"""What the person writes down of food; one entry is a slip of the finger."""

import uuid
from datetime import UTC, date, time
from pathlib import Path

from mobile_stub.storage import Json
from mobile_stub.story.calendar import Year, in_turn, table

SUPPER = time(19)
BEEF = "food.beef_dairy_herd"
SLIP_KILOGRAMS = "25"
MEANT_KILOGRAMS = "0.25"


def written_down(year: Year, folder: Path) -> list[Json]:
    """ActivityInputs, oldest first."""
    meals = in_turn(year, table(folder / "meals.csv"), "kilograms")
    return [_meal(year, day, meal["activity"], kilograms) for day, meal, kilograms in meals]


def slip(year: Year) -> Json:
    return _meal(year, year.last, BEEF, SLIP_KILOGRAMS)


def meant(year: Year) -> Json:
    return _meal(year, year.last, BEEF, MEANT_KILOGRAMS)


def _meal(year: Year, day: date, activity: str, kilograms: str) -> Json:
    return {
        "clientId": str(uuid.uuid4()),
        "activity": activity,
        "quantity": kilograms,
        "unit": "kg",
        "startedAt": year.at(day, SUPPER).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "source": "MANUAL",
    }
