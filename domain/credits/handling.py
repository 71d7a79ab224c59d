"""The engine's rules for programmes: open one, close a week, turn left-over grams into points."""

from domain.commands import Answer, ClosePeriod, ConvertToPoints, CreateProgramme
from domain.credits.model import (
    CodeTaken,
    PeriodAlreadyClosed,
    PeriodNotOver,
    PeriodStatement,
    Programme,
    allowance_code,
    points_code,
    week_bounds,
)
from domain.credits.surrender import statement
from domain.errors import InsufficientBalance, InvalidInput, NotFound
from domain.ledger import entries
from domain.ledger.handling import money_asset, open_asset
from domain.ledger.model import ASSET_UNITS, Asset, AssetKind, EntryKind
from domain.turn import Period, Turn


def create_programme(turn: Turn, command: CreateProgramme) -> Answer:
    if command.code in turn.state.programmes:
        raise CodeTaken("A programme with this code exists.")
    money_asset(turn, command.currency)
    points = open_asset(turn, points_code(command.code), AssetKind.POINTS, ASSET_UNITS[AssetKind.POINTS])
    allowance = _open_allowance(turn, command.code, command.year)
    programme = Programme(
        id=len(turn.state.programmes) + 1,
        code=command.code,
        name=command.name,
        region=command.region,
        currency=command.currency,
        weekly_allowance=command.weekly_allowance,
        points_per_kg=command.points_per_kg,
        time_zone=command.time_zone,
        points_asset=points,
        allowance_asset=allowance,
        maker_fee_basis_points=command.maker_fee_basis_points,
        taker_fee_basis_points=command.taker_fee_basis_points,
        basis=command.basis,
    )
    turn.state.programmes[command.code] = programme
    turn.things.programmes.append(programme)
    _list(turn, programme, allowance)
    return Answer("programme", {"code": command.code})


def close_period(turn: Turn, command: ClosePeriod) -> Answer:
    """One entry for each member who recorded something that week; a week is closed once."""
    programme = turn.state.programmes.get(command.programme_code)
    if programme is None:
        raise NotFound("There is no programme with this code.")
    if turn.now < week_bounds(command.week_start, programme.time_zone)[1]:
        raise PeriodNotOver()
    if (programme.id, command.week_start) in turn.state.closed_periods:
        raise PeriodAlreadyClosed()

    asset = _allowance_of(turn, programme, command.week_start.isocalendar().year)
    statements = [statement(programme, owner, command.week_start, footprint) for owner, footprint in command.members]
    issued = sum(line.issued for line in statements)
    if issued > turn.room(asset):
        raise ArithmeticError(f"closing {command.week_start} would issue more of {asset.code} than can exist")
    turn.state.closed_periods.add((programme.id, command.week_start))
    for line in statements:
        _book(turn, line, asset, programme.code)
    period = Period(
        programme=programme.id,
        week_start=command.week_start,
        members=len(statements),
        issued=issued,
        surrendered=sum(line.surrendered for line in statements),
        left_over=sum(line.left_over for line in statements),
    )
    turn.things.periods.append(period)
    data = {"programme": programme.id, "week_start": command.week_start.isoformat()}
    return Answer("period", data, (period.members, period.issued, period.surrendered, period.left_over))


def convert_to_points(turn: Turn, command: ConvertToPoints) -> Answer:
    asset = turn.state.assets.get(command.asset)
    if asset is None:
        raise NotFound("There is no asset with this code.")
    programme = turn.state.programme_of_asset(asset)
    if programme is None:
        raise InvalidInput("Only left-over allowance can be turned into points.", "asset")
    points = command.grams * programme.points_per_kg // 1_000
    if command.grams <= 0 or points <= 0:
        raise InvalidInput("These grams are worth no point; convert more at once.", "grams")
    available = turn.available(command.caller, asset)
    if available < command.grams:
        raise InsufficientBalance(
            f"{command.grams} g of {asset.code} are needed; {available} g are available.",
            asset=asset.code,
            available=available,
            required=command.grams,
        )
    if points > turn.room(programme.points_asset):
        raise InvalidInput("These are more points than the ledger can hold; convert less.", "grams")
    postings = entries.conversion(command.caller, asset.id, command.grams, programme.points_asset.id, points)
    turn.post(EntryKind.CONVERSION, f"command:{turn.sequence}", postings)
    state = (
        turn.state.balance_of(command.caller, asset),
        turn.state.balance_of(command.caller, programme.points_asset),
    )
    return Answer("conversion", {"allowance": asset.code, "points": programme.points_asset.code}, state)


def _book(turn: Turn, line: PeriodStatement, asset: Asset, programme_code: str) -> None:
    turn.things.statements.append(line)
    if line.issued:
        reference = f"period:{programme_code}:{line.week_start}"
        postings = entries.period_close(line.owner, asset.id, line.issued, line.surrendered)
        turn.post(EntryKind.PERIOD_CLOSE, reference, postings)


def _allowance_of(turn: Turn, programme: Programme, year: int) -> Asset:
    """The programme's allowance of an ISO year, opened with its instrument where missing."""
    asset = turn.state.assets.get(allowance_code(programme.code, year))
    if asset is None:
        asset = _open_allowance(turn, programme.code, year)
        _list(turn, programme, asset)
        if asset.code > programme.allowance_asset.code:
            programme.allowance_asset = asset
            turn.things.programmes.append(programme)
    return asset


def _open_allowance(turn: Turn, programme_code: str, year: int) -> Asset:
    return open_asset(turn, allowance_code(programme_code, year), AssetKind.ALLOWANCE, ASSET_UNITS[AssetKind.ALLOWANCE])


def _list(turn: Turn, programme: Programme, asset: Asset) -> None:
    """Opens the market on which the allowance is traded for the programme's currency."""
    money = turn.state.assets[programme.currency]
    turn.open_market(asset, money, programme.maker_fee_basis_points, programme.taker_fee_basis_points)
