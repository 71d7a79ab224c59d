"""Who joins a programme is counted by its basis, what was recorded before too: no sum mixes two."""

from datetime import UTC, date, datetime, timedelta
from uuid import uuid4

import pytest

from domain.commands import Answer, Command
from domain.credits.service import close_period
from domain.errors import Overloaded
from domain.footprint.factor_choice import LIFECYCLE_MAINS, MAINS
from domain.footprint.model import ActivityDraft, ActivityStatus
from infra.postgres.footprint import PostgresFootprint
from infra.postgres.programmes import PostgresProgrammes
from infra.postgres.rebasing import rebase_waiting
from tests.infra.test_factor_adjusting import CAR_2025, HEADER, NOW, OWNER, PEAS, Shelf, shelf, trip

__all__ = ["shelf"]

DAY = date(2025, 3, 1)
SUPPLY = "wtt.transport.car,Fuel,transport,km,0.05,GB,2025-01-01,,DESNZ,2025,table 2,well_to_tank,\r\n"
GENERATION = f"{MAINS},Mains,energy,kWh,0.2,GB,2025-01-01,,DESNZ,2025,table 3,generation,\r\n"
EMBER = f"{LIFECYCLE_MAINS},Mains,energy,kWh,0.3,GB,2025-01-01,,Ember,2025,table 4,lifecycle,\r\n"
TABLES = HEADER + CAR_2025.format(until="", notes="") + SUPPLY + GENERATION + EMBER + PEAS.format(kg="1", edition="1")


def entry(activity: str, unit: str, quantity: str = "10") -> ActivityDraft:
    return ActivityDraft(str(uuid4()), activity, quantity, unit, datetime(2025, 3, 1, 12, tzinfo=UTC))


async def join(shelf: Shelf, basis: str) -> PostgresProgrammes:
    pool = shelf.database.pool
    await pool.execute("INSERT INTO asset VALUES (1, 'A', 'ALLOWANCE', 'g'), (2, 'P', 'POINTS', 'points')")
    await pool.execute("INSERT INTO programme VALUES (1, 'L', 'L', 'GB', 'GBP', 1, 1, 'UTC', 2, 1, 0, 0, $1)", basis)
    programmes = PostgresProgrammes(shelf.database)
    await programmes.join(1, OWNER, NOW + timedelta(hours=1))
    return programmes


async def total(shelf: Shelf) -> int:
    await shelf.check_totals()
    return (await PostgresFootprint(shelf.database).summary(OWNER, DAY, DAY)).total


async def test_what_was_recorded_before_joining_follows_the_programme_s_basis(shelf: Shelf) -> None:
    await shelf.load(TABLES)
    drafts = [trip(DAY), entry(MAINS, "kWh"), entry("food.peas", "kg", "1")]
    before = await shelf.record(*drafts)
    assert await total(shelf) == 2_000 + 2_000 + 1_000
    programmes = await join(shelf, "LIFECYCLE")
    assert await total(shelf) == 2_500 + 3_000 + 1_000
    listed = await shelf.counted()
    assert {item.adjusts for item in listed} == {before[0].id, before[1].id, None}
    car = next(item for item in listed if item.activity == "transport.car")
    assert car.explanation.caveats == (
        "Includes wtt.transport.car (DESNZ, 2025).",
        "Counted anew by the basis of your programme: 2000 g became 2500 g.",
    )
    assert not await programmes.is_settling(1)
    await shelf.record(*drafts)
    assert await total(shelf) == 6_500


async def test_a_programme_at_the_source_takes_out_what_is_of_the_life_cycle(shelf: Shelf) -> None:
    await shelf.load(TABLES)
    await shelf.record(trip(DAY), entry(LIFECYCLE_MAINS, "kWh"), entry("wtt.transport.car", "km"))
    assert await total(shelf) == 2_000 + 3_000 + 500
    await join(shelf, "DIRECT")
    assert await total(shelf) == 2_000 + 2_000
    listed = await shelf.footprint.activities(OWNER, None, 100, None, None)
    [waiting] = [item for item in listed if item.status is ActivityStatus.QUARANTINED]
    assert waiting.reason == (
        "Your programme counts emissions at the source; wtt.transport.car is of scope well_to_tank."
    )


async def test_what_waited_when_its_owner_joined_is_confirmed_by_the_new_basis(shelf: Shelf) -> None:
    await shelf.load(TABLES)
    await shelf.record(*(trip(date(2025, 3, 2), str(10)) for _ in range(8)), entry("transport.car", "km", "100"))
    await join(shelf, "LIFECYCLE")
    listed = await shelf.footprint.activities(OWNER, None, 100, None, None)
    [waiting] = [item for item in listed if item.status is ActivityStatus.QUARANTINED]
    assert waiting.emissions == 25_000
    confirmed = await shelf.confirm(waiting)
    assert (confirmed.status, await total(shelf)) == (ActivityStatus.COUNTED, 25_000)


async def test_no_week_is_closed_before_a_long_history_follows(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("infra.postgres.rebasing.ACTIVITIES_AT_ONCE", 1)
    await shelf.load(TABLES)
    await shelf.record(*(trip(DAY) for _ in range(7)))
    programmes = await join(shelf, "LIFECYCLE")
    assert await total(shelf) == 4 * 2_500 + 3 * 2_000

    async def close() -> None:
        await close_period(NoQueue(), programmes, shelf.footprint, caller=1, programme_code="L", week_of=DAY, now=NOW)

    with pytest.raises(Overloaded):
        await close()
    while await rebase_waiting(shelf.database, NOW):
        pass
    assert await total(shelf) == 7 * 2_500
    with pytest.raises(Reached):
        await close()


class Reached(Exception):
    """The command came to the queue."""


class NoQueue:
    async def submit(self, command: Command) -> Answer:
        raise Reached
