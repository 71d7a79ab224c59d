"""Assets and instruments by id and by name. They are few, so all of them are kept.

Everything is read again when an unknown one turns up, and an instrument that is asked for by name (its phase and bounds
may change) is at most a second old.
"""

from collections.abc import Iterable, Mapping
from time import monotonic

from domain.ledger.model import Asset
from domain.orders.model import Instrument
from infra.postgres.connection import Database
from infra.postgres.rows import asset_of, instrument_of

FRESH_SECONDS = 1.0


class Catalogue:
    def __init__(self, database: Database) -> None:
        self._database = database
        self._assets: dict[int, Asset] = {}
        self._assets_by_code: dict[str, Asset] = {}
        self._instruments: dict[int, Instrument] = {}
        self._instruments_by_symbol: dict[str, Instrument] = {}
        self._read_at = 0.0

    async def assets(self, ids: Iterable[int]) -> Mapping[int, Asset]:
        """All assets, these among them."""
        if not self._assets.keys() >= set(ids):
            await self._read()
        return self._assets

    async def asset_by_code(self, code: str) -> Asset | None:
        if code not in self._assets_by_code:
            await self._read()
        return self._assets_by_code.get(code)

    async def instruments(self, ids: Iterable[int]) -> Mapping[int, Instrument]:
        """All instruments, these among them."""
        if not self._instruments.keys() >= set(ids):
            await self._read()
        return self._instruments

    async def instrument_by_symbol(self, symbol: str) -> Instrument | None:
        if symbol not in self._instruments_by_symbol or monotonic() - self._read_at > FRESH_SECONDS:
            await self._read()
        return self._instruments_by_symbol.get(symbol)

    async def newest_instruments(self) -> list[Instrument]:
        """Every instrument as it is now, by symbol."""
        await self._read()
        return sorted(self._instruments.values(), key=lambda instrument: instrument.symbol)

    async def _read(self) -> None:
        started = monotonic()
        # An instrument's assets are written before it, so assets are read after it.
        instruments = await self._database.pool.fetch("SELECT * FROM instrument")
        assets = await self._database.pool.fetch("SELECT id, code, kind, unit FROM asset")
        self._assets = {row["id"]: asset_of(row) for row in assets}
        self._assets_by_code = {asset.code: asset for asset in self._assets.values()}
        self._instruments = {row["id"]: instrument_of(row, self._assets) for row in instruments}
        self._instruments_by_symbol = {instrument.symbol: instrument for instrument in self._instruments.values()}
        self._read_at = started
