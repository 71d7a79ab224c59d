"""Households: who shares which meters."""

from datetime import date
from typing import Annotated

import strawberry

from domain.footprint import home
from domain.footprint import household as service
from domain.identity.model import Viewer
from schema.context import Info, RequestContext
from schema.errors import InvalidInput, NotFound
from schema.node import Node, finds, represents
from schema.permissions import Limited, Requires, person


@strawberry.type
class HouseholdMember:
    joined_on: date

    @strawberry.field
    @staticmethod
    def is_viewer(member: strawberry.Parent[home.HouseholdMember], info: Info) -> bool:
        return member.owner == info.context.owner


@strawberry.type
class HouseholdMeter:
    meter: str
    from_date: date = strawberry.field(name="from")

    @strawberry.field(description="whether the viewer sends its readings")
    @staticmethod
    def is_viewers(meter: strawberry.Parent[home.HouseholdMeter], info: Info) -> bool:
        return meter.owner == info.context.owner


@strawberry.type(
    description=(
        "People who live together. Each has an equal share of every day of the meters that they share, as an activity "
        "of their own; the shares are the whole to the gram. Joining and leaving change the days from then on."
    )
)
@represents(home.Household, key=lambda household: household.id)
class Household(Node):
    name: str
    invite_code: str = strawberry.field(description="who has it may join: tell it to those who live with you alone")
    members: list[HouseholdMember]
    meters: list[HouseholdMeter]


CreateHouseholdResult = Annotated[Household | InvalidInput, strawberry.union("CreateHouseholdResult")]
JoinHouseholdResult = Annotated[Household | InvalidInput | NotFound, strawberry.union("JoinHouseholdResult")]
LeaveHouseholdResult = Annotated[Household | NotFound, strawberry.union("LeaveHouseholdResult")]
AssignMeterResult = Annotated[Household | InvalidInput | NotFound, strawberry.union("AssignMeterResult")]


@strawberry.type
class HouseholdMutations:
    @strawberry.mutation(graphql_type=CreateHouseholdResult, extensions=[Limited("mutations"), Requires(person)])
    @staticmethod
    async def create_household(info: Info, name: str) -> home.Household:
        user = await info.context.user()
        return await service.create_household(
            info.context.stores.households,
            owner=user.owner,
            name=name,
            time_zone=user.time_zone,
            now=info.context.now,
        )

    @strawberry.mutation(graphql_type=JoinHouseholdResult, extensions=[Limited("mutations"), Requires(person)])
    @staticmethod
    async def join_household(info: Info, code: str) -> home.Household:
        user = await info.context.user()
        return await service.join_household(
            info.context.stores.households,
            owner=user.owner,
            code=code,
            time_zone=user.time_zone,
            now=info.context.now,
        )

    @strawberry.mutation(
        graphql_type=LeaveHouseholdResult,
        description="The viewer's meters go with them.",
        extensions=[Limited("mutations"), Requires(person)],
    )
    @staticmethod
    async def leave_household(info: Info) -> home.Household:
        user = await info.context.user()
        return await service.leave_household(
            info.context.stores.households, owner=user.owner, time_zone=user.time_zone, now=info.context.now
        )

    @strawberry.mutation(
        graphql_type=AssignMeterResult,
        description="The viewer's meter is shared by their household from this day on.",
        extensions=[Limited("mutations"), Requires(person)],
    )
    @staticmethod
    async def assign_meter(
        info: Info, meter: str, from_date: Annotated[date, strawberry.argument(name="from")]
    ) -> home.Household:
        user = await info.context.user()
        return await service.assign_meter(
            info.context.stores.households,
            owner=user.owner,
            meter=meter,
            from_date=from_date,
            region=user.region,
            time_zone=user.time_zone,
            now=info.context.now,
        )


@strawberry.type
class ViewerHousehold:
    @strawberry.field(graphql_type=Household | None)
    @staticmethod
    async def household(viewer: strawberry.Parent[Viewer], info: Info) -> home.Household | None:
        return await info.context.stores.households.household_of(viewer.owner)


@finds("Household")
async def find_household(context: RequestContext, key: str) -> home.Household | None:
    household = await context.stores.households.household_of(context.owner)
    return household if household is not None and str(household.id) == key else None
