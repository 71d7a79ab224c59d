"""One market under load while faults strike it; after each of them every invariant is looked at.

After each fault: what was acknowledged is there, once and unchanged (I5, I11); a repeat gets the first answer, another
order under a used key is refused (I6); the audit is green (I1 to I4, I8, I9). At the end too: followers saw everything
once (I12), no read in between showed a false sum (I14), the log replays to the same trades and digest in our engine
(I10) and in the naive market (I7).
"""

import asyncio
import contextlib
import random
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field

from tests.crash.bank import bank_reads
from tests.crash.exchange import Exchange
from tests.crash.followers import compare_followed, followers
from tests.crash.load import Load, during
from tests.crash.naively import naively_replayed
from tests.crash.truth import Findings, Stored, compare, replayed, settled

WARM_SECONDS = 0.5
PATIENCE_SECONDS = 90
NAIVE_COMMANDS_MAX = 2_500


@dataclass
class Trial:
    exchange: Exchange
    load: Load
    chance: random.Random
    tell: Callable[[str], None]
    findings: Findings = field(default_factory=Findings)
    faults: Counter[str] = field(default_factory=Counter)
    followed_seen: Callable[[], int] = field(default=lambda: 0)

    async def strike(self, name: str, fault: Callable[[], Awaitable[str | None]]) -> None:
        """A fault in mid-load; when everybody has an answer again, every invariant. `fault` may say what it saw."""
        begun = time.monotonic()
        said: list[str] = []

        async def step() -> None:
            await asyncio.sleep(self.chance.uniform(0.2, 1.0))
            said.append(await fault() or "")

        await during(self.load, step, patience_seconds=PATIENCE_SECONDS)
        self.findings.add(await settled(self.exchange, self.load, self.chance))
        self.faults[name] += 1
        self.tell(
            f"{name} {self.faults[name]}: {said[0]}{', ' if said[0] else ''}{len(self.load.saved)} requests, "
            f"{self.findings.numbers()} ({time.monotonic() - begun:.1f} s)"
        )

    async def look(self) -> None:
        """What is acknowledged by now against what is stored, in the middle of a fault. Needs Postgres."""
        acknowledged = self.load.acknowledged()
        self.findings.add(compare(acknowledged, await Stored.read(self.exchange.database_url)))


@contextlib.asynccontextmanager
async def trial(exchange: Exchange, chance: random.Random, tell: Callable[[str], None]) -> AsyncIterator[Trial]:
    """The rest is looked at when the block is left; a breach fails the test there."""
    load = Load(exchange, chance)
    running = Trial(exchange, load, chance, tell)
    try:
        await during(load, lambda: asyncio.sleep(WARM_SECONDS))
        async with followers(exchange) as followed, bank_reads(exchange, chance) as read:
            running.followed_seen = lambda: len(followed[0].subscriber.sequences)
            yield running
            running.findings.add(await compare_followed(exchange, followed))
    finally:
        await load.hang_up()
    running.findings.add(read)
    running.findings.add(await replayed(exchange.database_url))
    running.findings.add(await naively_replayed(exchange.database_url, NAIVE_COMMANDS_MAX))
    tell(f"{dict(running.faults)}: {load.summary()}; {running.findings.summary()}")
    TOTALS.count(running)
    assert not running.findings.breaches, running.findings.examples()
    assert read.figures["bank snapshots"] > 0
    assert read.figures["wallets read"] > 0


@dataclass
class Totals:
    """Of all trials of a run, told at its end."""

    faults: Counter[str] = field(default_factory=Counter)
    figures: Counter[str] = field(default_factory=Counter)

    def count(self, running: Trial) -> None:
        self.faults.update(running.faults)
        self.figures.update(running.findings.figures)
        self.figures["acknowledged"] += len(running.load.acknowledged())

    def lines(self) -> list[str]:
        if not self.faults:
            return []
        told = [f"{number} x {name}" for name, number in self.faults.items()]
        seen = [f"{number:,} {name}" for name, number in self.figures.items()]
        return [f"faults: {', '.join(told)}", f"looked at: {', '.join(seen)}"]


TOTALS = Totals()
