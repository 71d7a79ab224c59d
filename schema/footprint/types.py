from datetime import date, datetime
from decimal import Decimal

import strawberry

from domain.footprint import model as footprint
from domain.units import Grams
from schema.connections import checked_first
from schema.context import Info
from schema.node import Node, represents

strawberry.enum(footprint.ActivitySource)
strawberry.enum(
    footprint.ActivityStatus,
    description=(
        "COUNTED is part of the footprint; QUARANTINED waits for its owner to confirm it; REVERSED no longer counts."
    ),
)
strawberry.enum(footprint.ImportStatus)


@strawberry.type(description="Why a number is what it is: enough to recompute it by hand.")
class Explanation:
    factor_id: str
    factor_kg_per_unit: Decimal
    factor_unit: str
    region: str
    edition: str
    source: str
    converted_quantity: Decimal
    formula: str
    caveats: list[str]


@strawberry.type(description="One thing a person did, and the emissions it caused.")
@represents(footprint.Activity, key=lambda activity: activity.id)
class Activity(Node):
    activity: str
    category: str
    quantity: Decimal
    unit: str
    started_at: datetime
    ended_at: datetime | None
    source: footprint.ActivitySource
    status: footprint.ActivityStatus
    emissions: Grams
    explanation: Explanation

    @strawberry.field
    @staticmethod
    def client_id(activity: strawberry.Parent[footprint.Activity]) -> strawberry.ID:
        return strawberry.ID(str(activity.client_id))


@strawberry.type
class CategoryTotal:
    category: str
    total: Grams
    activities: int


@strawberry.type
class DayTotal:
    date: date
    total: Grams


@strawberry.type(description="allowance = weeklyAllowance x days / 7, rounded down; `remaining` may be negative.")
class FootprintSummary:
    from_date: date = strawberry.field(name="from")
    to_date: date = strawberry.field(name="to")
    total: Grams
    by_category: list[CategoryTotal]
    by_day: list[DayTotal]
    allowance: Grams | None = strawberry.field(description="null where the person belongs to no programme")
    remaining: Grams | None


@strawberry.type
class EmissionFactor:
    factor_id: str
    label: str
    category: str
    unit: str
    kg_per_unit: Decimal = strawberry.field(name="kgCo2ePerUnit")
    region: str
    valid_from: date
    valid_to: date | None
    source: str
    edition: str


@strawberry.type
class ImportRejection:
    line: int | None
    record: str | None
    reason: str
    code: str


@strawberry.type(
    description=(
        "A file on its way into the footprint. Files are sent to POST /v1/imports, which answers with this id. "
        "`records*` count readings; one Activity is made per meter, register and local day; `emissions` is what was "
        "recorded, quarantined or not. A reading is unique per owner, meter, register, start and end: the same file "
        "again imports 0."
    )
)
@represents(footprint.ImportJob, key=lambda job: job.id)
class Import(Node):
    format: str
    status: footprint.ImportStatus
    records_read: int
    records_imported: int
    records_duplicate: int
    records_rejected: int
    emissions: Grams

    @strawberry.field(graphql_type=list[ImportRejection])
    @staticmethod
    async def rejections(
        job: strawberry.Parent[footprint.ImportJob], info: Info, first: int | None = 100
    ) -> list[footprint.Rejection]:
        return list(await info.context.stores.imports.rejections(job.id, checked_first(first, 100)))
