"""Calendars: sessions as moments, across holidays, weekends and clock changes."""

from datetime import UTC, date, datetime, time

import pytest

from domain.errors import InvalidInput
from domain.orders.calendar import Slot, check_calendar, next_slot, slot_at
from domain.orders.terms import Calendar, Session, Terms, terms_of

WEEKDAYS = tuple(Session(day, time(8, 30), time(9), time(17)) for day in range(5))
BERLIN = Calendar("Europe/Berlin", WEEKDAYS, frozenset({date(2026, 12, 25)}))


def utc(*moment: int) -> datetime:
    return datetime(*moment, tzinfo=UTC)  # type: ignore[arg-type, misc]


SUMMER = Slot(utc(2026, 7, 1, 6, 30), utc(2026, 7, 1, 7), utc(2026, 7, 1, 15))


@pytest.mark.parametrize(
    ("at", "slot"),
    [
        (utc(2026, 7, 1, 6, 29, 59), None),
        (utc(2026, 7, 1, 6, 30), SUMMER),
        (utc(2026, 7, 1, 14, 59, 59), SUMMER),
        (utc(2026, 7, 1, 15), None),
        (utc(2026, 7, 4, 10), None),
        (utc(2026, 12, 25, 10), None),
        (utc(2026, 12, 24, 10), Slot(utc(2026, 12, 24, 7, 30), utc(2026, 12, 24, 8), utc(2026, 12, 24, 16))),
    ],
)
def test_the_session_of_a_moment(at: datetime, slot: Slot | None) -> None:
    assert slot_at(BERLIN, at) == slot


def test_without_a_calendar_the_session_is_the_day_of_utc() -> None:
    day = Slot(utc(2026, 7, 1), utc(2026, 7, 1), utc(2026, 7, 2))

    assert slot_at(None, utc(2026, 7, 1)) == slot_at(None, utc(2026, 7, 1, 23, 59)) == day


def test_the_next_session_lies_behind_weekend_and_holiday() -> None:
    found = next_slot(BERLIN, utc(2026, 12, 24, 16))

    assert found == Slot(utc(2026, 12, 28, 7, 30), utc(2026, 12, 28, 8), utc(2026, 12, 28, 16))


def test_a_session_keeps_its_local_hours_when_the_clocks_change() -> None:
    before, after = next_slot(BERLIN, utc(2026, 10, 23)), next_slot(BERLIN, utc(2026, 10, 24))

    assert before is not None
    assert after is not None
    assert (before.opens, after.opens) == (utc(2026, 10, 23, 7), utc(2026, 10, 26, 8))


def test_a_calendar_that_never_opens_has_no_next_session() -> None:
    day = date(2026, 1, 1)
    closed = frozenset(date.fromordinal(day.toordinal() + number) for number in range(1_000))

    assert next_slot(Calendar("UTC", WEEKDAYS, closed), utc(2026, 7, 1)) is None


@pytest.mark.parametrize(
    ("calendar", "named"),
    [
        (Calendar("Mars/Olympus", WEEKDAYS), "timeZone"),
        (Calendar("../etc/passwd", WEEKDAYS), "timeZone"),
        (Calendar("UTC", ()), "sessions"),
        (Calendar("UTC", (Session(7, time(8), time(9), time(10)),)), "sessions"),
        (Calendar("UTC", (Session(0, time(9), time(8), time(10)),)), "sessions"),
        (Calendar("UTC", (Session(0, time(8), time(9), time(9)),)), "sessions"),
        (
            Calendar("UTC", (Session(0, time(8), time(9), time(12)), Session(0, time(11), time(11), time(17)))),
            "sessions",
        ),
    ],
)
def test_a_calendar_that_makes_no_sense_is_refused(calendar: Calendar, named: str) -> None:
    with pytest.raises(InvalidInput) as refusal:
        check_calendar(calendar)
    assert refusal.value.field == named


def test_terms_come_back_from_their_stored_form() -> None:
    terms = Terms(band=None, halt=250, holding=5_000_000, calendar=BERLIN)

    assert terms_of(terms.as_values()) == terms
    assert Terms().as_values() == {}
