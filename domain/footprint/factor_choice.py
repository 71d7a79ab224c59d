"""Asks the store for the factor of an activity, and remembers the rows for as long as one request or import lasts.

A member's factors follow the basis of the programme. DIRECT takes emissions at the source and, for mains electricity
without such a row, the lifecycle figure; LIFECYCLE adds the supply of the fuel (`wtt.<id>`) to a factor at the source
and takes the lifecycle figure for mains electricity. Where the only factor is of the other kind, a caveat says so; a
row that is itself a part of the life cycle of another is NotFound. Somebody without a programme chooses freely.
"""

import re
from collections.abc import Sequence
from datetime import date

from domain.basis import EmissionBasis
from domain.errors import NotFound
from domain.footprint.calculation import GLOBAL, ChosenFactor, choose, region_chain
from domain.footprint.model import EmissionFactor
from domain.ports import FactorStore

MAINS = "energy.electricity.grid"
LIFECYCLE_MAINS = "energy.electricity.grid.ember"
_FACTOR_ID = re.compile(r"[a-z0-9_]+(\.[a-z0-9_]+)*", re.ASCII)
_FACTOR_ID_LENGTH_MAX = 120
SUPPLY = "wtt."
"""Before the id of a factor at the source stands that of the supply of its fuel."""
_FLIGHT_ENDINGS = (".with_rf", ".without_rf")
_LIFECYCLE = frozenset({"lifecycle", "cradle_to_gate", "supply_chain"})
_AT_SOURCE = frozenset(
    {"direct", "direct_plus_electricity", "direct_plus_non_co2", "direct_excluding_biogenic_co2", "generation"}
)
_PART = frozenset({"well_to_tank", "td_loss"})


def is_factor_id(text: str) -> bool:
    return len(text) <= _FACTOR_ID_LENGTH_MAX and _FACTOR_ID.fullmatch(text) is not None


def is_lifecycle(chosen: ChosenFactor) -> bool:
    return chosen.factor.scope in _LIFECYCLE or chosen.supply is not None


class FactorChoice:
    def __init__(self, factors: FactorStore, basis: EmissionBasis | None = None) -> None:
        self._factors = factors
        self._basis = basis
        self._rows: dict[tuple[str, tuple[str, ...]], Sequence[EmissionFactor]] = {}

    @staticmethod
    async def of_owner(factors: FactorStore, owner: int) -> "FactorChoice":
        """By the basis of the programme that this person belongs to."""
        return FactorChoice(factors, await factors.basis_of(owner))

    async def of(self, activity: str, region: str, on: date, *, metered: bool = False) -> ChosenFactor:
        """The factor of `activity`; raises NotFound, naming the regions that have one.

        `metered` is True where a meter or device reports: its mains electricity falls back to the country's lifecycle
        figure (Ember), then to the world's, with a caveat that names the other scope.
        """
        if self._basis is not None and activity in (MAINS, LIFECYCLE_MAINS):
            chosen = await self._member_mains(activity, region, on, metered)
        else:
            chosen = await self._in_chain(activity, region_chain(region), on)
            if chosen is None and metered and activity == MAINS:
                chosen = await self._lifecycle_mains(region, on)
        if chosen is None:
            raise NotFound(await self._no_factor(activity, region))
        return await self._on_basis(chosen, on)

    async def first_of(self, activities: Sequence[str], region: str, on: date) -> ChosenFactor:
        """The factor of the first of several equal activities that has one; NotFound speaks of the first."""
        for activity in activities:
            chosen = await self._in_chain(activity, region_chain(region), on)
            if chosen is not None:
                return await self._on_basis(chosen, on)
        raise NotFound(await self._no_factor(activities[0], region))

    async def then_and_now(self, ids: Sequence[int]) -> tuple[Sequence[EmissionFactor], Sequence[EmissionFactor]]:
        """The rows with these numbers, withdrawn or not, and all rows that hold now of their factors and regions."""
        then = await self._factors.rows_of(ids)
        return then, [row for old in then for row in await self._factors.candidates(old.factor_id, (old.region,))]

    async def _in_chain(self, activity: str, chain: tuple[str, ...], on: date) -> ChosenFactor | None:
        key = (activity, chain)
        if key not in self._rows:
            self._rows[key] = await self._factors.candidates(activity, chain)
        return choose(self._rows[key], chain, on)

    async def _member_mains(self, activity: str, region: str, on: date, metered: bool) -> ChosenFactor | None:
        """Either id means the same to a programme; who writes by hand is given the other kind only by its own id."""
        at_source = await self._in_chain(MAINS, region_chain(region), on)
        if self._basis is EmissionBasis.DIRECT:
            if at_source is None and (metered or activity == LIFECYCLE_MAINS):
                return await self._lifecycle_mains(region, on)
            return at_source
        country = region.partition("-")[0]
        lifecycle = await self._in_chain(LIFECYCLE_MAINS, (country,), on)
        return lifecycle or at_source or await self._lifecycle_mains(region, on)

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

    async def _on_basis(self, chosen: ChosenFactor, on: date) -> ChosenFactor:
        """As the programme counts; raises NotFound for a row that it counts, or leaves out, together with another."""
        factor = chosen.factor
        if self._basis is None or factor.factor_id == LIFECYCLE_MAINS:
            return chosen
        if factor.scope in _PART:
            raise NotFound(_is_part(factor, self._basis))
        if self._basis is EmissionBasis.DIRECT and factor.scope in _LIFECYCLE:
            return ChosenFactor(factor, (_other_basis(factor, "emissions at the source"), *chosen.caveats))
        if self._basis is EmissionBasis.LIFECYCLE and factor.scope in _AT_SOURCE:
            return await self._with_supply(chosen, on)
        return chosen

    async def _with_supply(self, chosen: ChosenFactor, on: date) -> ChosenFactor:
        factor = chosen.factor
        supply = await self._in_chain(_supply_of(factor.factor_id), (factor.region,), on)
        if supply is None or supply.factor.unit != factor.unit:
            return ChosenFactor(factor, (_other_basis(factor, "the whole life cycle"), *chosen.caveats))
        added = f"Includes {supply.factor.factor_id} ({supply.factor.source}, {supply.factor.edition})."
        return ChosenFactor(factor, tuple(dict.fromkeys((added, *chosen.caveats, *supply.caveats))), supply.factor)

    async def _no_factor(self, activity: str, region: str) -> str:
        regions = await self._factors.regions_of(activity)
        if not regions:
            return f"There is no emission factor {activity}."
        return f"{activity} has no factor for {region}. Regions that have one: {', '.join(regions)}."


def _supply_of(factor_id: str) -> str:
    for ending in _FLIGHT_ENDINGS:
        factor_id = factor_id.removesuffix(ending)
    return SUPPLY + factor_id


def _is_part(factor: EmissionFactor, basis: EmissionBasis) -> str:
    if basis is EmissionBasis.DIRECT:
        return f"Your programme counts emissions at the source; {factor.factor_id} is of scope {factor.scope}."
    return f"Your programme counts the whole life cycle: {factor.factor_id} is counted with what it belongs to."


def _other_basis(factor: EmissionFactor, basis: str) -> str:
    return f"Your programme counts {basis}; the only factor there is is of scope {factor.scope}."
