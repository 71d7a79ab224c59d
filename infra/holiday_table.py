"""Public holidays of countries and their parts, from the package `holidays`."""

from collections.abc import Iterable
from datetime import date

import holidays


class PublicHolidays:
    """Implements `domain.ports.HolidayTable`."""

    def of(self, region: str, years: Iterable[int]) -> frozenset[date] | None:
        country, _, part = region.partition("-")
        try:
            return frozenset(holidays.country_holidays(country, subdiv=part or None, years=years))
        except NotImplementedError:
            return None
