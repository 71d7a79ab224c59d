"""One meter that comes in by two ways, each with a name of its own: its days count once and the person is asked."""

from collections.abc import AsyncIterator
from datetime import timedelta
from decimal import Decimal

import pytest

from domain.footprint.model import ActivityStatus, Direction, Reading
from infra.postgres.connection import Database
from tests.conftest import TestDatabase
from tests.domain.footprint.test_record_checks import START
from tests.infra.test_answers import CONFIRM, DISCARD, Desk

HOUR = timedelta(hours=1)
MIDNIGHT = START.replace(hour=0, minute=0)
DAY = tuple(Decimal(hour % 7 + 1) / 10 for hour in range(24))


@pytest.fixture
async def desk(database: TestDatabase) -> AsyncIterator[Desk]:
    opened = await Database.open(database.app_url)
    yield Desk(opened)
    await opened.close()


def of(meter: str, *values: Decimal, days: int = 1, hours: int = 1, **fields: Direction) -> list[Reading]:
    """The values one after another, over so many days."""
    values = values or DAY
    length = HOUR * hours
    return [
        Reading(
            meter,
            "E",
            MIDNIGHT - timedelta(days=day) + length * at,
            MIDNIGHT - timedelta(days=day) + length * (at + 1),
            value,
            "kWh",
            fields.get("direction", Direction.IMPORT),
        )
        for day in range(days)
        for at, value in enumerate(values)
    ]


async def test_what_another_meter_told_waits(desk: Desk) -> None:
    await desk.send(*of("supplier", days=3))
    total = await desk.total()
    second = await desk.send(*of("network", days=3))
    assert await desk.total() == total > 0
    waiting = await desk.waiting()
    assert len(waiting) == 3
    assert waiting[0].reason == (
        "The meter supplier told the same for this day and counts. Discard this one if both are one meter, "
        "confirm it if they are two."
    )
    told = [item for item in await desk.imports.rejections(second.id, 10) if item.code == "SAME_AS_ANOTHER"]
    assert [(item.record, item.note) for item in told] == [("network", True)]


async def test_the_first_counts_whatever_comes_after(desk: Desk) -> None:
    await desk.send(*of("supplier"))
    total = await desk.total()
    for _ in range(2):
        await desk.send(*of("network"))
        await desk.send(*of("supplier"))
        assert await desk.total() == total
    await desk.send(*of("supplier", *(2 * value for value in DAY)))
    assert await desk.total() in range(2 * total - 1, 2 * total + 2)
    assert len(await desk.waiting()) == 1


async def test_a_meter_that_is_another_is_asked_about_once(desk: Desk) -> None:
    await desk.send(*of("supplier"))
    total = await desk.total()
    await desk.send(*of("network"))
    [asked] = await desk.waiting()
    await desk.say(asked, CONFIRM)
    assert await desk.total() == 2 * total
    await desk.send(*of("supplier", days=3))
    await desk.send(*of("network", days=3))
    assert await desk.waiting() == []


async def test_a_meter_that_is_the_same_stays_out(desk: Desk) -> None:
    await desk.send(*of("supplier"))
    total = await desk.total()
    await desk.send(*of("network"))
    [asked] = await desk.waiting()
    assert (await desk.say(asked, DISCARD)).status is ActivityStatus.REVERSED
    await desk.send(*of("network"))
    assert await desk.total() == total


@pytest.mark.parametrize(
    "other",
    [
        of("network", *(value + Decimal("0.001") for value in DAY)),
        of("network", *DAY[:8], *(5 * value for value in DAY[8:])),
        of("network", direction=Direction.EXPORT),
        of("network", sum(DAY, Decimal(0)), hours=24),
    ],
    ids=["another load", "some equal hours", "export", "a day's total"],
)
async def test_what_only_looks_alike_counts(desk: Desk, other: list[Reading]) -> None:
    await desk.send(*of("supplier"))
    await desk.send(*other)
    assert await desk.waiting() == []


async def test_a_load_that_never_changes_counts(desk: Desk) -> None:
    await desk.send(*of("a", *[Decimal("0.5")] * 24))
    await desk.send(*of("b", *[Decimal("0.5")] * 24))
    assert await desk.waiting() == []


async def test_two_meters_of_one_file_are_two(desk: Desk) -> None:
    await desk.send(*of("a"), *of("b"))
    assert await desk.waiting() == []
