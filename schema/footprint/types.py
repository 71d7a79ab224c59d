from datetime import date, datetime
from decimal import Decimal
from typing import Annotated
from uuid import UUID

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
strawberry.enum(
    footprint.ActivityResolution,
    description=(
        "CONFIRM: it is right as it is. DISCARD: it never was, or is counted already. CHOOSE: it was `activity`, or "
        "`sharedBy` people shared it."
    ),
)


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
    emissions_low: Grams | None = strawberry.field(description="null where the factor's source gives no range")
    emissions_high: Grams | None


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
    reason: str = strawberry.field(description="why it is QUARANTINED, in words for its owner; else empty")
    choices: list[str] = strawberry.field(
        description="factor ids among which its owner is asked; until then the first stands for all, uncounted"
    )
    shared_by: int

    @strawberry.field
    @staticmethod
    def client_id(activity: strawberry.Parent[footprint.Activity]) -> strawberry.ID:
        return strawberry.ID(str(activity.client_id))

    @strawberry.field(
        graphql_type=Annotated["Activity", strawberry.lazy("schema.footprint.types")] | None,
        description="the REVERSED record that this one replaced: a factor was corrected or its owner answered",
    )
    @staticmethod
    async def adjusts(activity: strawberry.Parent[footprint.Activity], info: Info) -> footprint.Activity | None:
        return await _linked(info, activity.adjusts)

    @strawberry.field(
        graphql_type=Annotated["Activity", strawberry.lazy("schema.footprint.types")] | None,
        description="the record that took the place of this one: a factor was corrected or its owner answered",
    )
    @staticmethod
    async def adjusted_by(activity: strawberry.Parent[footprint.Activity], info: Info) -> footprint.Activity | None:
        return await _linked(info, activity.adjusted_by)


async def _linked(info: Info, activity_id: UUID | None) -> footprint.Activity | None:
    return None if activity_id is None else await info.context.loaders.activities.load(activity_id)


@strawberry.type
class CategoryTotal:
    category: str
    total: Grams
    activities: int


@strawberry.type
class DayTotal:
    date: date
    total: Grams


@strawberry.type(
    description=(
        "From the lowest to the highest that the sources of the factors allow, if all of them err the same way. "
        "`covered` is the part of the total whose factors have a range; the rest is in both bounds as it is."
    )
)
class EmissionsRange:
    low: Grams
    high: Grams
    covered: Grams


@strawberry.type(description="allowance = weeklyAllowance x days / 7, rounded down; `remaining` may be negative.")
class FootprintSummary:
    from_date: date = strawberry.field(name="from")
    to_date: date = strawberry.field(name="to")
    total: Grams
    by_category: list[CategoryTotal]
    by_day: list[DayTotal]
    allowance: Grams | None = strawberry.field(description="null where the person belongs to no programme")
    remaining: Grams | None
    range: EmissionsRange | None = strawberry.field(description="null where no source gives a range")


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
    scope: str = strawberry.field(description="what it covers, for example direct, generation or lifecycle")
    notes: str
    uncertainty_low: Decimal | None = strawberry.field(
        description="kg CO2e per unit; null where the source gives no range"
    )
    uncertainty_high: Decimal | None


@strawberry.type(description="A kind of file that POST /v1/imports reads. What a file is, its content decides.")
class ImportFormat:
    name: str
    description: str
    file_kinds: list[str] = strawberry.field(description="the endings that such files usually have")

    @strawberry.field(description="where the format is explained, in the documentation that comes with the server")
    @staticmethod
    def docs(listed: strawberry.Parent[footprint.ImportFormat]) -> str:
        return f"docs/capture.md#{listed.name.lower()}"


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
