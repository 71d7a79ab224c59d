"""The operator's reserve: ordinary orders of a system account that buy at the floor and sell at tiers and ceiling.

Whoever trades through these prices is served in the same match, by price and time like with anybody. One operator
proposes what a part shall be, another one decides: grams are issued to the reserve and money is paid in for it.
"""

from uuid import UUID

from domain.commands import Answer, DecideProposal, PlaceOrder, ProposeReserve
from domain.errors import InvalidInput, NotFound
from domain.ledger import entries
from domain.ledger.model import AssetKind, EntryKind, SystemAccount
from domain.orders import rules
from domain.orders.ending import end_resting
from domain.orders.handling import admit
from domain.orders.model import (
    Instrument,
    Order,
    OrderReason,
    OrderSide,
    OrderStatus,
    OrderType,
    Proposal,
    ProposalNotOpen,
    ProposalStatus,
    ReservePart,
    SecondOperatorNeeded,
    TimeInForce,
)
from domain.orders.operating import market_of
from domain.orders.price_bounds import set_bounds
from domain.orders.terms import with_bounds
from domain.state import Market
from domain.turn import Turn


def propose_reserve(turn: Turn, command: ProposeReserve) -> Answer:
    market = market_of(turn, command.symbol)
    _check(command, market)
    proposal = Proposal(
        turn.sequence, command.symbol, command.part, command.price, command.quantity, command.caller, turn.now
    )
    turn.state.proposals[proposal.id] = proposal
    turn.touch_proposal(proposal)
    return Answer("proposal", {"id": proposal.id})


def decide_proposal(turn: Turn, command: DecideProposal) -> Answer:
    """Approving carries it out at once, where it still fits the market; else it stays open."""
    proposal = turn.state.proposals.get(command.proposal)
    if proposal is None:
        raise ProposalNotOpen("There is no open proposal with this number.")
    if command.approve:
        if proposal.proposed_by == command.caller:
            raise SecondOperatorNeeded()
        market = market_of(turn, proposal.symbol)
        _check(proposal, market)
        _carry_out(turn, proposal, market)
    del turn.state.proposals[proposal.id]
    proposal.status = ProposalStatus.APPROVED if command.approve else ProposalStatus.REJECTED
    proposal.decided_by, proposal.decided_at = command.caller, turn.now
    turn.touch_proposal(proposal)
    return Answer("proposal", {"id": proposal.id})


def _carry_out(turn: Turn, proposal: Proposal, market: Market) -> None:
    """Replaces the order of this part; its funds are topped up to what it needs."""
    instrument, part = market.instrument, proposal.part
    order = _order(turn, proposal, instrument) if proposal.quantity else None
    if order is not None:
        _check_room(turn, order)
    standing = turn.state.orders_by_id.get(instrument.reserve.pop(part, 0))
    if standing is not None:
        end_resting(turn, standing, OrderStatus.CANCELLED, OrderReason.CANCELLED_BY_OPERATOR)
    bound = proposal.price if proposal.quantity else None
    if part is ReservePart.FLOOR:
        instrument.terms = with_bounds(instrument.terms, bound, instrument.terms.price_ceiling)
    elif part is ReservePart.CEILING:
        instrument.terms = with_bounds(instrument.terms, instrument.terms.price_floor, bound)
    set_bounds(instrument)
    if order is not None:
        _top_up(turn, order)
        instrument.reserve[part] = order.id
        turn.outcome.placed.append(order)
        admit(turn, order, market)
    turn.touch_instrument(instrument)


def _order(turn: Turn, proposal: Proposal, instrument: Instrument) -> Order:
    return Order(
        id=turn.sequence,
        owner=SystemAccount.RESERVE,
        client_order_id=UUID(int=turn.sequence),
        instrument=instrument,
        side=_side(proposal.part),
        type=OrderType.LIMIT,
        time_in_force=TimeInForce.GTC,
        price=proposal.price,
        quantity=proposal.quantity,
        post_only=False,
        placed_at=turn.now,
        expires_at=None,
        remaining=proposal.quantity,
    )


def _missing(turn: Turn, order: Order) -> int:
    """What must enter the ledger so that the reserve can hold what this order needs."""
    needed = rules.held_by(order.side, order.price, order.quantity, order.instrument.highest_fee_basis_points)
    return max(0, needed - turn.available(order.owner, rules.held_asset(order.side, order.instrument)))


def _check_room(turn: Turn, order: Order) -> None:
    asset = rules.held_asset(order.side, order.instrument)
    if _missing(turn, order) > turn.room(asset):
        raise InvalidInput(f"More of {asset.code} than the ledger can hold would be needed.", "quantity")


def _top_up(turn: Turn, order: Order) -> None:
    asset, missing = rules.held_asset(order.side, order.instrument), _missing(turn, order)
    if missing and asset.kind is AssetKind.MONEY:
        turn.post(EntryKind.DEPOSIT, f"command:{turn.sequence}", entries.deposit(order.owner, asset.id, missing))
    elif missing:
        turn.post(EntryKind.ISSUANCE, f"command:{turn.sequence}", entries.issuance(order.owner, asset.id, missing))


def _check(proposed: ProposeReserve | Proposal, market: Market) -> None:
    instrument = market.instrument
    if proposed.quantity == 0:
        if proposed.part not in instrument.reserve:
            raise NotFound("This part of the reserve is not there.")
        return
    asked = PlaceOrder(
        caller=SystemAccount.RESERVE,
        symbol=proposed.symbol,
        side=_side(proposed.part),
        type=OrderType.LIMIT,
        time_in_force=TimeInForce.GTC,
        quantity=proposed.quantity,
        price=proposed.price,
    )
    rules.check_numbers(asked, instrument)
    terms = instrument.terms
    others = {ReservePart.FLOOR: terms.price_floor, ReservePart.CEILING: terms.price_ceiling}
    others[proposed.part] = proposed.price
    floor, ceiling = others[ReservePart.FLOOR], others[ReservePart.CEILING]
    if floor is not None and ceiling is not None and floor >= ceiling:
        raise InvalidInput("The floor must lie below the ceiling.", "price")
    if proposed.part in (ReservePart.TIER_1, ReservePart.TIER_2) and (
        (floor is not None and proposed.price <= floor) or (ceiling is not None and proposed.price > ceiling)
    ):
        raise InvalidInput("A tier lies above the floor and not above the ceiling.", "price")


def _side(part: ReservePart) -> OrderSide:
    return OrderSide.BUY if part is ReservePart.FLOOR else OrderSide.SELL
