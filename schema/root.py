"""The three roots, composed from the areas, and the schema itself."""

from typing import Any

import strawberry
from graphql import GraphQLError, GraphQLObjectType, Undefined
from strawberry.schema.config import StrawberryConfig
from strawberry.types import ExecutionContext

from domain.identity import model as identity
from schema.context import Info
from schema.credits.mutations import CreditMutations
from schema.credits.queries import CreditQueries, ViewerCredits
from schema.errors import USER_ERRORS
from schema.events import EventSubscriptions, ViewerEvents
from schema.footprint.devices import DeviceMutations, ViewerDevices
from schema.footprint.households import HouseholdMutations, ViewerHousehold
from schema.footprint.mutations import FootprintMutations
from schema.footprint.outlook import OutlookMutations, ViewerOutlook
from schema.footprint.queries import FootprintQueries, ViewerFootprint
from schema.footprint.readings import ReadingMutations
from schema.footprint.subscriptions import FootprintSubscriptions
from schema.identity.mutations import IdentityMutations
from schema.identity.queries import ViewerIdentity
from schema.ledger.mutations import LedgerMutations
from schema.ledger.queries import ViewerLedger
from schema.node import Node, find_node
from schema.orders.desk import DeskMutations, DeskQueries
from schema.orders.mutations import OrderMutations
from schema.orders.preview import ViewerPreview
from schema.orders.queries import OrderQueries, ViewerOrders
from schema.orders.subscriptions import OrderSubscriptions
from schema.permissions import Requires, person, signed_in
from schema.rewards.mutations import RewardMutations
from schema.rewards.queries import RewardQueries, ViewerRewards
from schema.scalars import SCALARS


@strawberry.type
class Viewer(
    ViewerIdentity,
    ViewerLedger,
    ViewerCredits,
    ViewerFootprint,
    ViewerDevices,
    ViewerHousehold,
    ViewerOutlook,
    ViewerOrders,
    ViewerPreview,
    ViewerRewards,
    ViewerEvents,
):
    pass


@strawberry.type
class Query(CreditQueries, OrderQueries, DeskQueries, FootprintQueries, RewardQueries):
    @strawberry.field(graphql_type=Node | None, extensions=[Requires(signed_in)])
    @staticmethod
    async def node(info: Info, id: strawberry.ID) -> Any:
        return await find_node(info.context, id)

    @strawberry.field(graphql_type=Viewer | None, description="null for a caller that is not signed in")
    @staticmethod
    def viewer(info: Info) -> identity.Viewer | None:
        if info.context.viewer is not None:
            person(info.context)
        return info.context.viewer


@strawberry.type
class Mutation(
    IdentityMutations,
    FootprintMutations,
    DeviceMutations,
    OutlookMutations,
    ReadingMutations,
    HouseholdMutations,
    CreditMutations,
    OrderMutations,
    DeskMutations,
    RewardMutations,
    LedgerMutations,
):
    pass


@strawberry.type
class Subscription(OrderSubscriptions, EventSubscriptions, FootprintSubscriptions):
    pass


class Schema(strawberry.Schema):
    def process_errors(self, errors: list[GraphQLError], execution_context: ExecutionContext | None = None) -> None:
        """Nothing: whoever serves the schema tells errors and logs faults; a refusal is no line in a log."""


def build_schema(development: bool = False) -> Schema:
    schema = Schema(
        query=Query,
        mutation=Mutation,
        subscription=Subscription,
        config=StrawberryConfig(scalar_map=SCALARS, disable_field_suggestions=not development),
        exception_handlers=USER_ERRORS.values(),
    )
    _leave_out_null_defaults(schema)
    return schema


def _leave_out_null_defaults(schema: Schema) -> None:
    """An argument that may be absent has no default in the contract; Strawberry shows Python's None as `= null`."""
    for type_ in schema._schema.type_map.values():
        if isinstance(type_, GraphQLObjectType):
            for field in type_.fields.values():
                for argument in field.args.values():
                    if argument.default_value is None:
                        argument.default_value = Undefined


schema = build_schema()
