"""What an operator books by hand: money paid in, assets issued."""

from uuid import UUID

from domain.answers import checked_key, decided, found
from domain.commands import Answer, Deposit, Issue
from domain.errors import InvalidInput, NotFound
from domain.ids import NOBODY
from domain.ledger.model import Balance
from domain.ports import CommandQueue, LedgerStore, UserStore
from domain.text import is_code


async def post_deposit(
    commands: CommandQueue,
    ledger: LedgerStore,
    users: UserStore,
    *,
    caller: int,
    user_id: UUID | None,
    currency: str,
    amount: int,
    key: str,
) -> Balance:
    """The person's balance after it. `user_id` None is an unknown person.

    Raises InvalidInput, NotFound, IdempotencyKeyReused.
    """
    if not is_code(currency):
        raise InvalidInput("The currency must be a code of ISO 4217, such as EUR.", "currency")
    owner = await _owner_of(users, user_id)
    command_key = checked_key(key, "idempotencyKey")
    command = Deposit(caller=caller, key=command_key, owner=owner, currency=currency, amount=amount)
    return await _balance(ledger, await decided(commands, command))


async def issue_allowance(
    commands: CommandQueue,
    ledger: LedgerStore,
    users: UserStore,
    *,
    caller: int,
    user_id: UUID | None,
    asset: str,
    amount: int,
    key: str,
) -> Balance:
    """The person's balance after it. `user_id` None is an unknown person.

    Raises InvalidInput, NotFound, IdempotencyKeyReused.
    """
    owner = await _owner_of(users, user_id)
    command_key = checked_key(key, "idempotencyKey")
    if not is_code(asset):
        raise NotFound("There is no asset with this code.")
    command = Issue(caller=caller, key=command_key, owner=owner, asset=asset, amount=amount)
    return await _balance(ledger, await decided(commands, command))


async def _owner_of(users: UserStore, user_id: UUID | None) -> int:
    """NOBODY for an unknown person: the engine refuses it, so that the refusal is kept under the key."""
    user = await users.by_id(user_id) if user_id else None
    return user.owner if user else NOBODY


async def _balance(ledger: LedgerStore, answer: Answer) -> Balance:
    balance: Balance | None = answer.state or await ledger.balance(answer.data["owner"], answer.data["asset"])
    return found(balance)
