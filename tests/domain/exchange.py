"""The pure engine as a test drives it: a clock, looks at the state, and proof that a refusal moves nothing."""

from collections.abc import Iterable
from dataclasses import asdict, replace
from datetime import datetime, timedelta
from typing import Any

from domain.commands import Answer, Command
from domain.engine import Engine
from domain.errors import DomainError
from domain.orders.model import Order, OrderSide
from domain.rewards.model import Redemption
from domain.state import State
from domain.turn import Outcome
from tests import factories as make


def picture(state: State) -> dict[str, Any]:
    """Everything but the number of the last command, as values that later commands do not change."""
    return {
        "entry": state.entry_sequence,
        "balances": {
            (owner, asset): tuple(balance)
            for owner, wallet in state.wallets.items()
            for asset, balance in wallet.balances.items()
            if any(balance)
        },
        "events": {owner: wallet.event_sequence for owner, wallet in state.wallets.items() if wallet.event_sequence},
        "assets": dict(state.assets),
        "markets": {
            symbol: (replace(market.instrument), market.book_sequence, market.trade_sequence, market.book.digest)
            for symbol, market in state.markets.items()
        },
        "standing": {
            (symbol, owner): (market.book.buying(owner), [order.id for order in market.book.orders_of(owner)])
            for symbol, market in state.markets.items()
            for owner in market.book.owners()
        },
        "sessions": {
            symbol: (market.session_notional, market.session_grams, market.pace.last_price)
            for symbol, market in state.markets.items()
        },
        "proposals": {number: replace(proposal) for number, proposal in state.proposals.items()},
        "programmes": {code: replace(programme) for code, programme in state.programmes.items()},
        "closed": set(state.closed_periods),
        "offers": {number: replace(offer) for number, offer in state.offers.items()},
        "orders": {key: order.as_it_is() for key, order in state.orders.items()},
        "timers": dict(state.timers),
        "ended orders": {key: order.as_it_is() for key, order in state.ended_orders.items()},
        "redemptions": {key: redemption.as_it_is() for key, redemption in state.redemptions.items()},
        "ended redemptions": {key: redemption.as_it_is() for key, redemption in state.ended_redemptions.items()},
    }


def effects(outcome: Outcome) -> dict[str, Any]:
    """What an outcome would write, beyond the command and its answer."""
    values = {name: getattr(outcome, name) for name in ("entries", "trades", "placed", "orders", "balances", "news")}
    if outcome.things is not None:
        values |= asdict(outcome.things)
    return {name: value for name, value in values.items() if value}


class Exchange:
    def __init__(self, now: datetime = make.NOON) -> None:
        self.engine = Engine()
        self.now = now

    @property
    def state(self) -> State:
        return self.engine.state

    def apply(self, command: Command) -> Outcome:
        return self.engine.apply(command, self.now)

    def apply_all(self, commands: Iterable[Command]) -> list[Outcome]:
        return [self.apply(command) for command in commands]

    def forward(self, **time: float) -> None:
        self.now += timedelta(**time)

    # ------------------------------------------------------------ with a certain answer

    def done(self, command: Command) -> Outcome:
        """The outcome of a command that is not refused."""
        outcome = self.apply(command)
        assert not DomainError.is_code(outcome.answer.kind), outcome.answer
        return outcome

    def order(self, command: Command) -> Order:
        """The order as the command left it."""
        answer = self.done(command).answer
        assert answer.kind == "order"
        assert answer.data == {"id": answer.state.id}
        order: Order = answer.state
        return order

    def redemption(self, command: Command) -> Redemption:
        answer = self.done(command).answer
        assert answer.kind == "redemption"
        assert answer.data == {"id": answer.state.id}
        redemption: Redemption = answer.state
        return redemption

    def refusal(self, command: Command, error: type[DomainError]) -> dict[str, Any]:
        """The fields of the refusal but its message; proves that the command moved nothing and told nobody."""
        before = picture(self.state)
        sequence = self.state.command_sequence
        outcome = self.apply(command)
        assert outcome.answer.kind == error.code, outcome.answer
        assert effects(outcome) == {}
        assert picture(self.state) == before
        assert self.state.command_sequence == sequence + 1
        data = dict(outcome.answer.data)
        assert data.pop("message")
        assert DomainError.from_data(error.code, outcome.answer.data).as_data() == outcome.answer.data
        return data

    # ------------------------------------------------------------ what stands

    def balance(self, owner: int, asset: str) -> tuple[int, int]:
        """Available and held."""
        available, held = self.state.balance(owner, self.state.assets[asset].id)
        return available, held

    def levels(self, side: OrderSide, symbol: str = make.SYMBOL) -> list[tuple[int, int, int]]:
        """Price, quantity and number of orders, best first."""
        book_side = self.state.markets[symbol].book.side(side)
        return [(level.price, level.quantity, level.count) for level in book_side.best_first()]

    def now_of(self, command: Command) -> Order:
        """The order of a PlaceOrder as it is now."""
        assert command.key is not None
        key = (command.caller, command.key)
        return (self.state.orders.get(key) or self.state.ended_orders[key]).as_it_is()

    def legs(self, outcome: Outcome) -> list[tuple[str, str, set[tuple[int, str, bool, int]]]]:
        """Kind, reference and legs of each entry, with the assets by code."""
        codes = {asset.id: asset.code for asset in self.state.assets.values()}
        return [
            (
                kind,
                reference,
                {(owner, codes[asset], held, amount) for owner, asset, held, amount in legs},
            )
            for _, _, kind, reference, legs in outcome.entries
        ]


def told(outcome: Outcome, owner: int) -> list[list[Any]]:
    """The payloads of what a command told one person."""
    found = [payloads for reader, _, _, payloads in outcome.news if reader == owner]
    assert len(found) <= 1
    return found[0] if found else []


def stored(answer: Answer) -> tuple[str, dict[str, Any]]:
    """What of an answer is kept for ever."""
    return answer.kind, answer.data
