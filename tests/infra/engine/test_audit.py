"""The audit: green on what the writer wrote, and each of its checks red on a corruption of its own."""

import asyncio
from collections.abc import AsyncIterator
from hashlib import sha256

import asyncpg
import orjson
import pytest

from domain.commands import Command
from domain.orders.model import TimeInForce
from infra.embedded import EmbeddedServers
from infra.engine.audit import Check, audit
from infra.postgres.connection import Connection
from tests import factories as make
from tests.conftest import TestDatabase
from tests.factories import ALICE, BOB, CAROL, MONEY, POINTS, SYMBOL
from tests.infra.engine.running import OFFER, OPENING, ready_writer, until_alone

BID = make.buy(CAROL, 2_000, 800_000)
DAY: list[Command] = [
    make.sell(ALICE, 5_000, 900_000),
    make.buy(BOB, 3_000, 1_000_000),
    make.sell(CAROL, 2_000, 1_100_000),
    BID,
    make.buy(BOB, 9_000, 800_000, time_in_force=TimeInForce.IOC),
    make.buy(CAROL, 500_000, 1_000, time_in_force=TimeInForce.FOK),
    make.redeem(ALICE, OFFER, "ONE"),
    make.redeem(BOB, OFFER, "TWO"),
    make.redeem(BOB, OFFER, "THREE"),
    make.capture("TWO"),
    make.close_period({ALICE: 20_000, BOB: 90_000, CAROL: None}),
    make.convert(CAROL, 10_000),
    make.buy(BOB, 1_000, 950_000),
    make.replace(BID, 3_000, 810_000),
    make.sell(BOB, 1_000, 805_000, time_in_force=TimeInForce.IOC),
    make.cancel_all_after(ALICE, 60),
    make.cancel_all_after(BOB, 0),
]
"""Three trades with fees, one of them with an order that was replaced, orders open on both sides, two timers, one
redemption captured and two reserved, a closed week."""

ZERO = "every entry sums to zero for each asset"
STORED = "stored balance = sum of postings"
NEGATIVE = "nothing negative but issuance and float"
HELD = "held = what open orders and redemptions reserve"
FILLED = "orders filled = their trades"
TRADES = "trades within both limits, two owners, value rounded down"
REPLACED = "replaced orders as their commands say"
TIMERS = "dead-man timers as their owners set them"
CROSSED = "no book crossed"
CAPTURED = "captured redemptions debited once"
WEEKS = "closed weeks = their statements"
BATCHES = "batches gapless, epochs never fall"
EVENTS = "account events gapless for each person"
CHANGES = "book changes chained for each market"
COMMANDS = "commands numbered without gaps"
ENTRIES = "entries numbered without gaps"
TRADE_NUMBERS = "trades numbered without gaps for each market"
CHAIN = "hash chain intact"
DIGEST = "open orders = digest of the last batch"

MIDDLE = "(SELECT max(sequence) / 2 FROM {0})"
ASSET = "(SELECT id FROM asset WHERE code = '{0}')"

Audited = tuple[str, Connection]

CORRUPTIONS: list[tuple[str, str, str]] = [
    (ZERO, "a leg one larger", "UPDATE posting SET amount = amount + 1 WHERE entry = 1 AND amount > 0"),
    (ZERO, "a leg in another asset", "UPDATE posting SET asset = asset + 1 WHERE entry = 1 AND amount > 0"),
    (STORED, "a richer person", f"UPDATE balance SET available = available + 1 WHERE owner = {ALICE}"),
    (STORED, "a balance that is gone", f"DELETE FROM balance WHERE owner = {CAROL}"),
    (STORED, "a balance out of nothing", "INSERT INTO balance VALUES (4711, 1, 5, 0)"),
    (STORED, "legs of somebody else", f"UPDATE posting SET owner = 4711 WHERE owner = {CAROL}"),
    (
        NEGATIVE,
        "a debt",
        f"""ALTER TABLE balance DROP CONSTRAINT balance_check;
            UPDATE balance SET available = -1 WHERE owner = {ALICE}""",
    ),
    (
        NEGATIVE,
        "a hold below zero",
        f"""ALTER TABLE balance DROP CONSTRAINT balance_held_check;
            UPDATE balance SET held = -1 WHERE owner = {ALICE}""",
    ),
    (HELD, "a larger hold", f"UPDATE balance SET held = held + 1 WHERE owner = {ALICE} AND held > 0"),
    (HELD, "a hold for nothing", "UPDATE balance SET held = 1 WHERE owner = 6"),
    (
        HELD,
        "an order that reserves more",
        "UPDATE orders SET remaining = remaining + 1 WHERE status = 'PARTIALLY_FILLED'",
    ),
    (HELD, "an order that no longer reserves", "UPDATE orders SET status = 'CANCELLED' WHERE status = 'OPEN'"),
    (HELD, "a redemption that no longer reserves", "UPDATE redemption SET status = 'EXPIRED' WHERE code = 'ONE'"),
    (
        FILLED,
        "an order filled further",
        "UPDATE orders SET remaining = remaining - 1 WHERE status = 'PARTIALLY_FILLED'",
    ),
    (FILLED, "another sum paid", "UPDATE orders SET notional = notional + 1 WHERE status = 'FILLED'"),
    (FILLED, "filled in name", "UPDATE orders SET status = 'FILLED' WHERE status = 'OPEN'"),
    (FILLED, "filled, yet open", "UPDATE orders SET status = 'OPEN' WHERE status = 'FILLED'"),
    (FILLED, "a trade that no order knows", "UPDATE trade SET quantity = quantity + 1000 WHERE sequence = 1"),
    (FILLED, "an ended order that is gone", "DELETE FROM orders WHERE status = 'FILLED'"),
    (FILLED, "a refused order that is gone", "DELETE FROM orders WHERE reason = 'FOK_NOT_FILLABLE'"),
    (FILLED, "an order that nobody placed", "UPDATE orders SET id = 4711 WHERE reason = 'FOK_NOT_FILLABLE'"),
    (TRADES, "a price above the buyer's limit", "UPDATE trade SET price = 1000001 WHERE sequence = 1"),
    (TRADES, "a price below the seller's limit", "UPDATE trade SET price = 899999 WHERE sequence = 1"),
    (
        TRADES,
        "a price above the limit of an order that was replaced",
        "UPDATE trade SET price = 810001 WHERE sequence = 3",
    ),
    (REPLACED, "another price", "UPDATE orders SET price = price + 1 WHERE moved_by IS NOT NULL"),
    (REPLACED, "more than was asked for", "UPDATE orders SET quantity = quantity + 1000 WHERE moved_by IS NOT NULL"),
    (REPLACED, "a place that no command gave", "UPDATE orders SET moved_by = moved_by + 1 WHERE moved_by IS NOT NULL"),
    (REPLACED, "a place that is forgotten", "UPDATE orders SET moved_by = NULL WHERE moved_by IS NOT NULL"),
    (TIMERS, "a timer that is gone", f"DELETE FROM dead_man_timer WHERE owner = {ALICE}"),
    (TIMERS, "a timer that does not run", f"UPDATE dead_man_timer SET runs_out = NULL WHERE owner = {ALICE}"),
    (TIMERS, "a timer that nobody set", "INSERT INTO dead_man_timer VALUES (4711, now())"),
    (TIMERS, "a timer that was switched off", f"UPDATE dead_man_timer SET runs_out = now() WHERE owner = {BOB}"),
    (
        TIMERS,
        "a shorter timer",
        "UPDATE dead_man_timer SET runs_out = runs_out - interval '1 s' WHERE runs_out > '-infinity'",
    ),
    (TRADES, "a value rounded up", "UPDATE trade SET value = value + 1 WHERE sequence = 1"),
    (TRADES, "a trade with oneself", f"UPDATE orders SET owner = {BOB} WHERE owner = {ALICE}"),
    (CROSSED, "a bid at the ask", f"UPDATE orders SET price = 1100000 WHERE owner = {CAROL} AND remaining > 0"),
    (CAPTURED, "captured without a debit", "UPDATE redemption SET status = 'CAPTURED' WHERE status = 'RESERVED'"),
    (CAPTURED, "a debit without a capture", "UPDATE redemption SET status = 'RESERVED' WHERE status = 'CAPTURED'"),
    (
        CAPTURED,
        "debited twice",
        """INSERT INTO journal SELECT id + 1000, command, kind, reference, at FROM journal
            WHERE kind = 'REDEMPTION_CAPTURE'""",
    ),
    (CAPTURED, "a captured redemption that is gone", "DELETE FROM redemption WHERE status = 'CAPTURED'"),
    (WEEKS, "more issued", "UPDATE period SET issued = issued + 1"),
    (WEEKS, "more surrendered", "UPDATE period SET surrendered = surrendered + 1"),
    (WEEKS, "more left over", "UPDATE period SET left_over = left_over + 1"),
    (WEEKS, "one member more", "UPDATE period SET members = members + 1"),
    (WEEKS, "a statement that is gone", f"DELETE FROM period_statement WHERE owner = {CAROL}"),
    (WEEKS, "a closed week that is gone, so that it could be closed again", "DELETE FROM period"),
    (WEEKS, "a closed week that nobody closed", "INSERT INTO period VALUES (1, '2020-01-06', 0, 0, 0, 0, 4711)"),
    (BATCHES, "a batch that is gone", "DELETE FROM batch WHERE sequence = 2"),
    (BATCHES, "a batch that skips a command", "UPDATE batch SET first_command = first_command + 1 WHERE sequence = 2"),
    (BATCHES, "an epoch that falls", "UPDATE batch SET epoch = 0 WHERE sequence = 2"),
    (EVENTS, "an event that is gone", f"DELETE FROM account_event WHERE owner = {ALICE} AND first_sequence = 2"),
    (EVENTS, "the first event is gone", f"DELETE FROM account_event WHERE owner = {ALICE} AND first_sequence = 1"),
    (
        EVENTS,
        "a number twice",
        f"UPDATE account_event SET first_sequence = first_sequence - 1 WHERE owner = {BOB} AND first_sequence > 3",
    ),
    (CHANGES, "a change that is gone", "DELETE FROM book_change WHERE sequence = 4"),
    (CHANGES, "a change that hangs elsewhere", "UPDATE book_change SET previous_sequence = 0 WHERE sequence = 4"),
    (COMMANDS, "a command that is gone", f"DELETE FROM command WHERE sequence = {MIDDLE.format('command')}"),
    (ENTRIES, "an entry that is gone", "DELETE FROM journal WHERE id = 3"),
    (TRADE_NUMBERS, "a trade that is gone", "DELETE FROM trade WHERE sequence = 1"),
    (
        f"{MONEY} conserved",
        "money out of nothing",
        f"UPDATE balance SET available = available + 1 WHERE owner = {BOB} AND asset = {ASSET.format(MONEY)}",
    ),
    (
        f"{SYMBOL} conserved",
        "grams that nobody surrendered",
        f"UPDATE balance SET available = available + 1 WHERE owner = 2 AND asset = {ASSET.format(SYMBOL)}",
    ),
    (
        f"{POINTS} conserved",
        "points that were never issued",
        f"UPDATE balance SET available = available + 1 WHERE owner = 1 AND asset = {ASSET.format(POINTS)}",
    ),
    (
        CHAIN,
        "another payload",
        "UPDATE command SET payload = replace(payload, '1000000', '2000000') WHERE sequence = 2",
    ),
    (CHAIN, "another answer", "UPDATE command SET answer = '{}' WHERE sequence = 2"),
    (CHAIN, "another caller", "UPDATE command SET caller = caller + 1 WHERE sequence = 2"),
    (CHAIN, "another key", "UPDATE command SET key = gen_random_uuid() WHERE sequence = 2"),
    (CHAIN, "another reference", "UPDATE journal SET reference = 'gift' WHERE id = 1"),
    (CHAIN, "another beneficiary", f"UPDATE posting SET owner = 4711 WHERE owner = {ALICE} AND entry = 1"),
    (CHAIN, "another aggressor", "UPDATE trade SET aggressor = 'SELL'"),
    (
        CHAIN,
        "another fee",
        "UPDATE trade SET buyer_fee = buyer_fee + 1, seller_fee = seller_fee - 1 WHERE sequence = 1",
    ),
    (
        CHAIN,
        "a person's last event is gone",
        f"""DELETE FROM account_event WHERE owner = {ALICE} AND last_sequence =
              (SELECT max(last_sequence) FROM account_event WHERE owner = {ALICE})""",
    ),
    (CHAIN, "another event", f"UPDATE account_event SET payload = '[]' WHERE owner = {ALICE} AND first_sequence = 1"),
    (
        CHAIN,
        "a market's last change is gone",
        "DELETE FROM book_change WHERE sequence = (SELECT max(sequence) FROM book_change)",
    ),
    (CHAIN, "another level", "UPDATE book_change SET levels = '[]' WHERE sequence = 4"),
    (CHAIN, "another time", "UPDATE batch SET at = at + interval '1 second' WHERE sequence = 1"),
    (CHAIN, "another epoch", "UPDATE batch SET epoch = epoch + 1"),
    (CHAIN, "another way to chain", "UPDATE batch SET link = 1 WHERE sequence = 1"),
    (CHAIN, "another input under a key", "UPDATE command SET payload_hash = '\\x00' WHERE sequence = 9"),
    (CHAIN, "another link", "UPDATE batch SET chain = book_digest || book_digest WHERE sequence = 1"),
    (
        DIGEST,
        "another digest",
        "UPDATE batch SET book_digest = '\\x00' WHERE sequence = (SELECT max(sequence) FROM batch)",
    ),
    (DIGEST, "an order that is gone", "DELETE FROM orders WHERE status = 'OPEN'"),
    (
        DIGEST,
        "a command more than the last batch has",
        """INSERT INTO command SELECT sequence + 1, caller, NULL, kind, payload, payload_hash, answer_kind, answer, at
             FROM command ORDER BY sequence DESC LIMIT 1""",
    ),
]

FIGURES = {
    ZERO: "32 entry and asset pairs",
    STORED: "16 balances",
    NEGATIVE: "16 balances",
    HELD: "5 reserved balances",
    FILLED: "8 orders",
    TRADES: "3 trades",
    REPLACED: "1 orders",
    CROSSED: "1 books",
    TIMERS: "2 timers",
    CAPTURED: "1 captured",
    WEEKS: "1 weeks",
    BATCHES: "15 batches",
    EVENTS: "56 events",
    CHANGES: "4 changes",
    COMMANDS: "28 commands",
    ENTRIES: "28 entries",
    TRADE_NUMBERS: "3 trades",
    f"{MONEY} conserved": "3,000,000 paid in = 3,000,000 owned",
    f"{SYMBOL} conserved": "440,000 issued = 340,000 owned + 90,000 surrendered + 10,000 converted",
    f"{POINTS} conserved": "3,150 issued = 3,150 owned",
}
"""What the checks say of that day, but for the two that show a hash."""


@pytest.fixture(scope="module")
async def day(servers: EmbeddedServers, template: str) -> AsyncIterator[str]:
    """A database with a day's work in several batches, which each test copies."""
    name = "gramme_audited"
    server = await asyncpg.connect(servers.owner_url)
    await server.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
    try:
        async with ready_writer(url_of(servers.app_url, name), batch_size=2) as running:
            await running.submit(*OPENING)
            answers = await running.submit(*DAY)
        assert [answer.kind for answer in answers] == [
            *("order", "order", "order", "order", "order", "order"),
            *("redemption", "redemption", "redemption", "redemption", "period", "conversion", "order"),
            *("order", "order", "timer", "timer"),
        ]
        await until_alone(url_of(servers.app_url, name))
        yield name
    finally:
        await server.execute(f"DROP DATABASE {name} WITH (FORCE)")
        await server.close()


@pytest.fixture
async def audited(servers: EmbeddedServers, day: str) -> AsyncIterator[Audited]:
    """The address of a copy, and its owner's connection to it."""
    copy = f"{day}_copy"
    server = await asyncpg.connect(servers.owner_url)
    await server.execute(f"CREATE DATABASE {copy} TEMPLATE {day}")
    owner = await asyncpg.connect(url_of(servers.owner_url, copy))
    try:
        yield url_of(servers.app_url, copy), owner
    finally:
        await owner.close()
        await server.execute(f"DROP DATABASE {copy} WITH (FORCE)")
        await server.close()


def url_of(url: str, database: str) -> str:
    return url.rpartition("/")[0] + "/" + database


async def test_everything_is_green_and_says_what_it_counted(audited: Audited) -> None:
    url, _ = audited
    told: list[str] = []

    checks = await audit(url, told.append)

    assert {check.name: check.figure for check in checks if check.name not in (CHAIN, DIGEST)} == FIGURES
    assert [check for check in checks if not check.ok] == []
    assert told == [*list(FIGURES)[:17], "conservation", "hash chain", "book digest"]


def red(checks: list[Check]) -> set[str]:
    return {check.name for check in checks if not check.ok}


async def corrupt(owner: Connection, statements: str) -> None:
    """As somebody does who owns the tables."""
    for table in ("journal", "posting"):
        await owner.execute(f"ALTER TABLE {table} DISABLE TRIGGER ALL")
    *preparations, statement = statements.split(";")
    for preparation in preparations:
        await owner.execute(preparation)
    assert not (await owner.execute(statement)).endswith(" 0"), "nothing was corrupted"


@pytest.mark.parametrize(("name", "what", "statement"), CORRUPTIONS, ids=[f"{c[0]}: {c[1]}" for c in CORRUPTIONS])
async def test_a_corruption_is_seen(audited: Audited, name: str, what: str, statement: str) -> None:
    url, owner = audited

    await corrupt(owner, statement)

    assert name in red(await audit(url)), what


async def test_every_check_has_a_corruption_that_it_sees(audited: Audited) -> None:
    url, _ = audited
    assert {check.name for check in await audit(url)} == {name for name, _, _ in CORRUPTIONS}


async def chain_by_rows(owner: Connection) -> None:
    """Every batch as the versions before `link` chain it, which do not name that."""
    chain = bytes(32)
    for batch in await owner.fetch("SELECT * FROM batch ORDER BY sequence"):
        sequence, epoch, first, last = [*batch.values()][:4]
        head = (sequence, epoch, first, last, batch["book_digest"].hex(), batch["at"])
        digest = sha256(chain)
        digest.update(orjson.dumps([head], option=orjson.OPT_UTC_Z))
        for statement in BY_ROWS:
            rows = await owner.fetch(statement, first, last)
            digest.update(orjson.dumps([tuple(row) for row in rows]))
        chain = digest.digest()
        await owner.execute("UPDATE batch SET chain = $1, link = DEFAULT WHERE sequence = $2", chain, sequence)


BY_ROWS = (
    """SELECT sequence, caller, key::text, kind, payload, answer_kind, answer
         FROM command WHERE sequence BETWEEN $1 AND $2 ORDER BY sequence""",
    "SELECT id, command, kind, reference FROM journal WHERE command BETWEEN $1 AND $2 ORDER BY id",
    """SELECT p.owner, p.entry, p.line, p.asset, p.held, p.amount FROM posting p JOIN journal j ON j.id = p.entry
        WHERE j.command BETWEEN $1 AND $2 ORDER BY p.entry, p.line""",
    """SELECT instrument, sequence, price, quantity, value, buy_order, sell_order, buyer_fee, seller_fee, aggressor,
              command FROM trade WHERE command BETWEEN $1 AND $2 ORDER BY command, sequence""",
    """SELECT owner, last_sequence, first_sequence, command, payload
         FROM account_event WHERE command BETWEEN $1 AND $2 ORDER BY command, owner""",
    """SELECT c.instrument, c.sequence, c.previous_sequence, c.levels, c.phase, c.indicative_price,
              c.indicative_quantity, c.surplus
         FROM book_change c JOIN batch b ON b.sequence = c.batch WHERE b.last_command BETWEEN $1 AND $2""",
)


async def test_batches_chained_by_rows_are_proved_and_go_on_by_columns(audited: Audited) -> None:
    url, owner = audited
    await chain_by_rows(owner)
    async with ready_writer(url) as running:
        await running.submit(make.sell(ALICE, 1_000, 1_200_000))

    assert await owner.fetchval("SELECT array_agg(DISTINCT link ORDER BY link) FROM batch") == [1, 2]
    assert red(await audit(url)) == set()

    await corrupt(owner, f"UPDATE account_event SET payload = '[]' WHERE owner = {ALICE} AND first_sequence = 1")
    assert red(await audit(url)) == {CHAIN}


async def test_an_empty_database_is_in_order(database: TestDatabase) -> None:
    assert red(await audit(database.app_url)) == set()


async def test_the_audit_holds_while_trading_goes_on(database: TestDatabase) -> None:
    async with ready_writer(database.app_url, batch_size=3) as running:
        await running.submit(*OPENING)
        orders = [make.place(owner, side, 1_000, 50_000) for _ in range(60) for owner, side in TRADERS]
        async with asyncio.TaskGroup() as group:
            trading = group.create_task(running.submit(*orders))
            while not trading.done():
                assert [check for check in await audit(database.app_url) if not check.ok] == []


TRADERS = ((ALICE, make.SELL), (BOB, make.BUY), (CAROL, make.SELL), (BOB, make.BUY))
