"""Finds days that another meter of these persons has already, reading for reading: one meter by two ways.

A meter is known by the name that its source gives it, and sources differ: the supplier's page, the network's file and
the telegrams of one meter have three. Two real meters never tell the same for most of a day.
"""

from collections.abc import Sequence
from datetime import date
from typing import NamedTuple

from domain.footprint.model import MeterDay
from infra.postgres.connection import PooledConnection

READINGS_MIN = 4
"""Fewer equal readings may be chance: a total of the day, or what a standby draws."""
VALUES_MIN = 2
"""A load that never changes is the same behind any meter."""
_OTHERS = """
    SELECT other.owner, other.meter, other.register FROM meter_register AS this JOIN meter_register AS other
        USING (commodity, direction, unit)
    WHERE this.owner = $1 AND this.meter = $2 AND this.register = $3 AND other.owner = ANY($4)
        AND (other.owner, other.meter) <> (this.owner, this.meter)"""
_EQUAL = """
    SELECT mine.local_date, theirs.owner, theirs.meter, sum(mine.value) AS quantity
    FROM unnest($5::text[], $6::text[], $9::bigint[]) AS other (meter, register, owner)
    JOIN meter_reading AS theirs ON theirs.owner = other.owner AND theirs.meter = other.meter
        AND theirs.register = other.register AND theirs.counted AND theirs.value > 0
        AND theirs.starts_at BETWEEN ($4::date[])[1] - interval '2 days'
            AND ($4::date[])[cardinality($4)] + interval '2 days'
    JOIN meter_reading AS mine ON mine.owner = $1 AND mine.meter = $2 AND mine.register = $3 AND mine.counted
        AND mine.starts_at = theirs.starts_at AND mine.ends_at = theirs.ends_at AND mine.value = theirs.value
        AND mine.import_id <> theirs.import_id AND mine.local_date = ANY($4)
    WHERE EXISTS (
        SELECT FROM meter_day AS day JOIN activity ON activity.owner = day.member AND activity.id = day.activity_id
        WHERE day.owner = theirs.owner AND day.meter = theirs.meter AND day.register = theirs.register
            AND day.local_date = theirs.local_date AND activity.status = 'COUNTED')
    GROUP BY mine.local_date, theirs.owner, theirs.meter, theirs.register
    HAVING count(*) >= $7 AND count(DISTINCT mine.value) >= $8
    ORDER BY theirs.owner, theirs.meter, theirs.register"""


class Twin(NamedTuple):
    owner: int
    meter: str


async def told_by_another(
    connection: PooledConnection,
    owner: int,
    meter: str,
    register: str,
    days: Sequence[MeterDay],
    owners: Sequence[int],
) -> dict[date, Twin]:
    """The days, given by date, of which another meter of `owners` that counts has told the half or more."""
    others = await connection.fetch(_OTHERS, owner, meter, register, owners)
    if not others or not days:
        return {}
    rows = await connection.fetch(
        _EQUAL,
        owner,
        meter,
        register,
        [day.day for day in days],
        [row["meter"] for row in others],
        [row["register"] for row in others],
        READINGS_MIN,
        VALUES_MIN,
        [row["owner"] for row in others],
    )
    quantities = {day.day: day.quantity for day in days}
    return {
        row["local_date"]: Twin(row["owner"], row["meter"])
        for row in rows
        if row["quantity"] * 2 >= quantities[row["local_date"]]
    }
