"""When an instrument is traded: the sessions of its calendar as moments in UTC.

Pure but for the time zone table of the system, so it is asked outside of the engine; the engine is told the outcome.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from domain.errors import InvalidInput
from domain.orders.terms import DAYS, Calendar, Session

SEARCH_DAYS = 400
"""A calendar must open at least once in so many days."""


@dataclass(frozen=True, slots=True)
class Slot:
    """One session: orders are collected from `starts`, trade from `opens`, until `closes`; aware UTC."""

    starts: datetime
    opens: datetime
    closes: datetime


def slot_at(calendar: Calendar | None, at: datetime) -> Slot | None:
    """The session in which this moment lies; the day of UTC where there is no calendar."""
    if calendar is None:
        midnight = datetime.combine(at.astimezone(UTC).date(), time.min, UTC)
        return Slot(midnight, midnight, midnight + timedelta(days=1))
    local = at.astimezone(ZoneInfo(calendar.time_zone)).date()
    for day in (local - timedelta(days=1), local):
        for slot in _slots(calendar, day):
            if slot.starts <= at < slot.closes:
                return slot
    return None


def next_slot(calendar: Calendar, after: datetime) -> Slot | None:
    """The first session that starts later than `after`; None where the next SEARCH_DAYS have none."""
    local = after.astimezone(ZoneInfo(calendar.time_zone)).date()
    for number in range(SEARCH_DAYS):
        for slot in _slots(calendar, local + timedelta(days=number)):
            if slot.starts > after:
                return slot
    return None


def check_calendar(calendar: Calendar) -> None:
    """Raises InvalidInput where the zone is unknown, nothing is ever open, or two sessions of a week overlap."""
    try:
        ZoneInfo(calendar.time_zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise InvalidInput("The time zone must be an IANA name such as Europe/Berlin.", "timeZone") from None
    if not calendar.sessions:
        raise InvalidInput("A calendar needs at least one session a week.", "sessions")
    spans = []
    for session in calendar.sessions:
        if not 0 <= session.weekday < DAYS:
            raise InvalidInput("A weekday is 0 for Monday to 6 for Sunday.", "sessions")
        if not session.collects <= session.opens < session.closes:
            raise InvalidInput("A session collects, then opens, then closes, within one day.", "sessions")
        spans.append((session.weekday, session.collects, session.closes))
    for (day, _, closes), (next_day, collects, _) in pairwise(sorted(spans)):
        if day == next_day and collects < closes:
            raise InvalidInput("Two sessions of one day overlap.", "sessions")


def _slots(calendar: Calendar, day: date) -> list[Slot]:
    """The sessions of one local day, by time."""
    if day in calendar.holidays:
        return []
    zone = ZoneInfo(calendar.time_zone)
    return sorted(
        (_slot(session, day, zone) for session in calendar.sessions if session.weekday == day.weekday()),
        key=lambda slot: slot.starts,
    )


def _slot(session: Session, day: date, zone: ZoneInfo) -> Slot:
    starts, opens, closes = (
        datetime.combine(day, moment, zone).astimezone(UTC)
        for moment in (session.collects, session.opens, session.closes)
    )
    return Slot(starts, opens, closes)
