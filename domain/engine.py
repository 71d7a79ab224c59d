"""The state machine: one command after the other, each decided from the state and the time that it carries.

No clock, no randomness, no I/O. Replaying all commands from zero gives the same trades byte for byte. A refusal is an
answer like any other; any other exception is a fault of ours, after which the state must be thrown away and rebuilt.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from domain.commands import (
    Answer,
    CancelAllAfter,
    CancelAllOrders,
    CancelOrder,
    CancelOrderOf,
    CancelRedemption,
    CaptureRedemption,
    ChangePhase,
    ClosePeriod,
    Command,
    ConvertToPoints,
    CreateOffer,
    CreateProgramme,
    DecideProposal,
    Deposit,
    ExpireDue,
    HaltMarket,
    Issue,
    PlaceOrder,
    ProposeReserve,
    RedeemOffer,
    ReplaceOrder,
    ResumeMarket,
    SetTerms,
)
from domain.credits import handling as credits
from domain.errors import DomainError
from domain.ledger import handling as ledger
from domain.orders import cancelling, ending, operating, phases, replacing, reserve
from domain.orders import handling as orders
from domain.orders.model import Order, OrderReason, OrderStatus
from domain.rewards import handling as rewards
from domain.rewards.model import RedemptionStatus
from domain.state import RunOut, State
from domain.turn import Outcome, Turn


def expire_due(turn: Turn, command: ExpireDue) -> Answer:
    """Ends everything whose time is over, earliest first; of a timer it counts the orders that it cancels."""
    ended = 0
    while (due := turn.state.pop_due(command.before or turn.now, command.before is None)) is not None:
        if isinstance(due, Order):
            ending.end_resting(turn, due, OrderStatus.EXPIRED, OrderReason.EXPIRED)
        elif isinstance(due, RunOut):
            ended += cancelling.run_out(turn, due)
            continue
        else:
            rewards.give_back(turn, due, RedemptionStatus.EXPIRED)
        ended += 1
    return Answer("expired", {"ended": ended})


HANDLERS: dict[type[Command], Callable[[Turn, Any], Answer]] = {
    PlaceOrder: orders.place_order,
    ReplaceOrder: replacing.replace_order,
    CancelOrder: orders.cancel_order,
    CancelAllOrders: cancelling.cancel_all_orders,
    CancelAllAfter: cancelling.cancel_all_after,
    ExpireDue: expire_due,
    ChangePhase: phases.change_phase,
    SetTerms: operating.set_terms,
    HaltMarket: operating.halt_market,
    ResumeMarket: operating.resume_market,
    CancelOrderOf: operating.cancel_order_of,
    ProposeReserve: reserve.propose_reserve,
    DecideProposal: reserve.decide_proposal,
    Deposit: ledger.deposit,
    Issue: ledger.issue,
    CreateProgramme: credits.create_programme,
    ClosePeriod: credits.close_period,
    ConvertToPoints: credits.convert_to_points,
    CreateOffer: rewards.create_offer,
    RedeemOffer: rewards.redeem_offer,
    CancelRedemption: rewards.cancel_redemption,
    CaptureRedemption: rewards.capture_redemption,
}


class Engine:
    def __init__(self, state: State | None = None) -> None:
        self.state = state or State()

    def apply(self, command: Command, now: datetime) -> Outcome:
        """Decides one command; `now` is the time it was taken, aware UTC, never before that of the one before it."""
        self.state.command_sequence += 1
        turn = Turn(self.state, self.state.command_sequence, now)
        try:
            answer = HANDLERS[type(command)](turn, command)
        except DomainError as refusal:
            answer = Answer(refusal.code, refusal.as_data())
        return turn.finish(answer)
