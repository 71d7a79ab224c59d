"""Random streams of commands with the answers that the pure engine gives, to send through a real writer.

A stream comes in phases: time stands still within one. Commands name real things, keys come again now and then, with
the same input or with another.
"""

import random
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time, timedelta
from uuid import UUID

from domain.commands import (
    Answer,
    CancelOrderOf,
    Command,
    DecideProposal,
    HaltMarket,
    PlaceOrder,
    ProposeReserve,
    ResumeMarket,
)
from domain.errors import IdempotencyKeyReused
from domain.orders.model import OrderType, ReservePart, SelfTradePrevention, TimeInForce
from domain.orders.schedule import next_due
from domain.orders.terms import Calendar, Session, Terms
from tests import factories as make
from tests.domain.exchange import Exchange
from tests.factories import ALICE, BOB, BUY, CAROL, MONEY, POINTS, SELL, SHOP, SYMBOL

PEOPLE = (ALICE, BOB, CAROL, 1_004, 1_005)
FEELESS = "PCA-PAR-2026"
LOWEST = {SYMBOL: 1_234_567, FEELESS: 1_001}
CALENDAR = Terms(
    calendar=Calendar("Europe/London", tuple(Session(day, time(8, 30), time(9), time(17)) for day in range(7)))
).as_values()["calendar"]


@dataclass
class Phase:
    now: datetime
    commands: list[Command] = field(default_factory=list)
    answers: list[Answer] = field(default_factory=list)


class KeyedExchange(Exchange):
    """Does what the writer does beside applying: ends what is due, and gives the one answer to a key."""

    def __init__(self) -> None:
        super().__init__()
        self.known: dict[tuple[int, UUID], tuple[Command, Answer]] = {}

    def answer(self, command: Command) -> Answer:
        self._follow_the_clock()
        if command.key is None:
            return self._apply(command)
        key = (command.caller, command.key)
        if key not in self.known:
            answer = self._apply(command)
            self.known[key] = (command, Answer(answer.kind, answer.data))
            return answer
        earlier, answer = self.known[key]
        if (earlier.kind, earlier.fingerprint()) == (command.kind, command.fingerprint()):
            return answer
        reused = IdempotencyKeyReused()
        return Answer(reused.code, reused.as_data())

    def _apply(self, command: Command) -> Answer:
        answer = self.apply(command).answer
        self._follow_the_clock()
        return answer

    def _follow_the_clock(self) -> None:
        while (due := next_due(self.state, self.now)) is not None:
            self.apply(due)


class RandomDay:
    def __init__(self, seed: int) -> None:
        self.dice = random.Random(seed)
        self.exchange = KeyedExchange()
        self.sent: list[Command] = []
        self.placed: list[PlaceOrder] = []
        self.codes: list[str] = []

    def phases(self, count: int, length: int) -> list[Phase]:
        phases = [self._phase(self._opening())]
        for _ in range(count):
            self.exchange.forward(minutes=self.dice.choice([0, 1, 7, 20, 800]))
            phases.append(self._phase(None, length))
        return phases

    def _phase(self, commands: list[Command] | None, length: int = 0) -> Phase:
        phase = Phase(self.exchange.now)
        for number in range(length if commands is None else len(commands)):
            command = self._command() if commands is None else commands[number]
            self.sent.append(command)
            phase.commands.append(command)
            phase.answers.append(self.exchange.answer(command))
        return phase

    def _opening(self) -> list[Command]:
        commands: list[Command] = [
            make.create_programme(maker_fee_basis_points=70, taker_fee_basis_points=125),
            make.create_programme("PAR", points_per_kg=7),
        ]
        for owner in PEOPLE:
            commands += [make.deposit(owner, 200_000), make.issue(owner, 60_000), make.issue(owner, 60_000, FEELESS)]
            commands.append(make.issue(owner, 200, POINTS))
        return [*commands, make.create_offer(15), make.create_offer(10, stock=3)]

    def _command(self) -> Command:
        chance = self.dice.random()
        if chance < 0.60:
            return self._order()
        if chance < 0.68 and self.placed:
            return make.cancel(self.dice.choice(self.placed[-20:]))
        if chance < 0.75 and self.placed:
            return self._replacement(self.dice.choice(self.placed[-20:]))
        if chance < 0.80:
            return self.dice.choice(self.sent)
        if chance < 0.83:
            return self._other_input()
        if chance < 0.88:
            return self._act()
        return self._rare()

    def _order(self) -> PlaceOrder:
        dice = self.dice
        symbol = dice.choice([SYMBOL, SYMBOL, FEELESS])
        type_, time_in_force, post_only, minutes = dice.choice(
            [
                *[(OrderType.LIMIT, TimeInForce.GTC, False, None)] * 6,
                *[(OrderType.LIMIT, TimeInForce.IOC, False, None)] * 2,
                *[(OrderType.LIMIT, TimeInForce.FOK, False, None)] * 2,
                (OrderType.LIMIT, TimeInForce.DAY, False, None),
                (OrderType.LIMIT, TimeInForce.GTD, False, 15),
                (OrderType.LIMIT, TimeInForce.GTC, True, None),
                (OrderType.MARKET, TimeInForce.GTC, False, None),
                (OrderType.MARKET, TimeInForce.DAY, False, None),
            ]
        )
        order = make.place(
            dice.choice(PEOPLE),
            dice.choice([BUY, SELL]),
            1_000 * dice.randrange(1, 7),
            LOWEST[symbol] + dice.randrange(5),
            symbol=symbol,
            type=type_,
            time_in_force=time_in_force,
            post_only=post_only,
            self_trade=dice.choice(list(SelfTradePrevention)),
            expires_at=None if minutes is None else self.exchange.now + timedelta(minutes=minutes),
        )
        self.placed.append(order)
        return order

    def _replacement(self, order: PlaceOrder) -> Command:
        dice = self.dice
        price = dice.choice([order.price, LOWEST[order.symbol] + dice.randrange(5)])
        return make.replace(order, dice.choice([order.quantity, 1_000 * dice.randrange(0, 9)]), price)

    def _other_input(self) -> Command:
        if not self.placed:
            return self._order()
        earlier = self.dice.choice(self.placed)
        return self.dice.choice(
            [replace(earlier, price=earlier.price + 1), make.convert(earlier.caller, 1_000, key=earlier.key)]
        )

    def _act(self) -> Command:
        """What an operator does."""
        dice, key = self.dice, make.new_key()
        symbol = dice.choice([SYMBOL, FEELESS])
        part = dice.choice(list(ReservePart))
        price = LOWEST[symbol] + {ReservePart.FLOOR: -3, ReservePart.CEILING: 30}.get(part, dice.randrange(1, 8))
        return dice.choice(
            [
                HaltMarket(caller=make.OPERATOR, key=key, symbol=symbol, reason="A test."),
                ResumeMarket(caller=make.OPERATOR, key=key, symbol=symbol),
                ResumeMarket(caller=make.OPERATOR, key=key, symbol=symbol),
                make.set_terms(symbol, reference_price=LOWEST[symbol], halt=dice.choice([1, 500, None])),
                make.set_terms(symbol, batch_seconds=dice.choice([0, 0, 60])),
                make.set_terms(symbol, calendar=dice.choice([None, None, CALENDAR])),
                CancelOrderOf(
                    caller=make.OPERATOR,
                    key=key,
                    order=dice.choice(list(self.exchange.state.orders_by_id) or [1]),
                    reason="A test.",
                ),
                ProposeReserve(
                    caller=make.OPERATOR,
                    key=key,
                    symbol=symbol,
                    part=part,
                    price=price,
                    quantity=dice.choice([0, 5_000]),
                ),
                *(
                    DecideProposal(caller=make.OPERATOR + 9, key=make.new_key(), proposal=number, approve=approve)
                    for number in list(self.exchange.state.proposals)[:1]
                    for approve in (True, True, False)
                ),
            ]
        )

    def _rare(self) -> Command:
        dice, state, owner = self.dice, self.exchange.state, self.dice.choice(PEOPLE)
        reserved = list(state.redemptions) or [4_711]
        ended = list(state.ended_redemptions) or [4_711]
        code = f"CODE{dice.randrange(10**12)}"
        self.codes.append(code)
        footprints = {each: dice.choice([None, 0, 50_000, 90_000]) for each in PEOPLE}
        monday = date(2026, 6, 22) - timedelta(days=7 * dice.randrange(-1, 80))
        return dice.choice(
            [
                make.deposit(owner, dice.choice([0, 5_000]), dice.choice([MONEY, "EUR"])),
                make.issue(owner, 5_000, dice.choice([SYMBOL, FEELESS, "PCA-LON-1999"])),
                make.convert(owner, dice.choice([10, 3_000, 900_000])),
                make.create_offer(20, stock=dice.choice([None, 0, 2])),
                make.redeem(owner, dice.choice(list(state.offers)), code),
                make.redeem(owner, dice.choice(list(state.offers)), code),
                make.capture(dice.choice(self.codes), partner=dice.choice([SHOP, SHOP, ALICE])),
                make.capture(dice.choice([each.code for each in state.redemptions.values()] or self.codes)),
                make.cancel_redemption(dice.choice(PEOPLE), dice.choice([*reserved, *ended])),
                make.close_period(footprints, monday),
                make.create_programme(dice.choice(["LON", "PAR", "NYC"])),
                make.cancel_all(owner, dice.choice([None, SYMBOL, "PCA-LON-1999"])),
                make.cancel_all_after(owner, dice.choice([0, 4, 30, 900])),
                make.cancel_all_after(owner, 600),
            ]
        )
