"""What happened to the viewer: the same events as a list to catch up with and as a subscription that goes on."""

from collections.abc import AsyncIterator
from datetime import datetime
from typing import Annotated

import strawberry

from domain import events
from domain.identity.model import Viewer
from schema.connections import Connection, ListOf, Page, numbered, own, page
from schema.context import Info
from schema.ledger.types import Balance
from schema.node import represents
from schema.orders.types import Fill, Order
from schema.permissions import Requires, person
from schema.rewards.types import Redemption
from schema.scalars import Cursor, SequenceNumber


@strawberry.type
@represents(events.OrderUpdated)
class OrderUpdated:
    order: Order


@strawberry.type
@represents(events.TradeExecuted)
class TradeExecuted:
    order: Order
    fill: Fill


@strawberry.type
@represents(events.BalanceChanged)
class BalanceChanged:
    balance: Balance
    reason: str


@strawberry.type
@represents(events.RedemptionUpdated)
class RedemptionUpdated:
    redemption: Redemption


AccountEventPayload = Annotated[
    OrderUpdated | TradeExecuted | BalanceChanged | RedemptionUpdated, strawberry.union("AccountEventPayload")
]


@strawberry.type(
    description=(
        "What happened to this person, numbered without gaps. `accountEvents(after:)` replays, then goes on live. "
        "Payloads show things as they were after that command, so a replay equals the live stream. Each command tells "
        "each person it touches: TradeExecuted per fill, then OrderUpdated or RedemptionUpdated, then one "
        "BalanceChanged per asset."
    )
)
class AccountEvent:
    sequence: SequenceNumber
    occurred_at: datetime
    payload: AccountEventPayload

    @strawberry.field
    @staticmethod
    def cursor(event: strawberry.Parent[events.AccountEvent], info: Info) -> Cursor:
        return Cursor(_events_of(info.context.caller).cursor(event))


@strawberry.type
class ViewerEvents:
    @strawberry.field(graphql_type=Connection[AccountEvent])
    @staticmethod
    async def account_events(
        viewer: strawberry.Parent[Viewer], info: Info, first: int | None = 100, after: Cursor | None = None
    ) -> Page[events.AccountEvent]:
        streams = info.context.streams
        return await page(
            _events_of(viewer),
            first,
            after,
            lambda position, limit: streams.account_events_page(viewer.owner, position, limit),
            default=100,
        )


@strawberry.type
class EventSubscriptions:
    @strawberry.subscription(graphql_type=AccountEvent, extensions=[Requires(person)])
    @staticmethod
    async def account_events(info: Info, after: Cursor | None = None) -> AsyncIterator[events.AccountEvent]:
        context = info.context
        position = _events_of(context.caller).after(after)
        return context.fresh(context.streams.account_events(context.owner, position))


def _events_of(viewer: Viewer) -> ListOf[events.AccountEvent, int]:
    return numbered(own(viewer, "accountEvents"), _event_sequence)


def _event_sequence(event: events.AccountEvent) -> int:
    return event.sequence
