"""Activities and the day totals that are kept with them, so that a summary costs the same however long the history is.

Every writer of one person's footprint takes that person's lock first: totals and rows change together and in one order.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from uuid import UUID

from domain.footprint.model import Activity
from domain.footprint.plausibility import Habit, Whereabouts
from domain.footprint.summary import CategoryTotal, DayTotal, EmissionsRange, FactorUse, FootprintSummary
from domain.units import OUTSIDE_MAX
from infra.postgres.activity_rows import ACTIVITY_COLUMNS, activity_of, explanation_text
from infra.postgres.connection import Database, PooledConnection
from infra.postgres.habits import habits_of, keep_habits, whereabouts_of

UNKEYED = b""
"""Payload hash of an activity that no client sent: its client id is ours, so no request can repeat it."""
_RECORD = """
    WITH fresh AS (
        INSERT INTO activity (owner, id, client_id, activity, category, quantity, unit, started_at, ended_at,
                              local_date, source, status, emissions, explanation, payload_hash, shared_by, adjusts,
                              emissions_low, emissions_high, factor_rows, reason, choices, region)
        SELECT $1, id, client_id, activity, category, quantity, unit, started_at, ended_at, local_date, source, status,
               emissions, explanation, payload_hash, shared_by, adjusts, emissions_low, emissions_high,
               array_remove(ARRAY[factor_row, supply_row], NULL), reason, choices, region
        FROM unnest($2::uuid[], $3::uuid[], $4::text[], $5::text[], $6::numeric[], $7::text[],
                                 $8::timestamptz[], $9::timestamptz[], $10::date[], $11::text[], $12::text[],
                                 $13::bigint[], $14::text[], $15::bytea[], $16::int[], $17::uuid[], $18::bigint[],
                                 $19::bigint[], $20::int[], $21::int[], $22::text[], $23::text[], $24::text[])
            AS row (id, client_id, activity, category, quantity, unit, started_at, ended_at, local_date, source, status,
                    emissions, explanation, payload_hash, shared_by, adjusts, emissions_low, emissions_high, factor_row,
                    supply_row, reason, choices, region)
        ON CONFLICT (owner, client_id) DO NOTHING
        RETURNING client_id, local_date, category, emissions, status, emissions_low, emissions_high),
    totals AS (
        INSERT INTO footprint_day AS day (owner, local_date, category, grams, activities, below, above, covered)
        SELECT $1, local_date, category, sum(emissions), count(*), coalesce(sum(emissions - emissions_low), 0),
               coalesce(sum(emissions_high - emissions), 0),
               coalesce(sum(emissions) FILTER (WHERE emissions_low IS NOT NULL), 0)
        FROM fresh WHERE status = 'COUNTED'
        GROUP BY local_date, category
        ON CONFLICT (owner, local_date, category) DO UPDATE
        SET grams = day.grams + excluded.grams, activities = day.activities + excluded.activities,
            below = day.below + excluded.below, above = day.above + excluded.above,
            covered = day.covered + excluded.covered)
    SELECT client_id FROM fresh"""
_STANDING = """
    WITH RECURSIVE standing (id) AS (
        SELECT unnest($2::uuid[])
        UNION
        SELECT adjusted_by FROM standing JOIN activity ON activity.owner = $1 AND activity.id = standing.id
        WHERE adjusted_by IS NOT NULL)
    SELECT id FROM standing"""
FACTOR_USES_MAX = 200
_FACTOR_USES = """
    SELECT factor.factor_id, factor.region, factor.unit AS factor_unit, used.unit, shared_by, quantity FROM (
        SELECT factor_rows[1] AS factor_row, unit, shared_by, sum(quantity) AS quantity, sum(emissions) AS emissions
        FROM activity WHERE owner = $1 AND local_date BETWEEN $2 AND $3 AND started_at > $2::date - interval '2 days'
            AND started_at < $3::date + interval '3 days' AND status = 'COUNTED'
        GROUP BY factor_rows[1], unit, shared_by ORDER BY emissions DESC LIMIT $4) AS used
    JOIN emission_factor AS factor ON factor.id = used.factor_row
    ORDER BY emissions DESC, factor.id, used.unit, shared_by"""
_SUBTRACT = """
    UPDATE footprint_day AS day SET grams = day.grams - gone.grams, activities = day.activities - gone.activities,
        below = day.below - gone.below, above = day.above - gone.above, covered = day.covered - gone.covered
    FROM (SELECT local_date, category, sum(emissions) AS grams, count(*) AS activities,
                 coalesce(sum(emissions - emissions_low), 0) AS below,
                 coalesce(sum(emissions_high - emissions), 0) AS above,
                 coalesce(sum(emissions) FILTER (WHERE emissions_low IS NOT NULL), 0) AS covered
          FROM activity
          WHERE owner = $1 AND id = ANY($2) AND status = 'COUNTED' GROUP BY local_date, category) AS gone
    WHERE day.owner = $1 AND day.local_date = gone.local_date AND day.category = gone.category"""


_FIRST_DAY, _LAST_DAY = date(1900, 1, 1), date(9999, 1, 1)
_AFTER_ALL = (datetime(9999, 1, 1, tzinfo=UTC), UUID(int=2**128 - 1))
"""Bounds that bound nothing: `$2 IS NULL OR ...` would keep Postgres from going by the index."""


async def lock_footprint(connection: PooledConnection, owner: int) -> None:
    """Until the end of the transaction nobody else writes this person's footprint."""
    await connection.execute("SELECT pg_advisory_xact_lock(hashtextextended('footprint', $1))", owner)


async def insert_activities(
    connection: PooledConnection, owner: int, activities: Sequence[tuple[Activity, bytes]]
) -> set[UUID]:
    """Adds what is new and raises its day totals; the caller holds the lock. Gives the client ids that were new."""
    items = [activity for activity, _payload_hash in activities]
    rows = await connection.fetch(
        _RECORD,
        owner,
        [item.id for item in items],
        [item.client_id for item in items],
        [item.activity for item in items],
        [item.category for item in items],
        [item.quantity for item in items],
        [item.unit for item in items],
        [item.started_at for item in items],
        [item.ended_at for item in items],
        [item.local_date for item in items],
        [item.source.value for item in items],
        [item.status.value for item in items],
        [item.emissions for item in items],
        [explanation_text(item.explanation) for item in items],
        [payload_hash for _activity, payload_hash in activities],
        [item.shared_by for item in items],
        [item.adjusts for item in items],
        [item.explanation.emissions_low for item in items],
        [item.explanation.emissions_high for item in items],
        [item.factor_rows[0] if item.factor_rows else None for item in items],
        [item.factor_rows[1] if len(item.factor_rows) > 1 else None for item in items],
        [item.reason for item in items],
        [" ".join(item.choices) for item in items],
        [item.region for item in items],
    )
    return {row["client_id"] for row in rows}


async def reverse_activities(connection: PooledConnection, owner: int, ids: Sequence[UUID]) -> int:
    """Takes activities out of the footprint (they stay visible) and gives their grams; the caller holds the lock.

    Where a corrected factor has replaced one of them, its successor is taken out.
    """
    standing = [row["id"] for row in await connection.fetch(_STANDING, owner, list(ids))]
    await connection.execute(_SUBTRACT, owner, standing)
    grams = await connection.fetchval(
        "WITH gone AS (UPDATE activity SET status = 'REVERSED' WHERE owner = $1 AND id = ANY($2) "
        "AND status <> 'REVERSED' RETURNING emissions) SELECT coalesce(sum(emissions), 0)::bigint FROM gone",
        owner,
        standing,
    )
    return int(grams)


class PostgresFootprint:
    def __init__(self, database: Database) -> None:
        self._database = database
        self._pool = database.pool

    async def by_client_ids(self, owner: int, client_ids: Sequence[UUID]) -> dict[UUID, tuple[Activity, bytes]]:
        rows = await self._pool.fetch(
            f"SELECT {ACTIVITY_COLUMNS}, payload_hash FROM activity WHERE owner = $1 AND client_id = ANY($2)",
            owner,
            list(client_ids),
        )
        return {row["client_id"]: (activity_of(row), row["payload_hash"]) for row in rows}

    async def habits(self, owner: int, activities: Sequence[str]) -> dict[str, Habit]:
        return await habits_of(self._pool, owner, activities)

    async def whereabouts(self, owner: int, start: datetime, end: datetime) -> Whereabouts:
        return await whereabouts_of(self._pool, owner, start, end)

    async def record(
        self, owner: int, activities: Sequence[tuple[Activity, bytes]], habits: Mapping[str, Habit]
    ) -> set[UUID]:
        async with self._database.writing(owner) as connection:
            await lock_footprint(connection, owner)
            new = await insert_activities(connection, owner, activities)
            await keep_habits(connection, owner, habits)
            return new

    async def activity(self, owner: int, activity_id: UUID) -> Activity | None:
        row = await self._pool.fetchrow(
            f"SELECT {ACTIVITY_COLUMNS} FROM activity WHERE owner = $1 AND id = $2", owner, activity_id
        )
        return activity_of(row) if row else None

    async def activities_by_id(self, owner: int, ids: Sequence[UUID]) -> dict[UUID, Activity]:
        rows = await self._pool.fetch(
            f"SELECT {ACTIVITY_COLUMNS} FROM activity WHERE owner = $1 AND id = ANY($2)", owner, list(ids)
        )
        return {row["id"]: activity_of(row) for row in rows}

    async def activities(
        self,
        owner: int,
        after: tuple[datetime, UUID] | None,
        limit: int,
        from_date: date | None,
        to_date: date | None,
    ) -> list[Activity]:
        before, before_id = after or _AFTER_ALL
        first, last = from_date or _FIRST_DAY, to_date or _LAST_DAY
        end = datetime.combine(min(last, _LAST_DAY) + timedelta(days=3), time.min, UTC)
        rows = await self._pool.fetch(
            f"SELECT {ACTIVITY_COLUMNS} FROM activity WHERE owner = $1 AND (started_at, id) < ($2, $3) "
            "AND started_at < $4 AND started_at > $5 AND local_date BETWEEN $6 AND $7 "
            "ORDER BY started_at DESC, id DESC LIMIT $8",
            owner,
            before,
            before_id,
            end,
            datetime.combine(max(first, _FIRST_DAY) - timedelta(days=2), time.min, UTC),
            first,
            last,
            limit,
        )
        return [activity_of(row) for row in rows]

    async def summary(self, owner: int, from_date: date, to_date: date) -> FootprintSummary:
        """Categories by name, days by date, only those with an activity."""
        rows = await self._pool.fetch(
            "SELECT local_date, category, grams, activities, below, above, covered FROM footprint_day "
            "WHERE owner = $1 AND local_date BETWEEN $2 AND $3 AND activities > 0 ORDER BY local_date, category",
            owner,
            from_date,
            to_date,
        )
        categories: dict[str, tuple[int, int]] = {}
        days: dict[date, int] = {}
        below = above = covered = 0
        for row in rows:
            grams, count = categories.get(row["category"], (0, 0))
            categories[row["category"]] = (grams + row["grams"], count + row["activities"])
            days[row["local_date"]] = days.get(row["local_date"], 0) + row["grams"]
            below, above, covered = below + row["below"], above + row["above"], covered + row["covered"]
        total = sum(days.values())
        return FootprintSummary(
            from_date=from_date,
            to_date=to_date,
            total=total,
            by_category=tuple(CategoryTotal(name, *categories[name]) for name in sorted(categories)),
            by_day=tuple(DayTotal(day, grams) for day, grams in days.items()),
            allowance=None,
            remaining=None,
            range=EmissionsRange(total - below, total + above, covered) if covered else None,
        )

    async def day_totals(self, owner: int, from_date: date, to_date: date) -> list[DayTotal]:
        rows = await self._pool.fetch(
            "SELECT local_date, sum(grams)::bigint AS grams FROM footprint_day "
            "WHERE owner = $1 AND local_date BETWEEN $2 AND $3 AND activities > 0 "
            "GROUP BY local_date ORDER BY local_date",
            owner,
            from_date,
            to_date,
        )
        return [DayTotal(row["local_date"], row["grams"]) for row in rows]

    async def factor_uses(self, owner: int, from_date: date, to_date: date) -> list[FactorUse]:
        rows = await self._pool.fetch(_FACTOR_USES, owner, from_date, to_date, FACTOR_USES_MAX)
        return [FactorUse(**row) for row in rows]

    async def emissions_between(self, owners: Sequence[int], start: datetime, end: datetime) -> dict[int, int]:
        """A sum past what can be told outside is cut to it, so that nobody's records can keep a week from closing."""
        rows = await self._pool.fetch(
            "SELECT owner, least(sum(emissions), $4)::bigint AS grams FROM activity WHERE owner = ANY($1) "
            "AND started_at >= $2 AND started_at < $3 AND status = 'COUNTED' GROUP BY owner",
            list(owners),
            start,
            end,
            Decimal(OUTSIDE_MAX),
        )
        return {row["owner"]: row["grams"] for row in rows}
