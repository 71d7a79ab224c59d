"""Everything that a rule can refuse, each with a code, and those that more than one area raises.

A DomainError is a result, not a fault: the engine stores it under the caller's key, the schema shows it as the GraphQL
type of the same name. `code` is the class name in SCREAMING_SNAKE_CASE. Fields are JSON values, so that an error can be
stored and told again years later.
"""

import re
from dataclasses import dataclass, fields
from typing import Any, ClassVar

_REGISTRY: dict[str, type["DomainError"]] = {}


@dataclass(eq=False)
class DomainError(Exception):
    """Base of all refusals. `message` is for the person: what is wrong and what to do."""

    code: ClassVar[str] = "DOMAIN_ERROR"
    message: str

    def __init_subclass__(cls) -> None:
        cls.code = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", cls.__name__).upper()
        _REGISTRY[cls.code] = cls

    def __post_init__(self) -> None:
        Exception.__init__(self, self.message)

    def as_data(self) -> dict[str, Any]:
        """The fields as JSON values; `from_data` is the way back."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    @staticmethod
    def from_data(code: str, data: dict[str, Any]) -> "DomainError":
        """The error that `as_data` described; KeyError where no such code exists."""
        return _REGISTRY[code](**data)

    @staticmethod
    def is_code(code: str) -> bool:
        return code in _REGISTRY


@dataclass(eq=False)
class InvalidInput(DomainError):
    """`field` is the contract's name of the argument that is wrong, where one alone is."""

    field: str | None = None


@dataclass(eq=False)
class NotFound(DomainError):
    """The thing does not exist, or is not the caller's: the two are never told apart."""


@dataclass(eq=False)
class IdempotencyKeyReused(DomainError):
    message: str = "This key was used before with other input. Make a new key for a new request."


@dataclass(eq=False)
class InsufficientBalance(DomainError):
    """`asset` is the code of the asset; the amounts are in its own unit."""

    asset: str
    available: int
    required: int


@dataclass(eq=False)
class Overloaded(DomainError):
    """Nothing was decided and nothing is kept: the same key may be sent again after the pause."""

    message: str = "The exchange is busy. Send the same request with the same key again shortly."
    retry_after_seconds: int = 1


@dataclass(eq=False)
class TooManyRequests(DomainError):
    message: str = "Too many requests. Wait before the next one."
    retry_after_seconds: int = 1


@dataclass(eq=False)
class Unauthenticated(DomainError):
    message: str = "Sign in: the access token is missing, wrong or expired."


@dataclass(eq=False)
class Forbidden(DomainError):
    message: str = "This caller may not do that."


@dataclass(eq=False)
class InvalidCursor(DomainError):
    message: str = "This cursor is not one that this list gave out. Start without `after`."


@dataclass(eq=False)
class Resync(DomainError):
    message: str = "This cursor is older than what is kept. Load the current state and start without `after`."


@dataclass(eq=False)
class Unavailable(DomainError):
    message: str = "The exchange cannot answer right now. Send the same request with the same key again shortly."


@dataclass(eq=False)
class Internal(DomainError):
    """Our own fault; the log holds the details. It is not stored: the same key may be sent again."""

    message: str = "This request could not be carried out because of a fault of ours. Nothing was moved."
