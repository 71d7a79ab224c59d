"""The day of a moment, wherever the clock changes."""

import random
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from domain.footprint.metering import LocalDays

ZONES = ("UTC", "Europe/London", "America/New_York", "Africa/Cairo", "America/Havana", "Asia/Kathmandu", "Asia/Beirut")


@pytest.mark.parametrize("name", [*ZONES, "Australia/Lord_Howe", "Pacific/Apia"])
def test_the_same_as_one_by_one(name: str, seed: int) -> None:
    zone, draw = ZoneInfo(name), random.Random(seed)
    days = LocalDays(zone)
    moments = list(range(1_293_800_000, 1_293_800_000 + 400 * 86_400, 900))
    moments += [draw.randrange(0, 2_000_000_000) for _ in range(2_000)]
    for moment in moments:
        assert days.of(moment) == datetime.fromtimestamp(moment, UTC).astimezone(zone).date(), moment
