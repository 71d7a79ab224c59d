"""The one judge of what readers give, whatever format it came in: readings, journeys, purchases and charges.

Readers report what a file says; here it is decided what counts. Each kind has a module of its own.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import TypeAlias

from domain.footprint.captured import CapturedRecord
from domain.footprint.intervals import without_overlaps
from domain.footprint.meter_checks import HOUSEHOLD_MAX_KW, INTERVAL_MAX_SECONDS, MeterBench
from domain.footprint.model import Reading, Rejection
from domain.footprint.record_checks import RecordBench
from domain.footprint.records import CounterReading, StatedTotal
from domain.footprint.verdict import Interval, Register, Verdict

__all__ = [
    "HOUSEHOLD_MAX_KW",
    "INTERVAL_MAX_SECONDS",
    "Bench",
    "Interval",
    "Item",
    "Register",
    "Verdict",
    "judge",
    "without_overlaps",
]

Item: TypeAlias = Reading | CounterReading | StatedTotal | CapturedRecord | Rejection
"""What a reader may yield."""


def judge(items: Iterable[Item], now: datetime, region: str = "GB") -> Verdict:
    """The verdict over everything that a reader gave for one file, for a person who lives in `region`."""
    bench = Bench(now, region)
    for item in items:
        bench.take(item)
    return bench.verdict()


class Bench:
    """Takes a file's items one by one, so that progress can be told between them."""

    def __init__(self, now: datetime, region: str) -> None:
        self._meters = MeterBench(now)
        self._records = RecordBench(now, region)
        self._verdict = Verdict()

    @property
    def read(self) -> int:
        return self._verdict.read

    def take(self, item: Item) -> None:
        match item:
            case Reading() | CounterReading():
                self._verdict.read += 1
                self._meters.take(item, self._verdict)
            case Rejection():
                self._verdict.reject(item)
            case StatedTotal():
                self._meters.compare_with(item)
            case _:
                self._verdict.read += 1
                self._records.take(item, self._verdict)

    def verdict(self) -> Verdict:
        """Sorts out repeats and overlaps and names the gaps. Called once, after the last item."""
        self._meters.close(self._verdict)
        self._records.close(self._verdict)
        return self._verdict
