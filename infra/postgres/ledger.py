"""Balances and statements: what the writer wrote, as one owner sees it."""

from collections.abc import Iterable, Sequence
from itertools import groupby

import asyncpg

from domain.ledger.model import Asset, Balance, EntryKind, JournalEntry, Posting
from domain.ports import StatementLine
from infra.postgres.catalogue import Catalogue
from infra.postgres.connection import Database
from infra.postgres.paging import below

_LINES = """
    SELECT p.entry, p.asset, p.held, p.amount, j.kind, j.reference, j.at
    FROM posting p JOIN journal j ON j.id = p.entry
    WHERE p.owner = $1 AND p.entry = ANY($2::bigint[])
    ORDER BY p.entry DESC, p.line"""
_NEWEST_ENTRIES = """
    SELECT DISTINCT entry FROM posting WHERE owner = $1 AND entry < $2 ORDER BY entry DESC LIMIT $3"""


class PostgresLedger:
    def __init__(self, database: Database) -> None:
        self._pool = database.pool
        self._catalogue = Catalogue(database)

    async def asset(self, code: str) -> Asset | None:
        return await self._catalogue.asset_by_code(code)

    async def asset_by_id(self, asset_id: int) -> Asset | None:
        return (await self._catalogue.assets([asset_id])).get(asset_id)

    async def balances(self, owner: int) -> list[Balance]:
        rows = await self._pool.fetch("SELECT asset, available, held FROM balance WHERE owner = $1", owner)
        assets = await self._catalogue.assets(row["asset"] for row in rows)
        balances = [Balance(assets[row["asset"]], row["available"], row["held"]) for row in rows]
        return sorted(balances, key=lambda balance: balance.asset.code)

    async def balance(self, owner: int, asset: str) -> Balance | None:
        known = await self._catalogue.asset_by_code(asset)
        if known is None:
            return None
        row = await self._pool.fetchrow(
            "SELECT available, held FROM balance WHERE owner = $1 AND asset = $2", owner, known.id
        )
        return Balance(known, row["available"], row["held"]) if row else Balance(known, 0, 0)

    async def statement(self, owner: int, after: int | None, limit: int) -> list[StatementLine]:
        newest = await self._pool.fetch(_NEWEST_ENTRIES, owner, below(after), limit)
        return await self._lines(owner, [row["entry"] for row in newest])

    async def entry(self, owner: int, entry_id: int) -> StatementLine | None:
        lines = await self._lines(owner, [entry_id])
        return lines[0] if lines else None

    async def _lines(self, owner: int, entries: Sequence[int]) -> list[StatementLine]:
        rows = await self._pool.fetch(_LINES, owner, entries) if entries else []
        return [_line(owner, entry, legs) for entry, legs in groupby(rows, lambda row: int(row["entry"]))]


def _line(owner: int, entry: int, rows: Iterable[asyncpg.Record]) -> StatementLine:
    legs = list(rows)
    postings = tuple(Posting(owner, leg["asset"], leg["held"], leg["amount"]) for leg in legs)
    return StatementLine(JournalEntry(entry, EntryKind(legs[0]["kind"]), legs[0]["reference"], postings), legs[0]["at"])
