"""Two subscribers that live through a whole crash test: one on a person's events, one on the market's trades."""

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass

import asyncpg

from tests.conftest import graphql
from tests.crash.exchange import Exchange
from tests.crash.subscriber import ACCOUNT_EVENTS, TRADES, Subscriber
from tests.crash.truth import Findings

CATCH_UP_SECONDS = 15

FIRST_EVENT = "{ viewer { accountEvents(first: 1) { edges { node { cursor sequence } } } } }"
NEWEST_TRADE = """query ($symbol: String!) {
    instrument(symbol: $symbol) { trades(first: 1) { edges { node { cursor sequence } } } } }"""
LAST_EVENT = """SELECT max(last_sequence) FROM account_event JOIN users USING (owner) WHERE users.id = $1"""
LAST_TRADE = "SELECT max(t.sequence) FROM trade t JOIN instrument i ON i.id = t.instrument WHERE i.symbol = $1"


@dataclass
class Followed:
    """A stream and the number that its subscriber had seen before it began."""

    name: str
    subscriber: Subscriber
    before: int

    def compare(self, last: int, findings: Findings) -> None:
        seen = self.subscriber.sequences
        findings.figures[f"{self.name} seen"] += len(seen)
        findings.figures["connections"] += self.subscriber.connections
        for previous, sequence in zip([self.before, *seen], [*seen, last + 1], strict=True):
            if sequence <= previous:
                findings.breach(f"{self.name} seen twice", str(sequence), f"after {previous}")
            elif sequence > previous + 1:
                findings.breach(f"{self.name} missed", str(previous + 1), f"up to {sequence - 1}")


@contextlib.asynccontextmanager
async def followers(exchange: Exchange) -> AsyncIterator[list[Followed]]:
    """Needs a market in which at least one trade was made."""
    person = exchange.people[0]
    events = await graphql(exchange.http, FIRST_EVENT, token=person.token)
    trades = await graphql(exchange.http, NEWEST_TRADE, {"symbol": exchange.symbol})
    event = events["data"]["viewer"]["accountEvents"]["edges"][0]["node"]
    trade = trades["data"]["instrument"]["trades"]["edges"][0]["node"]
    url = exchange.server.socket_url
    other_url = exchange.doors[-1].socket_url
    followed = [
        Followed("events", Subscriber(url, person.token, ACCOUNT_EVENTS, {}, event["cursor"]), event["sequence"]),
        Followed(
            "trades",
            Subscriber(other_url, person.token, TRADES, {"symbol": exchange.symbol}, trade["cursor"]),
            trade["sequence"],
        ),
    ]
    async with contextlib.AsyncExitStack() as stack:
        for each in followed:
            await stack.enter_async_context(each.subscriber.following())
        yield followed


async def compare_followed(exchange: Exchange, followed: list[Followed]) -> Findings:
    """For when nothing happens any more: each saw every number once, in order."""
    findings = Findings()
    connection = await asyncpg.connect(exchange.database_url)
    try:
        lasts = [
            await connection.fetchval(LAST_EVENT, exchange.person_id(0)),
            await connection.fetchval(LAST_TRADE, exchange.symbol),
        ]
    finally:
        await connection.close()
    for each, last in zip(followed, lasts, strict=True):
        await each.subscriber.until(last, CATCH_UP_SECONDS)
        each.compare(last, findings)
    return findings
