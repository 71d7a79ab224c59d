from datetime import date
from typing import Annotated

import strawberry

from domain.basis import EmissionBasis
from domain.credits import model as credits
from domain.credits.service import close_period, convert_to_points, create_programme, join_programme
from domain.ledger import model as ledger
from domain.units import Grams
from schema.context import Info
from schema.credits.types import Programme
from schema.errors import (
    AlreadyMember,
    CodeTaken,
    IdempotencyKeyReused,
    InsufficientBalance,
    InvalidInput,
    NotFound,
    Overloaded,
    PeriodAlreadyClosed,
    PeriodNotOver,
)
from schema.ledger.types import Balance
from schema.permissions import Limited, Requires, operator, person


@strawberry.input
class CreateProgrammeInput:
    code: str = strawberry.field(
        description=(
            "letters, digits and dashes; the allowance asset of 2026 is then PCA-<code>-2026, the points asset "
            "PTS-<code>"
        )
    )
    name: str
    region: str
    currency: str
    weekly_allowance: Grams
    points_per_kg: int
    time_zone: str | None = "UTC"
    maker_fee_basis_points: int | None = strawberry.field(
        description="fee of whoever's order rested, in hundredths of a percent of the trade's value", default=0
    )
    taker_fee_basis_points: int | None = strawberry.field(
        description="fee of whoever's order came in, in hundredths of a percent of the trade's value", default=0
    )
    basis: EmissionBasis | None = EmissionBasis.DIRECT


@strawberry.type
class ClosePeriodPayload:
    members: int
    issued: Grams
    surrendered: Grams
    left_over: Grams


@strawberry.type
class ConvertPayload:
    allowance: ledger.Balance = strawberry.field(graphql_type=Balance)
    points: ledger.Balance = strawberry.field(graphql_type=Balance)


CreateProgrammeResult = Annotated[Programme | CodeTaken | InvalidInput, strawberry.union("CreateProgrammeResult")]
JoinProgrammeResult = Annotated[Programme | NotFound | AlreadyMember, strawberry.union("JoinProgrammeResult")]
ClosePeriodResult = Annotated[
    ClosePeriodPayload | NotFound | PeriodAlreadyClosed | PeriodNotOver | Overloaded,
    strawberry.union("ClosePeriodResult"),
]
ConvertToPointsResult = Annotated[
    ConvertPayload | InvalidInput | InsufficientBalance | IdempotencyKeyReused | NotFound | Overloaded,
    strawberry.union("ConvertToPointsResult"),
]


@strawberry.type
class CreditMutations:
    @strawberry.mutation(
        graphql_type=JoinProgrammeResult,
        extensions=[Limited("mutations"), Requires(person)],
        description="one programme per person: a second join, of any programme, is ALREADY_MEMBER",
    )
    @staticmethod
    async def join_programme(info: Info, code: str) -> credits.Programme:
        context = info.context
        return await join_programme(context.stores.programmes, owner=context.owner, code=code, now=context.now)

    @strawberry.mutation(
        graphql_type=ConvertToPointsResult,
        extensions=[Limited("mutations"), Requires(person)],
        description=(
            "left-over allowance becomes floor(grams x pointsPerKg / 1000) points; all the grams are used up and can "
            "no longer be sold; 0 points is INVALID_INPUT"
        ),
    )
    @staticmethod
    async def convert_to_points(info: Info, asset: str, grams: Grams, idempotency_key: strawberry.ID) -> ConvertPayload:
        context = info.context
        allowance, points = await convert_to_points(
            context.commands,
            context.stores.ledger,
            owner=context.owner,
            asset=asset,
            grams=grams,
            key=idempotency_key,
        )
        return ConvertPayload(allowance=allowance, points=points)

    @strawberry.mutation(
        graphql_type=CreateProgrammeResult,
        extensions=[Limited("mutations"), Requires(operator)],
        description="scope OPERATOR; opens the programme's allowance asset and its instrument PCA-<code>-<year>",
    )
    @staticmethod
    async def create_programme(info: Info, input: CreateProgrammeInput) -> credits.Programme:
        context = info.context
        return await create_programme(
            context.commands,
            context.stores.programmes,
            caller=context.owner,
            code=input.code,
            name=input.name,
            region=input.region,
            currency=input.currency,
            weekly_allowance=input.weekly_allowance,
            points_per_kg=input.points_per_kg,
            time_zone="UTC" if input.time_zone is None else input.time_zone,
            maker_fee_basis_points=input.maker_fee_basis_points or 0,
            taker_fee_basis_points=input.taker_fee_basis_points or 0,
            basis=input.basis or EmissionBasis.DIRECT,
            now=context.now,
        )

    @strawberry.mutation(
        graphql_type=ClosePeriodResult,
        extensions=[Limited("mutations"), Requires(operator)],
        description="scope OPERATOR; closes the ISO week that holds this day for every member",
    )
    @staticmethod
    async def close_period(info: Info, programme_code: str, week_of: date) -> ClosePeriodPayload:
        context = info.context
        totals = await close_period(
            context.commands,
            context.stores.programmes,
            context.stores.footprint,
            caller=context.owner,
            programme_code=programme_code,
            week_of=week_of,
            now=context.now,
        )
        return ClosePeriodPayload(
            members=totals.members,
            issued=Grams(totals.issued),
            surrendered=Grams(totals.surrendered),
            left_over=Grams(totals.left_over),
        )
