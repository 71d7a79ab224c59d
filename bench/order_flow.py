"""The load of the benchmarks: orders of many people in one market, and clients that submit them."""

import asyncio
import contextlib
import gc
import random
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from uuid import UUID

from domain.commands import Answer, CancelOrder, Command, CreateProgramme, Deposit, Issue, PlaceOrder
from domain.errors import DomainError
from domain.ids import FIRST_OWNER
from domain.orders.model import OrderSide, OrderType, TimeInForce
from domain.ports import CommandQueue
from infra.engine.queue import LocalQueue

PROGRAMME = "BENCH"
OPERATOR = FIRST_OWNER - 1
CANCEL_SHARE = 0.05
MIDDLE = 2_500
NEAR = range(-9, 10)
SWING, SWING_ORDERS = 30, 30_000
"""The middle moves so far up and down, each way within so many orders: what was left standing trades after all."""
LOTS = 10
MIXED_LOTS = range(1, 21)
WEALTH = 10_000_000_000
INVENTED_PER_SECOND = 20_000
TICK_SECONDS = 0.001


class OrderFlow:
    """An endless, seeded stream: both sides at prices near a middle that moves, of one size.

    A mixed one is of many sizes, with some cancels of what the owner placed.
    """

    def __init__(self, symbol: str, owners: int, seed: int, *, mixed: bool = True) -> None:
        self._lots = MIXED_LOTS if mixed else (LOTS,)
        self._cancels = CANCEL_SHARE if mixed else 0.0
        self._symbol = symbol
        self._random = random.Random(seed)
        self._owners = range(FIRST_OWNER, FIRST_OWNER + owners)
        self._placed: list[tuple[int, UUID]] = []
        self._ready: deque[Command] = deque()
        self._invented = 0

    def _middle(self) -> int:
        self._invented += 1
        return MIDDLE - SWING + abs(self._invented % (2 * SWING_ORDERS) - SWING_ORDERS) * 2 * SWING // SWING_ORDERS

    def prepare(self, seconds: float) -> None:
        """Invents what the next phase may need: neither the clock runs meanwhile nor does the collector look at it."""
        missing = int(seconds * INVENTED_PER_SECOND) - len(self._ready)
        self._ready.extend([self._invent() for _ in range(missing)])
        gc.freeze()

    def next(self) -> Command:
        return self._ready.popleft() if self._ready else self._invent()

    def _invent(self) -> Command:
        draw = self._random
        if self._placed and draw.random() < self._cancels:
            owner, order_key = self._placed.pop(draw.randrange(len(self._placed)))
            return CancelOrder(caller=owner, client_order_id=order_key)
        order = PlaceOrder(
            caller=draw.choice(self._owners),
            key=UUID(int=draw.getrandbits(128)),
            symbol=self._symbol,
            side=OrderSide.BUY if draw.random() < 0.5 else OrderSide.SELL,
            type=OrderType.LIMIT,
            time_in_force=TimeInForce.GTC,
            quantity=1_000 * draw.choice(self._lots),
            price=self._middle() + draw.choice(NEAR),
        )
        assert order.key is not None
        self._placed.append((order.caller, order.key))
        if len(self._placed) > 5_000:
            self._placed[draw.randrange(5_000)] = self._placed.pop()
        return order


@dataclass
class Load:
    """What one phase saw: seconds from submit to answer for each accepted order, and the rest as counts."""

    latencies: list[float] = field(default_factory=list)
    cancels: int = 0
    refused: int = 0
    elapsed: float = 0.0
    cpu: float = 0.0

    @property
    def rate(self) -> float:
        return len(self.latencies) / self.elapsed

    def count(self, command: Command, answer: Answer, seconds: float) -> None:
        if isinstance(command, CancelOrder):
            self.cancels += 1
        elif DomainError.is_code(answer.kind):
            self.refused += 1
        else:
            self.latencies.append(seconds)

    def percentile(self, share: float) -> float:
        """Milliseconds."""
        return 1_000 * sorted(self.latencies)[int(share * (len(self.latencies) - 1))]


@contextlib.contextmanager
def _measured(load: Load) -> Iterator[None]:
    cpu, begun = time.process_time(), time.perf_counter()
    yield
    load.elapsed = time.perf_counter() - begun
    load.cpu = (time.process_time() - cpu) / load.elapsed


async def full_rate(queue: CommandQueue, flow: OrderFlow, seconds: float, in_flight: int) -> Load:
    """`in_flight` clients, each of which submits its next command when the one before is answered."""
    load = Load()
    stop = time.perf_counter() + seconds

    async def client() -> None:
        begun = time.perf_counter()
        while begun < stop:
            command = flow.next()
            answer = await queue.submit(command)
            answered = time.perf_counter()
            load.count(command, answer, answered - begun)
            begun = answered

    with _measured(load):
        async with asyncio.TaskGroup() as clients:
            for _ in range(in_flight):
                clients.create_task(client())
    return load


async def paced(queue: LocalQueue, flow: OrderFlow, seconds: float, rate: float) -> Load:
    """Commands arrive at random times, `rate` a second, whether or not earlier ones are answered (open loop).

    What is due within a tick is submitted at its end; a latency runs from the time that the command was due.
    """
    load = Load()
    arrivals = random.Random(0)

    async def client(command: Command, due: float) -> None:
        answer = await queue.submit(command)
        load.count(command, answer, time.perf_counter() - due)

    with _measured(load):
        async with asyncio.TaskGroup() as clients:
            due = time.perf_counter()
            stop = due + seconds
            while due < stop:
                now = time.perf_counter()
                while due <= now:
                    clients.create_task(client(flow.next(), due))
                    due += arrivals.expovariate(rate)
                await asyncio.sleep(max(TICK_SECONDS, due - time.perf_counter()))
    return load


def programme(key: UUID, code: str) -> CreateProgramme:
    return CreateProgramme(
        caller=OPERATOR,
        key=key,
        code=code,
        name="Benchmark",
        region="DE",
        currency="EUR",
        weekly_allowance=100_000,
        points_per_kg=1,
        time_zone="UTC",
        year=2026,
    )


async def fund(queue: LocalQueue, owners: int, code: str = PROGRAMME) -> str:
    """Opens the market of a programme and gives every owner money and grams; returns its symbol."""
    first_key = int.from_bytes(code.encode()) << 64
    answer = await queue.submit(programme(UUID(int=first_key + 1), code))
    assert not DomainError.is_code(answer.kind), answer
    symbol = f"PCA-{code}-2026"
    commands: list[Command] = []
    for owner in range(FIRST_OWNER, FIRST_OWNER + owners):
        keys = (UUID(int=first_key + 2 * owner), UUID(int=first_key + 2 * owner + 1))
        commands.append(Deposit(caller=OPERATOR, key=keys[0], owner=owner, currency="EUR", amount=WEALTH))
        commands.append(Issue(caller=OPERATOR, key=keys[1], owner=owner, asset=symbol, amount=WEALTH))
    for first in range(0, len(commands), 5_000):
        answers = await asyncio.gather(*(queue.submit(command) for command in commands[first : first + 5_000]))
        assert not any(DomainError.is_code(answer.kind) for answer in answers)
    return symbol
