"""The engine's rules for money paid in and assets issued by an operator."""

from domain.commands import Answer, Deposit, Issue
from domain.errors import InvalidInput, NotFound
from domain.ids import NOBODY
from domain.ledger import entries
from domain.ledger.currencies import CURRENCIES
from domain.ledger.model import MONEY_UNIT, Asset, AssetKind, EntryKind
from domain.turn import Turn
from domain.units import OUTSIDE_MAX


def deposit(turn: Turn, command: Deposit) -> Answer:
    if command.currency not in CURRENCIES:
        raise InvalidInput("The currency must be a code of ISO 4217, such as EUR.", "currency")
    _check_person(command.owner)
    if command.amount <= 0:
        raise InvalidInput("A deposit must be more than 0.", "amount")
    known = turn.state.assets.get(command.currency)
    _check_room(turn.room(known) if known else OUTSIDE_MAX, command.currency, command.amount)
    asset = money_asset(turn, command.currency)
    turn.post(EntryKind.DEPOSIT, f"command:{turn.sequence}", entries.deposit(command.owner, asset.id, command.amount))
    return balance_answer(turn, command.owner, asset)


def issue(turn: Turn, command: Issue) -> Answer:
    _check_person(command.owner)
    asset = turn.state.assets.get(command.asset)
    if asset is None:
        raise NotFound("There is no asset with this code.")
    if asset.kind is AssetKind.MONEY:
        raise InvalidInput("Money is not issued: use a deposit.", "asset")
    if command.amount <= 0:
        raise InvalidInput("The amount must be more than 0.", "amount")
    _check_room(turn.room(asset), asset.code, command.amount)
    turn.post(EntryKind.ISSUANCE, f"command:{turn.sequence}", entries.issuance(command.owner, asset.id, command.amount))
    return balance_answer(turn, command.owner, asset)


def money_asset(turn: Turn, currency: str) -> Asset:
    """The asset of a currency, opened where missing."""
    return turn.state.assets.get(currency) or open_asset(turn, currency, AssetKind.MONEY, MONEY_UNIT)


def open_asset(turn: Turn, code: str, kind: AssetKind, unit: str) -> Asset:
    asset = turn.state.open_asset(code, kind, unit)
    turn.things.assets.append(asset)
    return asset


def balance_answer(turn: Turn, owner: int, asset: Asset) -> Answer:
    return Answer("balance", {"owner": owner, "asset": asset.code}, turn.state.balance_of(owner, asset))


def _check_person(owner: int) -> None:
    if owner == NOBODY:
        raise NotFound("There is no such person.")


def _check_room(room: int, code: str, amount: int) -> None:
    if amount > room:
        raise InvalidInput(f"At most {room} more of {code} can enter the ledger.", "amount")
