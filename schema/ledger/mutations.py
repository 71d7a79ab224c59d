from typing import Annotated

import strawberry

from domain.ledger import model as ledger
from domain.ledger.service import issue_allowance, post_deposit
from domain.units import MinorUnits
from schema.context import Info
from schema.errors import IdempotencyKeyReused, InvalidInput, NotFound, Overloaded
from schema.ledger.types import Balance
from schema.node import uuid_or_none
from schema.permissions import Limited, Requires, operator
from schema.scalars import Amount


@strawberry.type(description="For operators: what a payment provider's notice or an administrator's decision does.")
class DepositPayload:
    balance: ledger.Balance = strawberry.field(graphql_type=Balance)


@strawberry.type
class IssuePayload:
    balance: ledger.Balance = strawberry.field(graphql_type=Balance)


PostDepositResult = Annotated[
    DepositPayload | InvalidInput | NotFound | IdempotencyKeyReused | Overloaded, strawberry.union("PostDepositResult")
]
IssueAllowanceResult = Annotated[
    IssuePayload | InvalidInput | NotFound | IdempotencyKeyReused | Overloaded,
    strawberry.union("IssueAllowanceResult"),
]


@strawberry.type
class LedgerMutations:
    @strawberry.mutation(
        graphql_type=PostDepositResult,
        extensions=[Limited("mutations"), Requires(operator)],
        description="scope OPERATOR",
    )
    @staticmethod
    async def post_deposit(
        info: Info, user_id: strawberry.ID, currency: str, amount: MinorUnits, idempotency_key: strawberry.ID
    ) -> DepositPayload:
        context = info.context
        balance = await post_deposit(
            context.commands,
            context.stores.ledger,
            context.stores.users,
            caller=context.owner,
            user_id=uuid_or_none(user_id, "User"),
            currency=currency,
            amount=amount,
            key=idempotency_key,
        )
        return DepositPayload(balance=balance)

    @strawberry.mutation(
        graphql_type=IssueAllowanceResult,
        extensions=[Limited("mutations"), Requires(operator)],
        description="scope OPERATOR; asset is an ALLOWANCE, CREDIT or POINTS asset code",
    )
    @staticmethod
    async def issue_allowance(
        info: Info, user_id: strawberry.ID, asset: str, amount: Amount, idempotency_key: strawberry.ID
    ) -> IssuePayload:
        context = info.context
        balance = await issue_allowance(
            context.commands,
            context.stores.ledger,
            context.stores.users,
            caller=context.owner,
            user_id=uuid_or_none(user_id, "User"),
            asset=asset,
            amount=amount,
            key=idempotency_key,
        )
        return IssuePayload(balance=balance)
