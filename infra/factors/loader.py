"""Brings the shipped factor tables into the database.

Loading again changes nothing. A row that differs from the current one withdraws it and becomes its next version; a row
that is shipped no longer is withdrawn. Activities carry their own copy of the factor, so nothing recorded ever changes;
where rows came or were withdrawn, a `factor_change` of the same moment is left for `adjusting.py`.
"""

import asyncio
import csv
from collections.abc import Callable, Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

from infra.postgres.connection import Database

FOLDER = Path(__file__).parent
RESTRICTED = "fr_ademe_impactco2.csv"
"""Free for non-commercial reuse only: loaded where the setting says so."""

Progress = Callable[[str, int, int], None]

_WITHDRAW = """
    WITH shipped AS (
        SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::numeric[], $6::text[], $7::date[],
                             $8::date[], $9::text[], $10::text[], $11::text[], $12::text[], $13::text[],
                             $14::numeric[], $15::numeric[])
            AS row (factor_id, label, category, unit, kg_per_unit, region, valid_from, valid_to, source, edition,
                    reference, scope, notes, uncertainty_low, uncertainty_high)),
    current AS (SELECT * FROM emission_factor WHERE withdrawn_at IS NULL),
    stale AS (
        SELECT current.id FROM current LEFT JOIN shipped USING (factor_id, region, valid_from)
        WHERE (current.label, current.category, current.unit, current.kg_per_unit, current.valid_to, current.source,
               current.edition, current.reference, current.scope, current.notes, current.uncertainty_low,
               current.uncertainty_high)
            IS DISTINCT FROM (shipped.label, shipped.category, shipped.unit, shipped.kg_per_unit, shipped.valid_to,
                              shipped.source, shipped.edition, shipped.reference, shipped.scope, shipped.notes,
                              shipped.uncertainty_low, shipped.uncertainty_high))
    UPDATE emission_factor SET withdrawn_at = now() WHERE id IN (SELECT id FROM stale)"""
_ADD = """
    INSERT INTO emission_factor (factor_id, label, category, unit, kg_per_unit, region, valid_from, valid_to, source,
                                 edition, reference, scope, notes, uncertainty_low, uncertainty_high, version,
                                 loaded_at)
    SELECT row.*, 1 + (SELECT count(*) FROM emission_factor AS old WHERE old.factor_id = row.factor_id
                       AND old.region = row.region AND old.valid_from = row.valid_from), now()
    FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::numeric[], $6::text[], $7::date[], $8::date[],
                $9::text[], $10::text[], $11::text[], $12::text[], $13::text[], $14::numeric[], $15::numeric[])
        AS row (factor_id, label, category, unit, kg_per_unit, region, valid_from, valid_to, source, edition,
                reference, scope, notes, uncertainty_low, uncertainty_high)
    WHERE NOT EXISTS (SELECT FROM emission_factor AS current WHERE current.factor_id = row.factor_id
                      AND current.region = row.region AND current.valid_from = row.valid_from
                      AND current.withdrawn_at IS NULL)
    ORDER BY row.factor_id, row.region, row.valid_from"""

_LEAVE_CHANGE = """
    INSERT INTO factor_change (loaded_at) SELECT now()
    WHERE EXISTS (SELECT FROM emission_factor WHERE loaded_at = now() OR withdrawn_at = now())
        AND EXISTS (SELECT FROM emission_factor WHERE loaded_at < now())"""


async def load_factors(
    database: Database, *, ademe_impact_co2: bool, progress: Progress | None = None, folder: Path = FOLDER
) -> int:
    """The number of factors that hold now. `progress` hears the file, the rows done and the rows in all."""
    tables = await asyncio.to_thread(_tables, folder, ademe_impact_co2)
    rows = [row for _name, table in tables for row in table]
    columns = [list(column) for column in zip(*rows, strict=True)]
    async with database.pool.acquire() as connection, connection.transaction():
        await connection.execute("SELECT pg_advisory_xact_lock(hashtextextended('emission_factor', 0))")
        await connection.execute(_WITHDRAW, *columns)
        done = 0
        for name, table in tables:
            await connection.execute(_ADD, *(list(column) for column in zip(*table, strict=True)))
            done += len(table)
            if progress is not None:
                progress(name, done, len(rows))
        await connection.execute(_LEAVE_CHANGE)
    return len(rows)


def _tables(folder: Path, ademe_impact_co2: bool) -> list[tuple[str, list[tuple[Any, ...]]]]:
    """Each file's name and rows."""
    files = [path for path in sorted(folder.glob("*.csv")) if ademe_impact_co2 or path.name != RESTRICTED]
    return [(path.name, list(_rows(path))) for path in files]


def _rows(path: Path) -> Iterator[tuple[Any, ...]]:
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            yield (
                row["factor_id"],
                row["activity"],
                row["category"],
                row["unit"],
                Decimal(row["kg_co2e_per_unit"]),
                row["region"],
                date.fromisoformat(row["valid_from"]),
                date.fromisoformat(row["valid_to"]) if row["valid_to"] else None,
                row["source"],
                row["source_edition"],
                row["source_ref"],
                row["scope"],
                row["notes"],
                _optional(row.get("uncertainty_low")),
                _optional(row.get("uncertainty_high")),
            )


def _optional(text: str | None) -> Decimal | None:
    """The last two columns are in tables alone whose source gives a range."""
    return Decimal(text) if text else None
