"""Goals, pacing, forecasts and advice."""

from datetime import date
from decimal import Decimal
from typing import Annotated

import strawberry

from domain.footprint import advising, pacing
from domain.footprint.advising import ADVICE_WEEKS
from domain.footprint.goals import advice_for, pace_of, set_goal
from domain.identity.model import Viewer
from domain.units import Grams
from schema.context import Info, RequestContext
from schema.errors import InvalidInput
from schema.footprint.types import EmissionFactor
from schema.node import represents
from schema.permissions import Limited, Requires, person


@strawberry.type(description="Of the whole period: what is recorded and what will probably come. It earns nothing.")
class Forecast:
    expected: Grams
    low: Grams
    high: Grams

    @strawberry.field(description="share of the outcomes that should fall between low and high")
    @staticmethod
    def coverage_percent() -> int:
        return pacing.COVERAGE_PERCENT


@strawberry.type
class Outlook:
    from_date: date = strawberry.field(name="from")
    to_date: date = strawberry.field(name="to")
    so_far: Grams
    forecast: Forecast | None = strawberry.field(
        description="null with less than two weeks of history, or where none can be had just now"
    )


@strawberry.type(description="This week, Monday to Sunday in the person's own time zone, against a goal.")
@represents(pacing.Pace)
class Pace:
    goal: Grams | None = strawberry.field(
        description="for a week: the person's own, else the programme's weeklyAllowance, else null"
    )
    is_own_goal: bool
    left: Grams | None = strawberry.field(description="below zero where more was used")
    days_left: int = strawberry.field(description="until Sunday, today included")
    daily_left: Grams | None = strawberry.field(description="what each of these days may cost; never below zero")
    text: str = strawberry.field(description="for example 2.1 kg left until Sunday")
    week: Outlook
    month: Outlook


@strawberry.type(
    description=(
        "A change and what it would have saved in the last 8 weeks: quantity x (kgPerUnitNow - kgPerUnitThen) = saved. "
        "Both kilograms are those of published factors."
    )
)
class Advice:
    change: str = strawberry.field(description="stable name of the change, for example car_to_train")
    title: str
    assumption: str
    now: EmissionFactor
    then: EmissionFactor | None = strawberry.field(description="null where nothing takes its place")
    quantity: Decimal = strawberry.field(description="what would change, of the last 8 weeks")
    unit: str
    kg_per_unit_now: Decimal
    kg_per_unit_then: Decimal
    saved: Grams
    saved_weekly: Grams
    arithmetic: str

    @strawberry.field
    @staticmethod
    def weeks() -> int:
        return ADVICE_WEEKS


SetGoalResult = Annotated[Pace | InvalidInput, strawberry.union("SetGoalResult")]


@strawberry.type
class ViewerOutlook:
    @strawberry.field(graphql_type=Pace)
    @staticmethod
    async def pace(viewer: strawberry.Parent[Viewer], info: Info) -> pacing.Pace:
        return await _pace(info.context)

    @strawberry.field(
        graphql_type=list[Advice],
        description="the changes that would save most, at most 3, each of another habit; the best first",
    )
    @staticmethod
    async def advice(viewer: strawberry.Parent[Viewer], info: Info) -> list[advising.Advice]:
        context = info.context
        user = await context.user()
        return await advice_for(
            context.stores.factors,
            context.stores.footprint,
            context.stores.changes,
            owner=user.owner,
            time_zone=user.time_zone,
            now=context.now,
        )


@strawberry.type
class OutlookMutations:
    @strawberry.mutation(
        graphql_type=SetGoalResult,
        extensions=[Limited("mutations"), Requires(person)],
        description="grams a week; null goes back to the programme's weeklyAllowance",
    )
    @staticmethod
    async def set_goal(info: Info, weekly: Grams | None) -> pacing.Pace:
        context = info.context
        await set_goal(context.stores.goals, owner=context.owner, weekly=weekly, now=context.now)
        return await _pace(context)


async def _pace(context: RequestContext) -> pacing.Pace:
    user = await context.user()
    return await pace_of(
        context.stores.goals,
        context.stores.footprint,
        context.stores.programmes,
        context.stores.forecasts,
        owner=user.owner,
        time_zone=user.time_zone,
        now=context.now,
    )
