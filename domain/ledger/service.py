"""What an operator books by hand: money paid in, assets issued."""

from uuid import UUID

from domain.answers import checked_key, decided, found
from domain.commands import Answer, Deposit, Issue
from domain.errors import InvalidInput, NotFound
from domain.ledger.currencies import CURRENCIES
from domain.ledger.model import Balance
from domain.ports import CommandQueue, LedgerStore, UserStore
from domain.text import is_code


async def post_deposit(
    commands: CommandQueue,
    ledger: LedgerStore,
    users: UserStore,
    *,
    caller: int,
    user_id: UUID,
    currency: str,
    amount: int,
    key: str,
) -> Balance:
    """The person's balance after it. Raises InvalidInput, NotFound for an unknown person, IdempotencyKeyReused."""
    if currency not in CURRENCIES:
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
    user_id: UUID,
    asset: str,
    amount: int,
    key: str,
) -> Balance:
    """The person's balance after it. Raises InvalidInput, NotFound for a person or asset, IdempotencyKeyReused."""
    owner = await _owner_of(users, user_id)
    command_key = checked_key(key, "idempotencyKey")
    if not is_code(asset):
        raise NotFound("There is no asset with this code.")
    command = Issue(caller=caller, key=command_key, owner=owner, asset=asset, amount=amount)
    return await _balance(ledger, await decided(commands, command))


async def _owner_of(users: UserStore, user_id: UUID) -> int:
    user = await users.by_id(user_id)
    if user is None:
        raise NotFound("There is no such person.")
    return user.owner


async def _balance(ledger: LedgerStore, answer: Answer) -> Balance:
    balance: Balance | None = answer.state or await ledger.balance(answer.data["owner"], answer.data["asset"])
    return found(balance)
