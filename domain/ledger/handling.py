"""The engine's rules for money paid in and assets issued by an operator."""

from domain.commands import Answer, Deposit, Issue
from domain.errors import InvalidInput, NotFound
from domain.ledger import entries
from domain.ledger.model import Asset, AssetKind, EntryKind
from domain.turn import Turn


def deposit(turn: Turn, command: Deposit) -> Answer:
    if command.amount <= 0:
        raise InvalidInput("A deposit must be more than 0.", "amount")
    asset = money_asset(turn, command.currency)
    _check_room(turn, asset, command.amount)
    turn.post(EntryKind.DEPOSIT, f"command:{turn.sequence}", entries.deposit(command.owner, asset.id, command.amount))
    return balance_answer(turn, command.owner, asset)


def issue(turn: Turn, command: Issue) -> Answer:
    asset = turn.state.assets.get(command.asset)
    if asset is None:
        raise NotFound("There is no asset with this code.")
    if asset.kind is AssetKind.MONEY:
        raise InvalidInput("Money is not issued: use a deposit.", "asset")
    if command.amount <= 0:
        raise InvalidInput("The amount must be more than 0.", "amount")
    _check_room(turn, asset, command.amount)
    turn.post(EntryKind.ISSUANCE, f"command:{turn.sequence}", entries.issuance(command.owner, asset.id, command.amount))
    return balance_answer(turn, command.owner, asset)


def money_asset(turn: Turn, currency: str) -> Asset:
    """The asset of a currency, opened where missing."""
    return turn.state.assets.get(currency) or open_asset(turn, currency, AssetKind.MONEY, currency)


def open_asset(turn: Turn, code: str, kind: AssetKind, unit: str) -> Asset:
    asset = turn.state.open_asset(code, kind, unit)
    turn.things.assets.append(asset)
    return asset


def balance_answer(turn: Turn, owner: int, asset: Asset) -> Answer:
    return Answer("balance", {"owner": owner, "asset": asset.code}, turn.state.balance_of(owner, asset))


def _check_room(turn: Turn, asset: Asset, amount: int) -> None:
    room = turn.room(asset)
    if amount > room:
        raise InvalidInput(f"At most {room} more of {asset.code} can enter the ledger.", "amount")
