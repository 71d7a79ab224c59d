"""What size costs: a large book, a long past, many accounts.

    python -m bench.size [resting] [restart] [memory] [--rounds 3] [--seconds 8] [--seed 1]

- resting: orders per second with 10^6 orders resting away from the price, against 10^3, in turn on two databases.
- restart: seconds from the start of a process to a writer that takes orders, with 10^5 open orders and 10^6 past ones.
- memory: resident memory of a process whose engine has touched 10^6 accounts (money and grams each) and holds 10^6
  open orders, without a database.

All three are filled through the writer or the engine, order by order; together they take about fifteen minutes.
"""

import argparse
import asyncio
import gc
import os
import platform
import random
import statistics
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from itertools import islice
from uuid import UUID

import asyncpg
import uvloop
from rich.console import Console

from bench.order_flow import PROGRAMME, OrderFlow, full_rate, fund, programme
from bench.servers import Addresses, fresh_database, in_database, running_writer, servers
from domain.commands import Command, Deposit, Issue, PlaceOrder
from domain.engine import Engine
from domain.errors import DomainError
from domain.ids import FIRST_OWNER
from domain.orders.model import OrderSide, OrderType, TimeInForce
from infra.engine.commit_loop import Writer
from infra.engine.queue import LocalQueue

GOAL_RESTING = 0.8
GOAL_RESTART_SECONDS = 3.0
GOAL_MEMORY_GB = 2.5
OWNERS = 10_000
OPERATOR = FIRST_OWNER - 1
MANY, FEW = 1_000_000, 1_000
OPEN, PAST = 100_000, 1_000_000
ACCOUNTS = 1_000_000
AT_ONCE = 4_096
BATCH = 512

console = Console(highlight=False, soft_wrap=True)


def orders_away(symbol: str, seed: int, owners: int, time_in_force: TimeInForce = TimeInForce.GTC) -> Iterator[Command]:
    """Endless orders of both sides, 500 prices deep, that never meet."""
    chance = random.Random(f"away {seed}")
    while True:
        side = OrderSide.BUY if chance.random() < 0.5 else OrderSide.SELL
        yield PlaceOrder(
            caller=FIRST_OWNER + chance.randrange(owners),
            key=UUID(int=chance.getrandbits(128)),
            symbol=symbol,
            side=side,
            type=OrderType.LIMIT,
            time_in_force=time_in_force,
            quantity=1_000,
            price=(1_500 if side is OrderSide.BUY else 3_000) + chance.randrange(500),
        )


async def fill(queue: LocalQueue, commands: Iterable[Command], count: int) -> None:
    """Submits so many of the commands; each must be accepted."""
    commands = islice(commands, count)
    while chunk := list(islice(commands, AT_ONCE)):
        for answer in await asyncio.gather(*(queue.submit(command) for command in chunk)):
            if DomainError.is_code(answer.kind):
                raise SystemExit(f"an order was refused: {answer}")


# ---------------------------------------------------------------- a large book


async def resting(arguments: argparse.Namespace, addresses: Addresses) -> bool:
    async with AsyncExitStack() as stack:
        queues = {}
        for count in (FEW, MANY):
            name = f"gramme_bench_{os.getpid()}_{count}"
            database = await stack.enter_async_context(fresh_database(addresses.owner_url, name))
            queue = await stack.enter_async_context(running_writer(addresses, database, arguments.batch_size))
            symbol = await fund(queue, OWNERS)
            await fill(queue, orders_away(symbol, arguments.seed, OWNERS), count)
            queues[count] = (queue, OrderFlow(symbol, OWNERS, arguments.seed))
        gc.freeze()
        ratios = []
        for number in range(1, arguments.rounds + 1):
            rates = {}
            for count, (queue, flow) in queues.items():
                flow.prepare(arguments.seconds)
                rates[count] = (await full_rate(queue, flow, arguments.seconds, 1_024)).rate
            ratios.append(rates[MANY] / rates[FEW])
            console.print(
                f"round {number}: {rates[FEW]:,.0f} orders/s with {FEW:,} resting, {rates[MANY]:,.0f} with {MANY:,}; "
                f"load {os.getloadavg()[0]:.1f}"
            )
    ratio = statistics.median(ratios)
    console.print(f"{ratio:.2f} of the rate with {MANY:,} orders resting; the goal is {GOAL_RESTING}")
    return ratio >= GOAL_RESTING


# ---------------------------------------------------------------- a long past


async def restart(arguments: argparse.Namespace, addresses: Addresses) -> bool:
    async with fresh_database(addresses.owner_url, f"gramme_bench_{os.getpid()}") as database:
        async with running_writer(addresses, database, arguments.batch_size) as queue:
            symbol = await fund(queue, OWNERS)
            flow = OrderFlow(symbol, OWNERS, arguments.seed)
            await fill(queue, orders_away(symbol, arguments.seed, OWNERS), OPEN)
            await fill(queue, _ended_at_once(flow), PAST)
        app_url = in_database(addresses.app_url, database)
        connection = await asyncpg.connect(app_url)
        counted = await connection.fetchrow(
            "SELECT count(*) FILTER (WHERE status IN ('OPEN', 'PARTIALLY_FILLED')) AS open, count(*) AS all FROM orders"
        )
        await connection.close()
        assert counted is not None
        seconds = []
        for _ in range(arguments.rounds):
            begun = time.perf_counter()
            child = await asyncio.create_subprocess_exec(sys.executable, "-m", "bench.size", "--open-writer", app_url)
            if await child.wait() != 0:
                raise SystemExit("the writer did not come up")
            seconds.append(time.perf_counter() - begun)
    median = statistics.median(seconds)
    console.print(
        f"{median:.2f} s ({min(seconds):.2f} .. {max(seconds):.2f}) from the start of the process to ready with "
        f"{counted['open']:,} open of {counted['all']:,} orders; the goal is {GOAL_RESTART_SECONDS} s"
    )
    return median <= GOAL_RESTART_SECONDS


def _ended_at_once(flow: OrderFlow) -> Iterator[Command]:
    """The usual orders as immediate-or-cancel, without the cancels."""
    while True:
        command = flow.next()
        if isinstance(command, PlaceOrder):
            yield PlaceOrder(
                caller=command.caller,
                key=command.key,
                symbol=command.symbol,
                side=command.side,
                type=command.type,
                time_in_force=TimeInForce.IOC,
                quantity=command.quantity,
                price=command.price,
            )


async def open_writer(app_url: str) -> None:
    """A writer until it takes orders; then the process ends without further ado, as one that is killed."""
    queue = LocalQueue(1_000)
    running = asyncio.create_task(Writer(app_url, queue, _no_bell, batch_size=BATCH).run())
    await queue.until_open()
    running.cancel()
    os._exit(0)


def _no_bell(_batch: int) -> None:
    pass


# ---------------------------------------------------------------- many accounts


def memory(arguments: argparse.Namespace) -> bool:
    child = subprocess.run(
        [sys.executable, "-m", "bench.size", "--hold", str(arguments.seed)], check=True, capture_output=True, text=True
    )
    gigabytes = int(child.stdout) / 1e9
    console.print(
        f"{gigabytes:.2f} GB resident: {ACCOUNTS:,} accounts, {MANY:,} open orders; the goal is {GOAL_MEMORY_GB} GB"
    )
    return gigabytes <= GOAL_MEMORY_GB


def hold(seed: int) -> None:
    """Fills an engine and prints the bytes that the process has resident."""
    engine, now, numbers = Engine(), datetime.now(UTC), iter(range(1, 10**9))
    symbol = f"PCA-{PROGRAMME}-2026"

    def apply(command: Command) -> None:
        outcome = engine.apply(command, now)
        assert not DomainError.is_code(outcome.answer.kind), outcome.answer
        if outcome.sequence % BATCH == 0:
            engine.state.forget_ended()
            engine.state.digest()

    apply(programme(UUID(int=next(numbers)), PROGRAMME))
    gc.disable()
    for owner in range(FIRST_OWNER, FIRST_OWNER + ACCOUNTS):
        apply(Deposit(caller=OPERATOR, key=UUID(int=next(numbers)), owner=owner, currency="EUR", amount=1_000_000))
        apply(Issue(caller=OPERATOR, key=UUID(int=next(numbers)), owner=owner, asset=symbol, amount=1_000_000))
    for command in islice(orders_away(symbol, seed, ACCOUNTS), MANY):
        apply(command)
    with open("/proc/self/statm") as file:
        pages = int(file.read().split()[1])
    sys.stdout.write(str(pages * os.sysconf("SC_PAGE_SIZE")))


def main() -> None:
    parser = argparse.ArgumentParser(description="What a large book, a long past and many accounts cost.")
    parser.add_argument(
        "parts", nargs="*", choices=["resting", "restart", "memory", []], help="all where none is named"
    )
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=8.0)
    parser.add_argument("--batch-size", type=int, default=BATCH)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--open-writer", metavar="URL", help=argparse.SUPPRESS)
    parser.add_argument("--hold", type=int, metavar="SEED", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.open_writer is not None:
        uvloop.run(open_writer(arguments.open_writer))
    if arguments.hold is not None:
        hold(arguments.hold)
        return
    parts = arguments.parts or ["memory", "restart", "resting"]
    console.print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}")
    reached = []
    if "memory" in parts:
        reached.append(memory(arguments))
    if {"restart", "resting"} & set(parts):
        with servers() as addresses:
            if "restart" in parts:
                reached.append(uvloop.run(restart(arguments, addresses)))
            if "resting" in parts:
                reached.append(uvloop.run(resting(arguments, addresses)))
    sys.exit(0 if all(reached) else 1)


if __name__ == "__main__":
    main()
