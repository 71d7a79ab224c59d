"""Activities as rows, there and back."""

from dataclasses import fields
from decimal import Decimal

import asyncpg
import orjson

from domain.footprint.model import Activity, ActivitySource, ActivityStatus, Explanation

ACTIVITY_COLUMNS = (
    "id, owner, client_id, activity, category, quantity, unit, started_at, ended_at, local_date, source, status, "
    "emissions, explanation, shared_by, factor_rows, adjusts, adjusted_by, reason, choices, region"
)


def activity_of(row: asyncpg.Record) -> Activity:
    return Activity(
        id=row["id"],
        owner=row["owner"],
        client_id=row["client_id"],
        activity=row["activity"],
        category=row["category"],
        quantity=row["quantity"],
        unit=row["unit"],
        started_at=row["started_at"],
        ended_at=row["ended_at"],
        local_date=row["local_date"],
        source=ActivitySource(row["source"]),
        status=ActivityStatus(row["status"]),
        emissions=row["emissions"],
        explanation=_explanation(row["explanation"]),
        shared_by=row["shared_by"],
        factor_rows=tuple(row["factor_rows"]),
        adjusts=row["adjusts"],
        adjusted_by=row["adjusted_by"],
        reason=row["reason"],
        choices=tuple(row["choices"].split()),
        region=row["region"],
    )


_EXPLAINED = tuple(field.name for field in fields(Explanation))


def explanation_text(explanation: Explanation) -> str:
    values = {name: getattr(explanation, name) for name in _EXPLAINED}
    return orjson.dumps(values, default=str).decode()


def _explanation(text: str) -> Explanation:
    values = orjson.loads(text)
    return Explanation(
        **{
            **values,
            "factor_kg_per_unit": Decimal(values["factor_kg_per_unit"]),
            "converted_quantity": Decimal(values["converted_quantity"]),
            "caveats": tuple(values["caveats"]),
        }
    )
