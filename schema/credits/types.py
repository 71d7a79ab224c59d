from datetime import date

import strawberry

from domain.basis import EmissionBasis
from domain.credits import model as credits
from domain.units import Grams
from schema.context import Info
from schema.ledger.types import Asset
from schema.node import Node, represents

strawberry.enum(
    EmissionBasis,
    description=(
        "What the activities of members are counted by: DIRECT is emissions at the source, LIFECYCLE adds the supply "
        "of fuels. Where only a factor of the other kind exists, the activity says so in a caveat."
    ),
)


@strawberry.type(
    description=(
        "A city, company, school or community with a carbon budget. A week is booked when it is closed, not before: "
        "one entry per member issues the whole weeklyAllowance, surrenders min(footprint, issued), and only what is "
        "left over becomes available. Everyone who is a member when closePeriod runs takes part, whenever they "
        "joined; nothing is pro-rated. A member with no COUNTED activity in that week is closed with zeros. Any past "
        "week may be closed, once. The asset is that of the week's ISO year, opened with its instrument where "
        "missing. An activity that arrives for a closed week counts in the summary and moves nothing."
    )
)
@represents(credits.Programme, key=lambda programme: programme.code)
class Programme(Node):
    code: str
    name: str
    region: str
    currency: str
    allowance_asset: Asset
    points_asset: Asset
    weekly_allowance: Grams
    points_per_kg: int = strawberry.field(description="points for one kilogram of allowance given up")
    basis: EmissionBasis

    @strawberry.field
    @staticmethod
    async def members(programme: strawberry.Parent[credits.Programme], info: Info) -> int:
        return await info.context.stores.programmes.member_count(programme.id)


@strawberry.type(
    description=(
        "One member's week: issued = surrendered + leftOver; surrendered = min(footprint, issued) in a voluntary "
        "programme."
    )
)
@represents(credits.PeriodStatement, key=lambda week: f"{week.programme}.{week.week_start}.{week.owner}")
class PeriodStatement(Node):
    week_start: date = strawberry.field(name="from")
    week_end: date = strawberry.field(name="to")
    issued: Grams
    footprint: Grams
    surrendered: Grams
    left_over: Grams
