"""Readings that a phone or a device sends by itself, without a file. They are judged like those of a file."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta

from domain.errors import InvalidInput
from domain.footprint.checks import Item, judge
from domain.footprint.meter_checks import INTERVAL_MAX_SECONDS
from domain.footprint.model import LoadProfile, Reading, ReadingsReceipt, Rejection
from domain.footprint.units import decimal_of
from domain.footprint.verdict import EARLIEST, FUTURE_GRACE
from domain.ports import ReadingStore

READINGS_MAX = 2_000
PROFILES_MAX = 100


async def record_readings(
    readings: ReadingStore,
    *,
    owner: int,
    region: str,
    time_zone: str,
    profiles: Sequence[LoadProfile],
    now: datetime,
) -> ReadingsReceipt:
    """The same reading again counts once.

    Raises InvalidInput where a profile as a whole cannot be, NotFound where the region has no factor.
    """
    if len(profiles) > PROFILES_MAX:
        raise InvalidInput(f"At most {PROFILES_MAX} profiles in one request.", field="profiles")
    if sum(len(profile.values) for profile in profiles) > READINGS_MAX:
        raise InvalidInput(f"At most {READINGS_MAX:,} values in one request.", field="profiles")
    for profile in profiles:
        if not EARLIEST <= profile.start <= now + FUTURE_GRACE:
            raise InvalidInput(f"A profile starts between {EARLIEST.year} and now.", field="start")
        if not 1 <= profile.interval_seconds <= INTERVAL_MAX_SECONDS:
            raise InvalidInput("An interval has a length of a second to 400 days.", field="intervalSeconds")
    verdict = judge((reading for profile in profiles for reading in _readings(profile)), now, region)
    return await readings.record(owner, verdict, region=region, time_zone=time_zone, now=now)


def _readings(profile: LoadProfile) -> Iterator[Item]:
    step = timedelta(seconds=profile.interval_seconds)
    start = profile.start.astimezone(UTC)
    for at, text in enumerate(profile.values):
        value = decimal_of(text) if text is not None else None
        if value is not None:
            yield Reading(
                profile.meter,
                profile.register,
                start + at * step,
                start + (at + 1) * step,
                value,
                profile.unit,
                profile.direction,
                profile.commodity,
                line=at + 1,
            )
        elif text is not None:
            yield Rejection("NOT_A_NUMBER", "The value is not a number.", line=at + 1)
