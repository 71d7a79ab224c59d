from datetime import datetime
from typing import Annotated

import strawberry

from domain.errors import DomainError
from domain.footprint import model as footprint
from domain.footprint.resolution import resolve_activity
from domain.footprint.service import record_activities
from schema.context import Info
from schema.errors import (
    IdempotencyKeyReused,
    InvalidInput,
    NotFound,
    TooManyRequests,
    UserError,
    as_user_error,
)
from schema.footprint.types import Activity
from schema.node import uuid_of
from schema.permissions import Limited, Requires, person
from schema.scalars import DecimalText


@strawberry.input
class ActivityInput:
    client_id: strawberry.ID = strawberry.field(
        description="UUID made by the phone; the same id again is the same record"
    )
    activity: str = strawberry.field(
        description="factor id, for example transport.car.petrol.medium or energy.electricity.grid"
    )
    quantity: DecimalText
    unit: str = strawberry.field(description="the factor's unit or one convertible to it, for example mile for km")
    started_at: datetime
    ended_at: datetime | None
    region: str | None = strawberry.field(description="ISO 3166-1 or 3166-2; the person's own region where absent")
    source: footprint.ActivitySource | None = footprint.ActivitySource.MANUAL
    shared_by: int | None = strawberry.field(description="people who shared it; emissions are divided by it", default=1)


RecordActivityResult = Annotated[
    Activity | InvalidInput | NotFound | IdempotencyKeyReused, strawberry.union("RecordActivityResult")
]


@strawberry.type(
    description=(
        "In the order of the input, at most 500. What the types let through and is wrong (unit, range, date, factor) "
        "is refused alone."
    )
)
class RecordActivitiesPayload:
    results: list[footprint.Activity | UserError] = strawberry.field(graphql_type=list[RecordActivityResult])


RecordActivitiesResult = Annotated[
    RecordActivitiesPayload | InvalidInput | TooManyRequests, strawberry.union("RecordActivitiesResult")
]


ResolveActivityResult = Annotated[Activity | InvalidInput | NotFound, strawberry.union("ResolveActivityResult")]


@strawberry.type
class FootprintMutations:
    @strawberry.mutation(graphql_type=RecordActivitiesResult, extensions=[Limited("mutations"), Requires(person)])
    @staticmethod
    async def record_activities(info: Info, activities: list[ActivityInput]) -> RecordActivitiesPayload:
        context = info.context
        user = await context.user()
        recorded = await record_activities(
            context.stores.factors,
            context.stores.footprint,
            owner=user.owner,
            region=user.region,
            time_zone=user.time_zone,
            drafts=[_draft(activity) for activity in activities],
            now=context.now,
        )
        return RecordActivitiesPayload(
            results=[as_user_error(result) if isinstance(result, DomainError) else result for result in recorded]
        )

    @strawberry.mutation(
        graphql_type=ResolveActivityResult,
        description=(
            "Answers what is asked about an activity. The activity is REVERSED and the answer's takes its place, which "
            "is returned; DISCARD returns the REVERSED one. The same answer again returns the same."
        ),
        extensions=[Limited("mutations"), Requires(person)],
    )
    @staticmethod
    async def resolve_activity(
        info: Info,
        id: strawberry.ID,
        resolution: footprint.ActivityResolution,
        activity: Annotated[
            str | None,
            strawberry.argument(description="for CHOOSE: a factor id, one of the choices where there are any"),
        ] = None,
        shared_by: Annotated[
            int | None, strawberry.argument(description="for CHOOSE: people who shared it; emissions are divided by it")
        ] = None,
    ) -> footprint.Activity:
        context = info.context
        user = await context.user()
        return await resolve_activity(
            context.stores.factors,
            context.stores.footprint,
            context.stores.answers,
            owner=user.owner,
            region=user.region,
            activity_id=uuid_of(id, "Activity"),
            answer=footprint.ActivityAnswer(resolution, activity, shared_by),
            now=context.now,
        )


def _draft(activity: ActivityInput) -> footprint.ActivityDraft:
    return footprint.ActivityDraft(
        client_id=activity.client_id,
        activity=activity.activity,
        quantity=activity.quantity,
        unit=activity.unit,
        started_at=activity.started_at,
        ended_at=activity.ended_at,
        region=activity.region,
        source=activity.source or footprint.ActivitySource.MANUAL,
        shared_by=1 if activity.shared_by is None else activity.shared_by,
    )
