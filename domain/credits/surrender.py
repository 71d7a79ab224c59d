"""What a member's week comes to when it is closed; pure."""

from datetime import date

from domain.credits.model import PeriodStatement, Programme


def statement(programme: Programme, owner: int, week_start: date, footprint: int | None) -> PeriodStatement:
    """A voluntary week: the whole allowance is issued and the footprint surrendered from it, at most what was issued.

    `footprint` is grams, or None where nothing was counted that week: such a week is closed with zeros.
    """
    issued = 0 if footprint is None else programme.weekly_allowance
    surrendered = min(max(footprint or 0, 0), issued)
    return PeriodStatement(
        programme=programme.id,
        owner=owner,
        week_start=week_start,
        issued=issued,
        footprint=footprint or 0,
        surrendered=surrendered,
        left_over=issued - surrendered,
    )
