"""Asks the store for the factor of an activity, and remembers the rows for as long as one request or import lasts."""

import re
from collections.abc import Sequence
from datetime import date

from domain.errors import NotFound
from domain.footprint.calculation import GLOBAL, ChosenFactor, choose, region_chain
from domain.footprint.model import EmissionFactor
from domain.ports import FactorStore

MAINS = "energy.electricity.grid"
LIFECYCLE_MAINS = "energy.electricity.grid.ember"
_FACTOR_ID = re.compile(r"[a-z0-9_]+(\.[a-z0-9_]+)*", re.ASCII)
_FACTOR_ID_LENGTH_MAX = 120


def is_factor_id(text: str) -> bool:
    return len(text) <= _FACTOR_ID_LENGTH_MAX and _FACTOR_ID.fullmatch(text) is not None


class FactorChoice:
    def __init__(self, factors: FactorStore) -> None:
        self._factors = factors
        self._rows: dict[tuple[str, tuple[str, ...]], Sequence[EmissionFactor]] = {}

    async def of(self, activity: str, region: str, on: date, *, metered: bool = False) -> ChosenFactor:
        """The factor of `activity`; raises NotFound, naming the regions that have one.

        `metered` is True where a meter or device reports: its mains electricity falls back to the country's lifecycle
        figure (Ember), then to the world's, with a caveat that names the other scope.
        """
        chosen = await self._in_chain(activity, region_chain(region), on)
        if chosen is None and metered and activity == MAINS:
            chosen = await self._lifecycle_mains(region, on)
        if chosen is None:
            raise NotFound(await self._no_factor(activity, region))
        return chosen

    async def first_of(self, activities: Sequence[str], region: str, on: date) -> ChosenFactor:
        """The factor of the first of several equal activities that has one; NotFound speaks of the first."""
        for activity in activities:
            chosen = await self._in_chain(activity, region_chain(region), on)
            if chosen is not None:
                return chosen
        raise NotFound(await self._no_factor(activities[0], region))

    async def _in_chain(self, activity: str, chain: tuple[str, ...], on: date) -> ChosenFactor | None:
        key = (activity, chain)
        if key not in self._rows:
            self._rows[key] = await self._factors.candidates(activity, chain)
        return choose(self._rows[key], chain, on)

    async def _lifecycle_mains(self, region: str, on: date) -> ChosenFactor | None:
        country = region.partition("-")[0]
        chosen = await self._in_chain(LIFECYCLE_MAINS, tuple(dict.fromkeys((country, GLOBAL))), on)
        if chosen is None:
            return None
        scope = (
            f"No factor of generation for {region}: the figure of {chosen.factor.region} is of scope "
            f"{chosen.factor.scope}, which includes the supply of fuels and the building of power stations."
        )
        return ChosenFactor(chosen.factor, (scope, *chosen.caveats))

    async def _no_factor(self, activity: str, region: str) -> str:
        regions = await self._factors.regions_of(activity)
        if not regions:
            return f"There is no emission factor {activity}."
        return f"{activity} has no factor for {region}. Regions that have one: {', '.join(regions)}."
