"""How judged readings and records travel from the worker to the server: lists of JSON values, both ways in one place.

Times are seconds since 1970 or ISO 8601, numbers are text.
"""

from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from domain.footprint.captured import Captured, CapturedDraft
from domain.footprint.checks import Verdict
from domain.footprint.metering import CounterRow, LocalDays, MeterRow
from domain.footprint.model import ActivitySource, ActivityStatus


def meter_values(verdict: Verdict, zone: ZoneInfo) -> Iterator[list[Any]]:
    days = LocalDays(zone)
    for register, indices in verdict.kept:
        for index in indices:
            start = register.starts[index]
            yield [
                register.meter,
                register.register,
                start,
                register.ends[index],
                register.commodity,
                register.direction,
                register.unit,
                str(register.values[index]),
                bool(register.implausible[index]),
                days.of(start),
                register.told[index],
                register.is_derived,
            ]


def meter_row(values: list[Any]) -> MeterRow:
    meter, register, start, end, commodity, direction, unit, value, implausible, local_date, told_at, is_derived = (
        values
    )
    return MeterRow(
        meter,
        register,
        datetime.fromtimestamp(start, UTC),
        datetime.fromtimestamp(end, UTC),
        commodity,
        direction,
        unit,
        Decimal(value),
        implausible,
        date.fromisoformat(local_date),
        datetime.fromtimestamp(told_at, UTC),
        is_derived,
    )


def counter_values(verdict: Verdict) -> Iterator[list[Any]]:
    for counter, indices in verdict.counters:
        for index in indices:
            yield [
                counter.meter,
                counter.register,
                counter.moments[index],
                counter.commodity,
                counter.direction,
                counter.unit,
                str(counter.values[index]),
                str(counter.modulus) if counter.modulus else None,
                bool(counter.arrived[index]),
            ]


def counter_row(values: list[Any]) -> CounterRow:
    meter, register, at, commodity, direction, unit, value, modulus, is_arrival = values
    moment = datetime.fromtimestamp(at, UTC)
    limit = Decimal(modulus) if modulus else None
    return CounterRow(meter, register, moment, commodity, direction, unit, Decimal(value), limit, is_arrival)


def captured_values(item: Captured) -> list[Any]:
    draft = item.draft
    return [
        item.kind,
        item.source,
        item.record,
        item.payload,
        item.payload_hash.hex(),
        item.cancels,
        item.line,
        draft.activity,
        str(draft.quantity),
        draft.unit,
        draft.started_at,
        draft.ended_at,
        draft.source,
        draft.region,
        draft.shared_by,
        draft.status,
        draft.reason,
        draft.choices,
        draft.caveats,
        draft.topic,
    ]


def captured_item(values: list[Any]) -> Captured:
    kind, source, record, payload, payload_hash, cancels, line, *draft = values
    activity, quantity, unit, started_at, ended_at, origin, region, shared_by, status, reason, *rest = draft
    choices, caveats, topic = rest
    return Captured(
        kind,
        source,
        record,
        payload,
        bytes.fromhex(payload_hash),
        CapturedDraft(
            activity,
            Decimal(quantity),
            unit,
            datetime.fromisoformat(started_at),
            datetime.fromisoformat(ended_at) if ended_at else None,
            ActivitySource(origin),
            region,
            shared_by,
            ActivityStatus(status),
            reason,
            tuple(choices),
            tuple(caveats),
            topic,
        ),
        cancels,
        line,
    )
