"""From the engine's answer to what a service returns: the thing, or the refusal raised."""

from typing import TypeVar
from uuid import UUID

from domain.commands import Answer, Command
from domain.errors import DomainError, InvalidInput
from domain.ids import client_key
from domain.ports import CommandQueue

T = TypeVar("T")


async def decided(commands: CommandQueue, command: Command) -> Answer:
    """Submits a command and returns the answer, where it is no refusal; raises the DomainError where it is one."""
    answer = await commands.submit(command)
    if DomainError.is_code(answer.kind):
        raise DomainError.from_data(answer.kind, answer.data)
    return answer


def checked_key(text: str, field: str) -> UUID:
    """A client's idempotency key; raises InvalidInput that names the field."""
    key = client_key(text)
    if key is None:
        raise InvalidInput(f"{field} must be a UUID such as 018f3c1e-8a4b-7c2d-9e10-0123456789ab.", field)
    return key


def found(thing: T | None) -> T:
    """What an answer names is in the database; anything else is a fault of ours."""
    if thing is None:
        raise LookupError("an answer names something that is not stored")
    return thing
