"""Devices that people paired."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import asyncpg

from domain.errors import InvalidInput
from domain.footprint.devices import MeterDeviceKind, PairedDevice
from infra.postgres.connection import Database

PER_OWNER_MAX = 100

_COLUMNS = "id, owner, kind, name, key, entity, is_within_meter, region, time_zone, paired_at"
_LISTED = f"""
    SELECT {_COLUMNS}, (SELECT max(at) FROM device_counter WHERE device_id = id) AS last_heard_at
    FROM paired_device WHERE owner = $1 AND unpaired_at IS NULL ORDER BY paired_at, id"""


class PostgresDevices:
    def __init__(self, database: Database) -> None:
        self._pool = database.pool

    async def pair(self, device: PairedDevice) -> None:
        """Raises InvalidInput where this person has PER_OWNER_MAX devices."""
        added = await self._pool.fetchval(
            f"INSERT INTO paired_device ({_COLUMNS}) SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10 "
            "WHERE (SELECT count(*) FROM paired_device WHERE owner = $2 AND unpaired_at IS NULL) < $11 RETURNING true",
            device.id,
            device.owner,
            device.kind.value,
            device.name,
            device.key,
            device.entity,
            device.is_within_meter,
            device.region,
            device.time_zone,
            device.paired_at,
            PER_OWNER_MAX,
        )
        if not added:
            raise InvalidInput(f"At most {PER_OWNER_MAX} devices can be paired. Unpair one first.")

    async def unpair(self, owner: int, device_id: UUID, now: datetime) -> bool:
        """From now on nothing of it is taken; what it told stays. False where this person has no such device."""
        done = await self._pool.fetchval(
            "UPDATE paired_device SET unpaired_at = $3 WHERE owner = $1 AND id = $2 AND unpaired_at IS NULL "
            "RETURNING true",
            owner,
            device_id,
            now,
        )
        return bool(done)

    async def paired(self, owner: int) -> list[PairedDevice]:
        return [_device(row, row["last_heard_at"]) for row in await self._pool.fetch(_LISTED, owner)]

    async def by_keys(self, keys: Sequence[str]) -> dict[str, PairedDevice]:
        rows = await self._pool.fetch(
            f"SELECT {_COLUMNS} FROM paired_device WHERE key = ANY($1) AND unpaired_at IS NULL", list(keys)
        )
        return {row["key"]: _device(row) for row in rows}


def _device(row: asyncpg.Record, last_heard_at: datetime | None = None) -> PairedDevice:
    return PairedDevice(
        id=row["id"],
        owner=row["owner"],
        kind=MeterDeviceKind(row["kind"]),
        name=row["name"],
        key=row["key"],
        entity=row["entity"],
        is_within_meter=row["is_within_meter"],
        region=row["region"],
        time_zone=row["time_zone"],
        paired_at=row["paired_at"],
        last_heard_at=last_heard_at,
    )
