"""Every invariant of the ledger, proved from the rows in one snapshot, while trading goes on.

Each check says what it counted, so that a green line is a figure and not a word. The hash chain reads every row; the
rest is sums in Postgres.
"""

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from typing import Any

import asyncpg

from domain.ledger.model import SystemAccount
from domain.units import BASIS_POINTS, GRAMS_PER_TONNE
from infra.engine import batch_statement, journal, recovery
from infra.engine.batch_statement import columns, texts
from infra.postgres.connection import Connection

FETCH = 5_000

Rows = list[tuple[Any, ...]]


@dataclass(frozen=True, slots=True)
class Check:
    name: str
    figure: str
    ok: bool


_HELD = f"""
WITH hold AS (
  SELECT o.owner, CASE o.side WHEN 'BUY' THEN i.money ELSE i.asset END AS asset,
         CASE o.side WHEN 'BUY' THEN v.value + ceil(v.value * greatest(i.maker_fee_basis_points,
                                                                        i.taker_fee_basis_points) / {BASIS_POINTS})
                     ELSE o.remaining END AS amount
    FROM orders o JOIN instrument i ON i.id = o.instrument
         CROSS JOIN LATERAL (SELECT ceil(o.price::numeric * o.remaining / {GRAMS_PER_TONNE}) AS value) v
   WHERE o.status IN ('OPEN', 'PARTIALLY_FILLED')
  UNION ALL
  SELECT r.owner, f.points_asset, r.points
    FROM redemption r JOIN offer f ON f.id = r.offer WHERE r.status = 'RESERVED'),
 held AS (SELECT owner, asset, sum(amount) AS amount FROM hold GROUP BY owner, asset)
SELECT count(*) FILTER (WHERE coalesce(b.held, 0) <> coalesce(h.amount, 0)) AS wrong, count(h.*) AS seen
  FROM (SELECT * FROM balance WHERE held <> 0) b FULL JOIN held h USING (owner, asset)"""

_FILLS = f"""
WITH fill AS (
  SELECT buy_order AS id, quantity, price FROM trade UNION ALL SELECT sell_order, quantity, price FROM trade),
 asked AS (SELECT sequence AS id FROM command WHERE kind = 'PLACE_ORDER' AND answer_kind = 'order'),
 filled AS (SELECT id, sum(quantity) AS quantity, sum(price::numeric * quantity) AS notional FROM fill GROUP BY id)
SELECT count(*) FILTER (WHERE o.id IS NULL OR (asked.id IS NULL AND o.owner <> {SystemAccount.RESERVE})
                           OR o.quantity - o.remaining <> coalesce(f.quantity, 0)
                           OR o.notional <> coalesce(f.notional, 0)
                           OR (o.status = 'FILLED') <> (o.remaining = 0)) AS wrong, count(*) AS seen
  FROM orders o FULL JOIN asked USING (id) LEFT JOIN filled f USING (id)"""

_PRICES = """
WITH replacement AS (
  SELECT o.id, c.sequence, (c.payload::json->>'price')::bigint AS price FROM command c
    JOIN orders o ON o.owner = c.caller AND o.client_order_id = (c.payload::json->>'client_order_id')::uuid
   WHERE c.kind = 'REPLACE_ORDER' AND c.answer_kind = 'order'),
 priced AS (SELECT id, placed_price AS price, id AS since FROM orders WHERE placed_price IS NOT NULL
             UNION ALL SELECT id, price, sequence FROM replacement),
 range AS (SELECT id, price, since, lead(since) OVER (PARTITION BY id ORDER BY since) AS until FROM priced)
SELECT count(*) FILTER (WHERE t.price > coalesce(br.price, b.price) OR t.price < coalesce(sr.price, s.price)
                           OR b.owner = s.owner
                           OR t.value <> div(t.price::numeric * t.quantity, 1000000)) AS wrong, count(*) AS seen
  FROM trade t JOIN orders b ON b.id = t.buy_order JOIN orders s ON s.id = t.sell_order
       LEFT JOIN range br ON br.id = b.id AND t.command >= br.since AND (br.until IS NULL OR t.command < br.until)
       LEFT JOIN range sr ON sr.id = s.id AND t.command >= sr.since AND (sr.until IS NULL OR t.command < sr.until)"""

_REPLACED = """
WITH replacement AS (
  SELECT DISTINCT ON (o.id) o.id, (c.payload::json->>'price')::bigint AS price,
         (c.payload::json->>'quantity')::bigint AS quantity FROM command c
    JOIN orders o ON o.owner = c.caller AND o.client_order_id = (c.payload::json->>'client_order_id')::uuid
   WHERE c.kind = 'REPLACE_ORDER' AND c.answer_kind = 'order' ORDER BY o.id, c.sequence DESC)
SELECT count(*) FILTER (WHERE (o.moved_by IS NULL AND o.price <> o.placed_price) OR m.wrong
                           OR o.price <> coalesce(r.price, o.placed_price)
                           OR o.quantity > coalesce(r.quantity, o.placed_quantity)) AS wrong, count(*) AS seen
  FROM orders o LEFT JOIN replacement r USING (id) CROSS JOIN LATERAL (
    SELECT o.moved_by IS NOT NULL AND NOT EXISTS (
      SELECT FROM command c WHERE c.sequence = o.moved_by AND c.kind = 'REPLACE_ORDER' AND c.caller = o.owner
                              AND c.answer_kind = 'order') AS wrong) m
 WHERE o.placed_price IS NOT NULL"""

_TIMERS = """
WITH newest AS (
  SELECT DISTINCT ON (caller) caller AS owner,
         CASE (payload::json->>'seconds')::int WHEN 0 THEN NULL
              ELSE at + make_interval(secs => (payload::json->>'seconds')::int) END AS runs_out
    FROM command WHERE kind = 'CANCEL_ALL_AFTER' AND answer_kind = 'timer' ORDER BY caller, sequence DESC)
SELECT count(*) FILTER (WHERE t.owner IS NULL OR n.owner IS NULL OR t.runs_out < n.runs_out
                           OR (t.runs_out IS NOT NULL AND n.runs_out IS NULL)
                           OR (t.runs_out IS NULL AND n.runs_out > newest_batch.at)) AS wrong, count(*) AS seen
  FROM dead_man_timer t FULL JOIN newest n USING (owner)
       CROSS JOIN (SELECT max(at) AS at FROM batch) newest_batch"""

_CROSSED = """
SELECT count(*) FILTER (WHERE bid >= ask) AS wrong, count(*) AS seen FROM (
  SELECT max(price) FILTER (WHERE side = 'BUY') AS bid, min(price) FILTER (WHERE side = 'SELL') AS ask
    FROM orders JOIN instrument i ON i.id = orders.instrument
   WHERE status IN ('OPEN', 'PARTIALLY_FILLED') AND i.phase = 'CONTINUOUS' GROUP BY instrument) book"""

_CAPTURED = """
WITH spent AS (SELECT reference, count(*) AS times FROM journal WHERE kind = 'REDEMPTION_CAPTURE' GROUP BY reference)
SELECT count(*) FILTER (WHERE coalesce(r.status = 'CAPTURED', false) <> (coalesce(s.times, 0) = 1)) AS wrong,
       count(*) FILTER (WHERE r.status = 'CAPTURED') AS seen
  FROM redemption r FULL JOIN spent s ON s.reference = 'redemption:' || r.id"""

_PERIODS = """
WITH closed AS (SELECT sequence FROM command WHERE kind = 'CLOSE_PERIOD' AND answer_kind = 'period')
SELECT count(*) FILTER (WHERE p.command IS NULL OR c.sequence IS NULL OR p.members <> s.members OR p.issued <> s.issued
                           OR p.surrendered <> s.surrendered OR p.left_over <> s.left_over) AS wrong, count(*) AS seen
  FROM period p FULL JOIN closed c ON c.sequence = p.command CROSS JOIN LATERAL (
    SELECT count(*) AS members, coalesce(sum(issued), 0) AS issued, coalesce(sum(surrendered), 0) AS surrendered,
           coalesce(sum(left_over), 0) AS left_over
      FROM period_statement l WHERE l.programme = p.programme AND l.week_start = p.week_start) s"""

_EVENTS = """
SELECT count(*) FILTER (WHERE first_sequence <> coalesce(before, 0) + 1 OR last_sequence < first_sequence) AS wrong,
       coalesce(sum(last_sequence - first_sequence + 1), 0) AS seen
  FROM (SELECT *, lag(last_sequence) OVER (PARTITION BY owner ORDER BY last_sequence) AS before FROM account_event) e"""

_BOOK_CHANGES = """
SELECT count(*) FILTER (WHERE previous_sequence <> coalesce(before, 0) OR sequence <= previous_sequence) AS wrong,
       count(*) AS seen
  FROM (SELECT *, lag(sequence) OVER (PARTITION BY instrument ORDER BY sequence) AS before FROM book_change) c"""

_BATCHES = """
SELECT count(*) FILTER (WHERE sequence <> number OR first_command <> coalesce(before, 0) + 1 OR epoch < epoch_before)
         AS wrong, count(*) AS seen
  FROM (SELECT *, row_number() OVER w AS number, lag(last_command) OVER w AS before, lag(epoch) OVER w AS epoch_before
          FROM batch WINDOW w AS (ORDER BY sequence)) b"""

COUNTED: list[tuple[str, str, str]] = [
    (
        "every entry sums to zero for each asset",
        "entry and asset pairs",
        """SELECT count(*) FILTER (WHERE total <> 0) AS wrong, count(*) AS seen
             FROM (SELECT sum(amount) AS total FROM posting GROUP BY entry, asset) e""",
    ),
    (
        "stored balance = sum of postings",
        "balances",
        """SELECT count(*) FILTER (WHERE coalesce(b.available, 0) <> coalesce(p.available, 0)
                                      OR coalesce(b.held, 0) <> coalesce(p.held, 0)) AS wrong, count(*) AS seen
             FROM balance b FULL JOIN (
               SELECT owner, asset, coalesce(sum(amount) FILTER (WHERE NOT held), 0) AS available,
                      coalesce(sum(amount) FILTER (WHERE held), 0) AS held FROM posting GROUP BY owner, asset) p
             USING (owner, asset)""",
    ),
    (
        "nothing negative but issuance and float",
        "balances",
        f"""SELECT count(*) FILTER (WHERE held < 0 OR (available < 0 AND owner NOT IN
              ({SystemAccount.ISSUANCE}, {SystemAccount.FLOAT}))) AS wrong, count(*) AS seen FROM balance""",
    ),
    ("held = what open orders and redemptions reserve", "reserved balances", _HELD),
    ("orders filled = their trades", "orders", _FILLS),
    ("trades within both limits, two owners, value rounded down", "trades", _PRICES),
    ("replaced orders as their commands say", "orders", _REPLACED),
    ("no book crossed", "books", _CROSSED),
    ("dead-man timers as their owners set them", "timers", _TIMERS),
    ("captured redemptions debited once", "captured", _CAPTURED),
    ("closed weeks = their statements", "weeks", _PERIODS),
    ("batches gapless, epochs never fall", "batches", _BATCHES),
    ("account events gapless for each person", "events", _EVENTS),
    ("book changes chained for each market", "changes", _BOOK_CHANGES),
    (
        "commands numbered without gaps",
        "commands",
        "SELECT coalesce(max(sequence), 0) - count(*) AS wrong, count(*) AS seen FROM command",
    ),
    (
        "entries numbered without gaps",
        "entries",
        "SELECT coalesce(max(id), 0) - count(*) AS wrong, count(*) AS seen FROM journal",
    ),
    (
        "trades numbered without gaps for each market",
        "trades",
        """SELECT coalesce(sum(last - number), 0) AS wrong, coalesce(sum(number), 0) AS seen
             FROM (SELECT max(sequence) AS last, count(*) AS number FROM trade GROUP BY instrument) t""",
    ),
]

_CONSERVED = f"""
SELECT a.code, a.kind, sum(b.available + b.held) AS total,
       -coalesce(sum(b.available) FILTER (WHERE b.owner IN ($1, $2)), 0) AS entered,
       coalesce(sum(b.available + b.held)
                FILTER (WHERE b.owner >= 1000 OR b.owner IN ($3, {SystemAccount.RESERVE})), 0) AS owned,
       coalesce(sum(b.available) FILTER (WHERE b.owner = $4), 0) AS surrendered,
       coalesce(sum(b.available) FILTER (WHERE b.owner = $5), 0) AS retired,
       coalesce(sum(b.available) FILTER (WHERE b.owner = $6), 0) AS converted
  FROM balance b JOIN asset a ON a.id = b.asset GROUP BY a.code, a.kind ORDER BY a.code"""


async def audit(database_url: str, progress: Callable[[str], None] | None = None) -> list[Check]:
    """All checks in one REPEATABLE READ snapshot; `progress` hears the name of each before it runs."""
    connection = await asyncpg.connect(database_url, server_settings={"application_name": "gramme-audit"})
    try:
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            checks = []
            for name, noun, statement in COUNTED:
                _tell(progress, name)
                checks.append(await _counted(connection, name, noun, statement))
            _tell(progress, "conservation")
            checks.extend(await _conserved(connection))
            _tell(progress, "hash chain")
            checks.append(await _chain(connection))
        _tell(progress, "book digest")
        checks.append(await _digest(connection))
        return checks
    finally:
        await connection.close()


def _tell(progress: Callable[[str], None] | None, name: str) -> None:
    if progress is not None:
        progress(name)


async def _counted(connection: Connection, name: str, noun: str, statement: str) -> Check:
    row = await connection.fetchrow(statement)
    assert row is not None
    figure = f"{row['seen']:,} {noun}" + (f", {row['wrong']:,} WRONG" if row["wrong"] else "")
    return Check(name, figure, row["wrong"] == 0)


async def _conserved(connection: Connection) -> list[Check]:
    """Nothing is made or lost: what entered is owned, surrendered, retired or converted."""
    rows = await connection.fetch(
        _CONSERVED,
        SystemAccount.ISSUANCE,
        SystemAccount.FLOAT,
        SystemAccount.FEES,
        SystemAccount.SURRENDERED,
        SystemAccount.RETIRED,
        SystemAccount.CONVERTED,
    )
    checks = []
    for row in rows:
        word = "paid in" if row["kind"] == "MONEY" else "issued"
        parts = {name: int(row[name]) for name in ("owned", "surrendered", "retired", "converted")}
        told = " + ".join(f"{value:,} {name}" for name, value in parts.items() if value or name == "owned")
        ok = row["total"] == 0 and row["entered"] == sum(parts.values())
        checks.append(Check(f"{row['code']} conserved", f"{int(row['entered']):,} {word} = {told}", ok))
    return checks


async def _digest(connection: Connection) -> Check:
    """The open orders are those that the last batch named; `recover` compares them."""
    try:
        recovered = await recovery.recover(connection)
    except recovery.CorruptLedger as error:
        return Check("open orders = digest of the last batch", str(error), False)
    figure = f"{len(recovered.state.orders):,} open orders, digest {recovered.state.digest().hex()[:16]}"
    return Check("open orders = digest of the last batch", figure, True)


async def _chain(connection: Connection) -> Check:
    """Recomputes every batch's hash from its rows."""
    name = "hash chain intact"
    chain = journal.GENESIS
    seen = 0
    groups = [_Groups(connection, statement) for statement in CHAINED]
    async for row in connection.cursor("SELECT * FROM batch ORDER BY sequence", prefetch=FETCH):
        last = row["last_command"]
        head = (row["sequence"], row["epoch"], row["first_command"], last, row["book_digest"].hex(), row["at"])
        parts = [await group.until(last) for group in groups]
        chain = _link(row.get("link", journal.BY_ROWS), chain, head, parts)
        if chain != row["chain"]:
            return Check(name, f"broken at batch {row['sequence']:,}", False)
        seen += 1
    return Check(name, f"{seen:,} links, head {chain.hex()[:16]}", True)


def _link(kind: int, chain: bytes, head: Sequence[Any], parts: list[Rows]) -> bytes:
    """As the batch was chained: by columns, or by rows in older ones."""
    if kind == journal.BY_COLUMNS:
        return journal.link(chain, head, texts(batch_statement.CHAINED, [columns(rows) for rows in parts]))
    commands, *others, changes = parts
    without_hash = [row[:-1] for row in commands]
    return journal.link_of_rows(chain, [head], without_hash, *others, [_as_linked(row) for row in changes])


CHAINED = (
    """SELECT sequence, sequence AS s, caller, key::text, kind, payload, answer_kind, answer,
              encode(payload_hash, 'hex') FROM command ORDER BY sequence""",
    "SELECT command, id, command AS c, kind, reference FROM journal ORDER BY id",
    """SELECT j.command, p.owner, p.entry, p.line, p.asset, p.held, p.amount
         FROM posting p JOIN journal j ON j.id = p.entry ORDER BY p.entry, p.line""",
    """SELECT command, instrument, sequence, price, quantity, value, buy_order, sell_order, buyer_fee, seller_fee,
              aggressor, command AS c FROM trade ORDER BY command, instrument, sequence""",
    """SELECT command, owner, last_sequence, first_sequence, command AS c, payload
         FROM account_event ORDER BY command, owner""",
    """SELECT b.last_command, c.instrument, c.sequence, c.previous_sequence, c.levels, c.phase, c.indicative_price,
              c.indicative_quantity, c.surplus
         FROM book_change c JOIN batch b ON b.sequence = c.batch ORDER BY c.batch, c.instrument""",
)
"""The parts of a batch's link, as `batch_statement.CHAINED` has them, each row after its command."""

_FIRST_CHANGE = 4
"""Columns of a book change in the first version."""


class _Groups:
    """Rows of one table in the order of their commands, handed out batch by batch without their first column."""

    def __init__(self, connection: Connection, statement: str) -> None:
        self._rows: AsyncIterator[asyncpg.Record] = aiter(connection.cursor(statement, prefetch=FETCH))
        self._next: asyncpg.Record | None = None

    async def until(self, last_command: int) -> Rows:
        """Every row not handed out yet whose command is not past `last_command`."""
        group: Rows = []
        while True:
            row = self._next or await anext(self._rows, None)
            self._next = None
            if row is None:
                return group
            if row[0] > last_command:
                self._next = row
                return group
            group.append(tuple(row)[1:])


def _as_linked(row: tuple[Any, ...]) -> tuple[Any, ...]:
    """The columns that were there when the row was linked: book changes had no phase in the first version."""
    return row[:_FIRST_CHANGE] if row[_FIRST_CHANGE] is None else row
