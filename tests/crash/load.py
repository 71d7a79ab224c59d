"""People who trade and never forget a key: what is not answered is sent again with the same one, until it is."""

import asyncio
import random
import uuid
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from tests.conftest import Caller
from tests.crash.exchange import DEPOSIT, Exchange
from tests.crash.line import Line, Lost

LANES = 4
"""Requests that one person has on the way at a time."""
PRICES = range(2_490, 2_511)
LOTS = range(1, 21)
AGAIN_SECONDS = 0.2
NOT_KEPT = frozenset({"Overloaded", "TooManyRequests"})

PLACE = """mutation ($input: PlaceOrderInput!) { placeOrder(input: $input) {
    __typename ... on Order { id status } ... on UserError { code message } } }"""
CANCEL = """mutation ($key: ID!) { cancelOrder(clientOrderId: $key) {
    __typename ... on Order { id status } ... on UserError { code message } } }"""
CONVERT = """mutation ($asset: String!, $grams: Grams!, $key: ID!) {
    convertToPoints(asset: $asset, grams: $grams, idempotencyKey: $key) {
      __typename ... on UserError { code message } } }"""
REDEEM = """mutation ($offer: ID!, $key: ID!) { redeemOffer(offerId: $offer, idempotencyKey: $key) {
    __typename ... on Redemption { id secret: code } ... on UserError { code message } } }"""
CAPTURE = """mutation ($code: String!, $key: String!) { captureRedemption(code: $code, tillReference: $key) {
    __typename ... on Redemption { id } ... on UserError { code message } } }"""


@dataclass(frozen=True)
class Answer:
    """`name` is the type of the answer; `id` and `status` are those of the thing where it has any."""

    name: str
    id: str | None
    status: str | None


@dataclass(eq=False)
class Saved:
    """A request as a phone keeps it from before the first sending on. `kind` is the command that it becomes."""

    kind: str
    key: str
    document: str
    variables: dict[str, Any]
    token: str
    answer: Answer | None = None


class Load:
    def __init__(self, exchange: Exchange, chance: random.Random) -> None:
        self.saved: list[Saved] = []
        self.unanswered: Counter[str] = Counter()
        """Sendings without a definite answer, by reason."""
        self._exchange = exchange
        self._chance = chance
        self._orders: list[tuple[Caller, str]] = []
        self._codes: list[str] = []
        self._lines: list[Line] = []

    def acknowledged(self) -> list[tuple[Saved, Answer]]:
        """A copy of what has a definite answer by now."""
        return [(request, request.answer) for request in self.saved if request.answer is not None]

    def summary(self) -> str:
        """Acknowledged requests by answer, and how often there was none."""
        answers = Counter(answer.name for _, answer in self.acknowledged())
        return f"{answers.total()} acknowledged {dict(answers)}, without an answer {dict(self.unanswered)}"

    async def hang_up(self) -> None:
        for line in self._lines:
            await line.hang_up()

    async def trade(self, stop: asyncio.Event) -> None:
        """Everyone makes requests until `stop`; returns when each of them has its definite answer."""
        async with asyncio.TaskGroup() as tasks:
            for person in self._exchange.people * LANES:
                tasks.create_task(self._live(person, stop))

    async def send_again(self, requests: Sequence[Saved]) -> list[tuple[Saved, Answer]]:
        """Answers to requests that were answered before; those that got another answer now."""
        answers = await asyncio.gather(*(self._until_answered(request) for request in requests))
        return [
            (request, answer)
            for request, answer in zip(requests, answers, strict=True)
            if request.answer is None or (answer.name, answer.id) != (request.answer.name, request.answer.id)
        ]

    # ------------------------------------------------------------ for tests that send by hand

    def new_order(self, person: Caller) -> Saved:
        """Saved, as everything that is sent."""
        request = self._place(person)
        self.saved.append(request)
        return request

    def cancel_of(self, order: Saved) -> Saved:
        """Not saved: it is answered otherwise before and after its order."""
        return Saved("CANCEL_ORDER", order.key, CANCEL, {"key": order.key}, order.token)

    def of_people(self) -> list[Saved]:
        """What people asked for themselves and have an answer to, oldest first."""
        own = {person.token for person in self._exchange.people}
        return [request for request, _ in self.acknowledged() if request.token in own]

    def under(self, request: Saved, token: str) -> Saved:
        """The same request as another device of the same person sends it."""
        return replace(request, token=token)

    async def send_copies(self, requests: Sequence[Saved]) -> list[Answer]:
        """All of them at once, each until it is answered."""
        return list(await asyncio.gather(*(self._until_answered(request) for request in requests)))

    # ------------------------------------------------------------ sending again

    async def reuse_keys(self, requests: Sequence[Saved]) -> list[tuple[Saved, Answer]]:
        """Sends other orders under the keys of these orders; those that were not refused for it."""
        wrong = []
        for request in requests:
            order = request.variables["input"]
            other = {"input": {**order, "quantity": order["quantity"] + 1_000}}
            answer = await self._until_answered(replace(request, variables=other, answer=None))
            if answer.name != "IdempotencyKeyReused":
                wrong.append((request, answer))
        return wrong

    async def _live(self, person: Caller, stop: asyncio.Event) -> None:
        while not stop.is_set():
            request = self._next_request(person)
            self.saved.append(request)
            request.answer = await self._until_answered(request)
            if request.kind == "PLACE_ORDER" and request.answer.name == "Order":
                self._orders.append((person, request.key))

    # ------------------------------------------------------------ what they do

    def _next_request(self, person: Caller) -> Saved:
        draw = self._chance.random()
        if draw < 0.08 and self._orders:
            return self._cancel()
        if draw < 0.12:
            return self._deposit(person)
        if draw < 0.15:
            return self._convert(person)
        if draw < 0.20:
            return self._redeem(person)
        if draw < 0.24 and self._codes:
            return self._capture()
        return self._place(person)

    def _key(self) -> str:
        return str(uuid.UUID(int=self._chance.getrandbits(128), version=4))

    def _place(self, person: Caller) -> Saved:
        draw = self._chance
        key = self._key()
        order = {
            "clientOrderId": key,
            "symbol": self._exchange.symbol,
            "side": draw.choice(("BUY", "SELL")),
            "quantity": 1_000 * draw.choice(LOTS),
            "price": draw.choice(PRICES),
            "timeInForce": draw.choice(("GTC", "GTC", "GTC", "IOC")),
        }
        return Saved("PLACE_ORDER", key, PLACE, {"input": order}, person.token)

    def _cancel(self) -> Saved:
        person, key = self._orders.pop(self._chance.randrange(len(self._orders)))
        return Saved("CANCEL_ORDER", key, CANCEL, {"key": key}, person.token)

    def _deposit(self, person: Caller) -> Saved:
        key = self._key()
        variables = {"user": person.id, "amount": self._chance.randint(1, 1_000), "key": key}
        return Saved("DEPOSIT", key, DEPOSIT, variables, self._exchange.operator.token)

    def _convert(self, person: Caller) -> Saved:
        key = self._key()
        variables = {"asset": self._exchange.symbol, "grams": 1_000, "key": key}
        return Saved("CONVERT_TO_POINTS", key, CONVERT, variables, person.token)

    def _redeem(self, person: Caller) -> Saved:
        key = self._key()
        return Saved("REDEEM_OFFER", key, REDEEM, {"offer": self._exchange.offer, "key": key}, person.token)

    def _capture(self) -> Saved:
        """Now and then two tills try the same code."""
        code = self._chance.choice(self._codes)
        if self._chance.random() < 0.8:
            self._codes.remove(code)
        key = self._key()
        return Saved("CAPTURE_REDEMPTION", key, CAPTURE, {"code": code, "key": key}, self._exchange.shop_key)

    # ------------------------------------------------------------ how they ask

    async def _until_answered(self, request: Saved) -> Answer:
        while True:
            answer = await self._send(request)
            if answer is not None:
                return answer
            await asyncio.sleep(AGAIN_SECONDS)

    async def _send(self, request: Saved) -> Answer | None:
        """None where it is not known what became of the request."""
        line = self._lines.pop() if self._lines else self._exchange.line()
        try:
            body = await line.ask(request.document, request.variables, request.token)
        except Lost as lost:
            self.unanswered[str(lost)] += 1
            return None
        finally:
            self._lines.append(line)
        if body.get("errors"):
            code = body["errors"][0]["extensions"]["code"]
            assert code in ("UNAVAILABLE", "RATE_LIMITED"), f"{request.kind} {request.key} was answered {body}"
            self.unanswered[code] += 1
            return None
        result = next(iter(body["data"].values()))
        name = result["__typename"]
        if name in NOT_KEPT:
            self.unanswered[name] += 1
            return None
        if name == "Redemption" and result.get("secret") and request.answer is None:
            self._codes.append(result["secret"])
        return Answer(name, result.get("id"), result.get("status"))


Step = Callable[[], Awaitable[None]]


async def during(load: Load, step: Step, *, patience_seconds: float = 60) -> None:
    """Runs `step` in mid-load, then lets everyone end with an answer. The load's own failures end the step."""
    stop = asyncio.Event()
    async with asyncio.timeout(patience_seconds), asyncio.TaskGroup() as tasks:
        tasks.create_task(load.trade(stop))
        try:
            await step()
        finally:
            stop.set()
