"""The operator's desk: acts on the market, and what regulators see of them."""

from datetime import datetime
from typing import Annotated

import strawberry
from strawberry.scalars import JSON

from domain.orders import model as orders
from domain.orders.desk import (
    Steps,
    cancel_order_of,
    decide_proposal,
    halt_market,
    propose_reserve,
    resume_market,
    set_terms,
)
from domain.units import Grams, MinorUnits
from schema.connections import Connection, Page, numbered, page
from schema.context import Info
from schema.errors import (
    IdempotencyKeyReused,
    InvalidInput,
    NotFound,
    OrderLimitExceeded,
    OrderNotOpen,
    Overloaded,
    ProposalNotOpen,
    SecondOperatorNeeded,
)
from schema.node import number_or_none, represents
from schema.orders.terms import TradingTermsInput, changes_of, steps_of
from schema.orders.types import Instrument, Order
from schema.permissions import Limited, Requires, operator, supervisor
from schema.scalars import SequenceNumber

strawberry.enum(orders.ReservePart)
strawberry.enum(orders.ProposalStatus)


@strawberry.type(description="A change of the reserve. It is carried out when another operator approves it.")
@represents(orders.Proposal, key=lambda proposal: proposal.id)
class Proposal:
    id: strawberry.ID
    symbol: str
    part: orders.ReservePart
    price: MinorUnits
    quantity: Grams
    status: orders.ProposalStatus
    proposed_by: SequenceNumber = strawberry.field(description="the operator's number in the journal")
    proposed_at: datetime
    decided_by: SequenceNumber | None
    decided_at: datetime | None


@strawberry.type(description="What an operator did, as the journal has it.")
class Act:
    sequence: SequenceNumber
    kind: str
    operator: SequenceNumber
    at: datetime
    answer: str = strawberry.field(description="the kind of thing that came out, or the code of the refusal")

    values: JSON = strawberry.field(description="what was asked; of a closed week without its members")


MarketActResult = Annotated[
    Instrument | InvalidInput | NotFound | IdempotencyKeyReused | Overloaded, strawberry.union("MarketActResult")
]
CancelOrderOfResult = Annotated[
    Order | InvalidInput | OrderNotOpen | IdempotencyKeyReused | Overloaded, strawberry.union("CancelOrderOfResult")
]
ProposeReserveResult = Annotated[
    Proposal | InvalidInput | NotFound | OrderLimitExceeded | IdempotencyKeyReused | Overloaded,
    strawberry.union("ProposeReserveResult"),
]
DecideProposalResult = Annotated[
    Proposal
    | InvalidInput
    | NotFound
    | OrderLimitExceeded
    | ProposalNotOpen
    | SecondOperatorNeeded
    | IdempotencyKeyReused
    | Overloaded,
    strawberry.union("DecideProposalResult"),
]


@strawberry.type
class DeskQueries:
    @strawberry.field(
        graphql_type=Connection[Proposal],
        description="scope OPERATOR or REGULATOR; newest first",
        extensions=[Requires(supervisor)],
    )
    @staticmethod
    async def proposals(info: Info, first: int | None = 20, after: str | None = None) -> Page[orders.Proposal]:
        desk = info.context.stores.desk
        return await page(numbered("proposals", lambda each: each.id), first, after, desk.proposals)

    @strawberry.field(
        graphql_type=Connection[Act],
        description="scope OPERATOR or REGULATOR: every act of an operator, newest first",
        extensions=[Requires(supervisor)],
    )
    @staticmethod
    async def operator_acts(info: Info, first: int | None = 20, after: str | None = None) -> Page[orders.Act]:
        desk = info.context.stores.desk
        return await page(numbered("acts", lambda each: each.sequence), first, after, desk.acts)


@strawberry.type
class DeskMutations:
    @strawberry.mutation(
        graphql_type=MarketActResult,
        description=(
            "scope OPERATOR; holds from the next order on, another calendar or batch interval from this moment, but an "
            "auction under way ends when it said it would"
        ),
        extensions=[Limited("mutations"), Requires(operator)],
    )
    @staticmethod
    async def set_trading_terms(
        info: Info, symbol: str, terms: TradingTermsInput, idempotency_key: strawberry.ID
    ) -> orders.Instrument:
        context = info.context
        return await set_terms(
            context.commands,
            context.stores.market,
            caller=context.owner,
            symbol=symbol,
            changes=changes_of(terms, context),
            steps=Steps(**steps_of(terms)),
            key=idempotency_key,
        )

    @strawberry.mutation(
        graphql_type=MarketActResult,
        description="scope OPERATOR; orders can be cancelled and made smaller meanwhile, and nothing else",
        extensions=[Limited("mutations"), Requires(operator)],
    )
    @staticmethod
    async def halt_market(info: Info, symbol: str, reason: str, idempotency_key: strawberry.ID) -> orders.Instrument:
        context = info.context
        return await halt_market(
            context.commands,
            context.stores.market,
            caller=context.owner,
            symbol=symbol,
            reason=reason,
            key=idempotency_key,
        )

    @strawberry.mutation(
        graphql_type=MarketActResult,
        description="scope OPERATOR; the market opens again by an auction, where its calendar has it open",
        extensions=[Limited("mutations"), Requires(operator)],
    )
    @staticmethod
    async def resume_market(info: Info, symbol: str, idempotency_key: strawberry.ID) -> orders.Instrument:
        context = info.context
        return await resume_market(
            context.commands, context.stores.market, caller=context.owner, symbol=symbol, key=idempotency_key
        )

    @strawberry.mutation(
        graphql_type=CancelOrderOfResult,
        description="scope OPERATOR; anybody's open order, whose owner is told CANCELLED_BY_OPERATOR",
        extensions=[Limited("mutations"), Requires(operator)],
    )
    @staticmethod
    async def cancel_order_of(
        info: Info, order_id: strawberry.ID, reason: str, idempotency_key: strawberry.ID
    ) -> orders.Order:
        context = info.context
        return await cancel_order_of(
            context.commands,
            context.stores.desk,
            caller=context.owner,
            order_id=number_or_none(order_id, "Order"),
            reason=reason,
            key=idempotency_key,
        )

    @strawberry.mutation(
        graphql_type=ProposeReserveResult,
        description="scope OPERATOR; a quantity of 0 takes the part away",
        extensions=[Limited("mutations"), Requires(operator)],
    )
    @staticmethod
    async def propose_reserve(
        info: Info,
        symbol: str,
        part: orders.ReservePart,
        price: MinorUnits,
        quantity: Grams,
        idempotency_key: strawberry.ID,
    ) -> orders.Proposal:
        context = info.context
        return await propose_reserve(
            context.commands,
            context.stores.desk,
            caller=context.owner,
            symbol=symbol,
            part=part,
            price=price,
            quantity=quantity,
            key=idempotency_key,
        )

    @strawberry.mutation(
        graphql_type=DecideProposalResult,
        description="scope OPERATOR; who proposed may reject, and never approve",
        extensions=[Limited("mutations"), Requires(operator)],
    )
    @staticmethod
    async def decide_proposal(
        info: Info, proposal_id: strawberry.ID, approve: bool, idempotency_key: strawberry.ID
    ) -> orders.Proposal:
        context = info.context
        return await decide_proposal(
            context.commands,
            context.stores.desk,
            caller=context.owner,
            proposal_id=number_or_none(proposal_id, "Proposal"),
            approve=approve,
            key=idempotency_key,
        )
