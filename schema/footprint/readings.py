"""recordReadings: what a phone or a device read off a meter."""

from datetime import datetime
from typing import Annotated

import strawberry

from domain.footprint import model as footprint
from domain.footprint.readings import record_readings
from domain.units import Grams
from schema.context import Info
from schema.errors import InvalidInput, NotFound, TooManyRequests
from schema.footprint.types import ImportRejection
from schema.node import represents
from schema.permissions import Limited, Requires, person
from schema.scalars import DecimalText

strawberry.enum(footprint.Commodity, name="MeterCommodity")
strawberry.enum(
    footprint.Direction,
    name="MeterDirection",
    description="IMPORT is use; a NET value above zero is use, below zero it is export.",
)


@strawberry.input(
    description=(
        "Readings of one register at equal steps: `values[i]` is what was used from `start` + i x `intervalSeconds` on."
    )
)
class LoadProfileInput:
    meter: str
    start: datetime
    interval_seconds: int
    values: list[DecimalText | None] = strawberry.field(description="null: no reading")
    unit: str = "kWh"
    register: str = "import"
    commodity: footprint.Commodity = footprint.Commodity.ELECTRICITY
    direction: footprint.Direction = footprint.Direction.IMPORT


@strawberry.type(
    description="The counts are of readings; `emissions` is what they added to the footprint, in quarantine or not."
)
@represents(footprint.ReadingsReceipt)
class RecordReadingsPayload:
    imported: int
    duplicate: int
    rejected: int
    emissions: Grams
    rejections: list[ImportRejection]


RecordReadingsResult = Annotated[
    RecordReadingsPayload | InvalidInput | NotFound | TooManyRequests, strawberry.union("RecordReadingsResult")
]


@strawberry.type
class ReadingMutations:
    @strawberry.mutation(
        graphql_type=RecordReadingsResult,
        description=(
            "At most 2,000 readings, judged like those of a file and added up by day. The same reading again counts "
            "once, another value for its time replaces it."
        ),
        extensions=[Limited("mutations"), Requires(person)],
    )
    @staticmethod
    async def record_readings(info: Info, profiles: list[LoadProfileInput]) -> footprint.ReadingsReceipt:
        context = info.context
        user = await context.user()
        return await record_readings(
            context.stores.readings,
            owner=user.owner,
            region=user.region,
            time_zone=user.time_zone,
            profiles=[_profile(profile) for profile in profiles],
            now=context.now,
        )


def _profile(profile: LoadProfileInput) -> footprint.LoadProfile:
    return footprint.LoadProfile(
        meter=profile.meter,
        register=profile.register,
        commodity=profile.commodity,
        direction=profile.direction,
        unit=profile.unit,
        start=profile.start,
        interval_seconds=profile.interval_seconds,
        values=tuple(profile.values),
    )
