"""How a refusal is told: as the member of its field's union that has its name, else as a GraphQL error with its code.

`USER_ERRORS` is what the schema does with a DomainError that a resolver raises. Strawberry asks a handler only on
fields whose union has its type, so the union in the contract is the whole declaration.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Any, TypeVar

import strawberry
from strawberry.types.field import StrawberryField

from domain import errors
from domain.credits import model as credits
from domain.errors import DomainError
from domain.identity import model as identity
from domain.ledger import model as ledger
from domain.orders import model as orders
from domain.rewards import model as rewards
from domain.units import MinorUnits
from schema.context import Info
from schema.ledger.types import Asset
from schema.scalars import Amount


@strawberry.interface
class UserError:
    code: str
    message: str


ErrorType = TypeVar("ErrorType", bound=type[UserError])


class UserErrorHandler:
    """Tells one kind of refusal as one GraphQL type, field by field."""

    def __init__(self, exception_type: type[DomainError], error_type: type[UserError]) -> None:
        self.exception_type = exception_type
        self.error_type = error_type

    def handle(self, exception: DomainError, *, field: StrawberryField, info: Info) -> UserError:
        return self.error_type(code=exception.code, **exception.as_data())


USER_ERRORS: dict[type[DomainError], UserErrorHandler] = {}


def tells(refusal: type[DomainError]) -> Callable[[ErrorType], ErrorType]:
    """Class decorator, above `strawberry.type`: this type tells that refusal and has its fields."""

    def register(cls: ErrorType) -> ErrorType:
        USER_ERRORS[refusal] = UserErrorHandler(refusal, cls)
        return cls

    return register


def as_user_error(refusal: DomainError) -> UserError:
    """A refusal as an item of a list: what a raised one becomes by itself."""
    return USER_ERRORS[type(refusal)].error_type(code=refusal.code, **refusal.as_data())


# ---------------------------------------------------------------- one type for each refusal


@tells(errors.InvalidInput)
@strawberry.type
class InvalidInput(UserError):
    field: str | None


@tells(errors.NotFound)
@strawberry.type
class NotFound(UserError):
    pass


@tells(errors.IdempotencyKeyReused)
@strawberry.type
class IdempotencyKeyReused(UserError):
    pass


@tells(errors.InsufficientBalance)
@strawberry.type
class InsufficientBalance(UserError):
    asset: strawberry.Private[str]
    available: Amount
    required: Amount

    @strawberry.field(name="asset", graphql_type=Asset)
    async def asset_itself(self, info: Info) -> ledger.Asset | None:
        return await info.context.stores.ledger.asset(self.asset)


@tells(errors.Overloaded)
@strawberry.type
class Overloaded(UserError):
    retry_after_seconds: int


@tells(errors.TooManyRequests)
@strawberry.type
class TooManyRequests(UserError):
    retry_after_seconds: int


@tells(identity.EmailTaken)
@strawberry.type
class EmailTaken(UserError):
    pass


@tells(identity.WeakPassword)
@strawberry.type
class WeakPassword(UserError):
    pass


@tells(identity.InvalidCredentials)
@strawberry.type
class InvalidCredentials(UserError):
    pass


@tells(credits.CodeTaken)
@strawberry.type
class CodeTaken(UserError):
    pass


@tells(credits.AlreadyMember)
@strawberry.type
class AlreadyMember(UserError):
    pass


@tells(credits.PeriodAlreadyClosed)
@strawberry.type
class PeriodAlreadyClosed(UserError):
    pass


@tells(credits.PeriodNotOver)
@strawberry.type
class PeriodNotOver(UserError):
    pass


@tells(orders.PriceOutsideBand)
@strawberry.type
class PriceOutsideBand(UserError):
    floor: MinorUnits
    ceiling: MinorUnits


@tells(orders.MarketClosed)
@strawberry.type
class MarketClosed(UserError):
    opens_at: strawberry.Private[str | None]

    @strawberry.field(name="opensAt")
    def opening(self) -> datetime | None:
        return None if self.opens_at is None else datetime.fromisoformat(self.opens_at)


@tells(orders.OrderLimitExceeded)
@strawberry.type
class OrderLimitExceeded(UserError):
    pass


@tells(orders.OrderNotOpen)
@strawberry.type
class OrderNotOpen(UserError):
    pass


@tells(orders.ProposalNotOpen)
@strawberry.type
class ProposalNotOpen(UserError):
    pass


@tells(orders.SecondOperatorNeeded)
@strawberry.type
class SecondOperatorNeeded(UserError):
    pass


@tells(rewards.OfferUnavailable)
@strawberry.type
class OfferUnavailable(UserError):
    pass


@tells(rewards.RedemptionNotOpen)
@strawberry.type
class RedemptionNotOpen(UserError):
    status: rewards.RedemptionStatus


# ---------------------------------------------------------------- what no union holds

_OTHER_CODES = {
    errors.InvalidInput.code: "BAD_USER_INPUT",
    errors.NotFound.code: "BAD_USER_INPUT",
    errors.TooManyRequests.code: "RATE_LIMITED",
    errors.Overloaded.code: "UNAVAILABLE",
}


def extensions_of(refusal: DomainError) -> dict[str, Any]:
    """The `extensions` of the GraphQL error that tells a refusal for which the field has no member."""
    data = {"code": _OTHER_CODES.get(refusal.code, refusal.code)}
    if isinstance(refusal, errors.TooManyRequests | errors.Overloaded):
        return {**data, "retryAfterSeconds": refusal.retry_after_seconds}
    if isinstance(refusal, errors.InvalidInput) and refusal.field is not None:
        return {**data, "field": refusal.field}
    return data
