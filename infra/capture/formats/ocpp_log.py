"""Logs of OCPP 1.6 and 2.0.1, a charger and its server: lines of JSON, [2, id, action, payload] and [3, id, answer].

A session is meterStop less meterStart, registers of its own meter in Wh since it was made; of 2.0.1 it is the last
sample of its TransactionEvents less the first. Where the stop is missing the last sample tells the energy so far; the
same session sent again with its stop takes its place. Samples are Wh unless they say kWh, of the outlet, and count only
where they are of all phases together; signed data and energy by interval are left out, other views of the same. The
message schemas of the `ocpp` package were weighed: they refuse whole messages for fields that are not needed here.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from domain.footprint.model import Rejection
from domain.footprint.records import Charge
from infra.capture.reader import Unreadable
from infra.capture.strict_json import number_in, parsed
from infra.capture.text import start_of

LINE_MAX_BYTES = 262_144
OPEN_SESSIONS_MAX = 10_000

_FRAME = re.compile(rb'\[\s*[234]\s*,\s*"[^"]{1,64}"\s*,\s*["{]')
_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:?\d\d)", re.ASCII)
_REGISTER = "Energy.Active.Import.Register"
_WATT_HOURS = {"Wh": Decimal(1), "kWh": Decimal(1000)}


@dataclass(slots=True)
class _Session:
    """`start` and `last` are (time, Wh of the register)."""

    connector: str
    line: int
    start: tuple[datetime, Decimal] | None = None
    last: tuple[datetime, Decimal] | None = None


@dataclass(slots=True)
class _Log:
    waiting: dict[str, _Session] = field(default_factory=dict)
    sessions: dict[str, _Session] = field(default_factory=dict)

    def frame(self, frame: Any, line: int) -> Iterator[Charge | Rejection]:
        if not isinstance(frame, list) or len(frame) < 3 or not isinstance(frame[1], str):
            yield Rejection("BAD_MESSAGE", "The line is no OCPP message.", line=line)
        elif frame[0] == 3 and isinstance(frame[2], dict):
            self._answered(frame[1], frame[2])
        elif frame[0] == 2 and len(frame) == 4 and isinstance(frame[3], dict):
            yield from self._called(frame[1], frame[2], frame[3], line)
        if len(self.waiting) + len(self.sessions) > OPEN_SESSIONS_MAX:
            raise Unreadable("TOO_MANY_SESSIONS", "The log has too many sessions that do not end.")

    def _called(self, message: str, action: Any, payload: dict[str, Any], line: int) -> Iterator[Charge | Rejection]:
        if action == "StartTransaction":
            begun = _point(payload.get("timestamp"), number_in(payload.get("meterStart")))
            if begun is None:
                yield Rejection("BAD_MESSAGE", "The start has no time or no meter reading.", line=line, record=message)
                return
            self.waiting[message] = _Session(str(payload.get("connectorId", "")), line, begun, begun)
        elif action == "MeterValues":
            name = _name(payload)
            if name is not None:
                session = self.sessions.setdefault(name, _Session(str(payload.get("connectorId", "")), line))
                yield from _take(session, payload.get("meterValue"), line)
        elif action == "StopTransaction":
            yield from self._stopped(payload, line)
        elif action == "TransactionEvent":
            yield from self._event(payload, line)

    def _event(self, payload: dict[str, Any], line: int) -> Iterator[Charge | Rejection]:
        """Start, middle or end of a session of 2.0.1, whose samples have the register."""
        told, place = payload.get("transactionInfo"), payload.get("evse")
        name = told.get("transactionId") if isinstance(told, dict) else None
        if not isinstance(name, str) or not 0 < len(name) <= 36:
            yield Rejection("BAD_MESSAGE", "The event names no transaction.", line=line)
            return
        connector = str(place.get("id", "")) if isinstance(place, dict) else ""
        session = self.sessions.setdefault(name, _Session(connector, line))
        yield from _take(session, payload.get("meterValue"), line)
        if payload.get("eventType") == "Ended":
            del self.sessions[name]
            yield _charge(session, name)

    def _answered(self, message: str, payload: dict[str, Any]) -> None:
        session = self.waiting.pop(message, None)
        name = _name(payload)
        if session is not None and name is not None:
            self.sessions[name] = session

    def _stopped(self, payload: dict[str, Any], line: int) -> Iterator[Charge | Rejection]:
        name = _name(payload)
        if name is None:
            yield Rejection("BAD_MESSAGE", "The stop names no transaction.", line=line)
            return
        session = self.sessions.pop(name, None)
        ended = _point(payload.get("timestamp"), number_in(payload.get("meterStop")))
        if session is None or session.start is None or ended is None:
            yield Rejection(
                "NO_START", "The log has the end of this session and not its start.", line=line, record=name
            )
            return
        session.last = ended
        yield _charge(session, name)

    def rest(self) -> Iterator[Charge | Rejection]:
        """Sessions that the log breaks off."""
        for name, session in self.sessions.items():
            charge = _charge(session, name)
            yield charge
            if isinstance(charge, Charge):
                yield Rejection("SESSION_OPEN", "A session has not ended in this log: its energy so far.", note=True)
        for message, session in self.waiting.items():
            yield Rejection("NO_ANSWER", "The start of a session was not answered.", line=session.line, record=message)


def _take(session: _Session, values: Any, line: int) -> Iterator[Rejection]:
    for value in values if isinstance(values, list) else ():
        samples = value.get("sampledValue") if isinstance(value, dict) else None
        for sample in samples if isinstance(samples, list) else ():
            if not isinstance(sample, dict) or not _is_register(sample):
                continue
            factor = _factor(sample)
            read = number_in(sample.get("value"))
            point = _point(value.get("timestamp"), read * factor if read is not None and factor is not None else None)
            if point is None:
                yield Rejection("BAD_SAMPLE", "A sample has no time, no number or an unknown unit.", line=line)
            elif session.start is None:
                session.start = session.last = point
            elif session.last is not None and point[1] < session.last[1] and point[0] >= session.last[0]:
                yield Rejection("METER_FELL", "The meter of the charger went backwards: left out.", line=line)
            elif session.last is None or point[0] >= session.last[0]:
                session.last = point


def _factor(sample: dict[str, Any]) -> Decimal | None:
    """Wh of one unit of the sample, by its unit and, in 2.0.1, a power of ten beside it."""
    measure = sample.get("unitOfMeasure")
    unit, power = sample.get("unit", "Wh"), 0
    if isinstance(measure, dict):
        unit, power = measure.get("unit", "Wh"), measure.get("multiplier", 0)
    known = _WATT_HOURS.get(unit) if isinstance(unit, str) else None
    if known is None or not isinstance(power, int) or not -3 <= power <= 3:
        return None
    return known * Decimal(10) ** power


def _is_register(sample: dict[str, Any]) -> bool:
    return (
        sample.get("measurand", _REGISTER) == _REGISTER
        and sample.get("format", "Raw") == "Raw"
        and sample.get("location", "Outlet") == "Outlet"
        and "phase" not in sample
    )


def _charge(session: _Session, name: str) -> Charge | Rejection:
    if session.start is None or session.last is None or session.last[0] == session.start[0]:
        text = "The log has neither end nor samples of this session."
        return Rejection("NO_END", text, line=session.line, record=name)
    (start, first), (end, last) = session.start, session.last
    if last < first or end < start:
        return Rejection(
            "METER_FELL", "The session ends before it starts, or with less.", line=session.line, record=name
        )
    connector = f"OCPP connector {session.connector}".strip()
    return Charge(
        source=connector,
        record=f"{name}@{start.isoformat()}",
        start=start,
        end=end,
        kwh=(last - first) / 1000,
        line=session.line,
        socket=connector,
    )


def _name(payload: dict[str, Any]) -> str | None:
    name = payload.get("transactionId")
    return str(name) if isinstance(name, int) and not isinstance(name, bool) else None


def _point(written: object, watt_hours: Decimal | None) -> tuple[datetime, Decimal] | None:
    if watt_hours is None or watt_hours < 0 or not isinstance(written, str) or not _MOMENT.fullmatch(written):
        return None
    try:
        return datetime.fromisoformat(written).astimezone(UTC), watt_hours
    except (ValueError, OverflowError):
        return None


class OcppReader:
    name = "OCPP_LOG"
    description = "Message logs of a charger (OCPP 1.6 and 2.0.1), one message a line."
    file_kinds = (".jsonl", ".zip")

    def recognises(self, head: bytes) -> bool:
        return _FRAME.match(start_of(head)) is not None

    def read(self, path: Path) -> Iterator[Charge | Rejection]:
        log = _Log()
        with path.open("rb") as file:
            line = 0
            while raw := file.readline(LINE_MAX_BYTES):
                line += 1
                if len(raw) == LINE_MAX_BYTES:
                    raise Unreadable("LINE_TOO_LONG", f"Line {line} is longer than any message.")
                if not raw.strip():
                    continue
                try:
                    frame = parsed(raw)
                except Unreadable as fault:
                    yield Rejection("BAD_MESSAGE", f"The line is no message: {fault.reason}", line=line)
                    continue
                yield from log.frame(frame, line)
        yield from log.rest()


READER = OcppReader()
