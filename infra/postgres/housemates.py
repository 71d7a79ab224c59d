"""One meter that several members of a household send: its days count once, and it is the household's.

What another member of the household has told reading for reading counts with that member's meter and not again,
whoever sent it first. Such a meter, and one that has the name of a meter which the household shares, is shared as well,
from the day on which both were there, unless its owner has said whose it is.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal

from domain.footprint.factor_choice import FactorChoice
from domain.footprint.model import Activity, MeterDay, Rejection
from domain.footprint.rebasing import counted_by
from infra.postgres.connection import PooledConnection
from infra.postgres.factors import PostgresFactors
from infra.postgres.twin_meters import Twin, told_by_another

SAME_SHARE = Decimal("0.02")
"""Two views of one meter, half hours and days of a portal, differ by what they round."""
_MATES = """
    SELECT other.owner, bool_or(mine.left_on IS NULL AND other.left_on IS NULL) AS is_here
    FROM household_member AS mine JOIN household_member AS other USING (household_id)
    WHERE mine.owner = $1 AND other.owner <> $1 GROUP BY other.owner"""
_UNDER_THIS_NAME = """
    SELECT day.local_date, day.owner, max(whole.quantity) AS quantity
    FROM meter_day AS day JOIN activity AS whole ON whole.owner = day.member AND whole.id = day.activity_id
    WHERE day.owner = ANY($1) AND day.meter = $2 AND day.register = $3 AND day.local_date = ANY($4)
        AND whole.status = 'COUNTED' GROUP BY day.local_date, day.owner"""
_SHARE = """
    INSERT INTO household_meter
    SELECT $1, $2, greatest(joined_on, $3), household_id, $4, $5 FROM household_member AS here
    WHERE owner = $1 AND left_on IS NULL AND (
        SELECT known.household_id FROM household_meter AS known WHERE known.owner = $1 AND known.meter = $2
        ORDER BY from_date DESC LIMIT 1) IS NULL
    ON CONFLICT (owner, meter, from_date) DO UPDATE SET household_id = EXCLUDED.household_id
    RETURNING from_date"""
"""Not where its owner has said whose it is; a meter that left with its owner is nobody's, as one never shared."""
_SHARED_UNDER_THIS_NAME = """
    SELECT min(last.from_date) FROM household_member AS here JOIN (
        SELECT DISTINCT ON (owner) owner, household_id, from_date FROM household_meter
        WHERE meter = $2 AND owner = ANY($3) ORDER BY owner, from_date DESC) AS last USING (household_id)
    WHERE here.owner = $1 AND here.left_on IS NULL"""


class Housemates:
    """Within a transaction that holds the lock of the person's home.

    `theirs` has the meters of present housemates that told the same, by owner and name, with the first such day.
    """

    def __init__(self, connection: PooledConnection, owner: int) -> None:
        self._connection = connection
        self._owner = owner
        self._known: dict[int, bool] | None = None
        self._bases: dict[int, FactorChoice | None] = {owner: None}
        self._left_out: Counter[str] = Counter()
        self.theirs: dict[Twin, date] = {}

    @property
    def notes(self) -> list[Rejection]:
        text = "Somebody of your household sent the same: these days count once, for all who share the meter."
        return [
            Rejection("COUNTED_AT_HOME", f"{count} days. {text}", record=meter, note=True)
            for meter, count in self._left_out.items()
        ]

    async def without_theirs(self, meter: str, register: str, days: Sequence[MeterDay]) -> list[MeterDay]:
        """The days that no housemate's meter counts; marked where one of this name counts another sum."""
        mates = await self._mates()
        if not mates or not days:
            return list(days)
        twins = await told_by_another(self._connection, self._owner, meter, register, days, list(mates))
        named = await self._under_this_name(meter, register, days)
        own = []
        for day in days:
            owner, quantity = named.get(day.day, (0, day.quantity))
            is_same = abs(quantity - day.quantity) <= SAME_SHARE * quantity
            twin = twins.get(day.day) or (Twin(owner, meter) if owner and is_same else None)
            if twin is None:
                own.append(replace(day, is_otherwise_at_home=bool(owner)))
                continue
            self._left_out[meter] += 1
            if mates[twin.owner]:
                self.theirs[twin] = min(day.day, self.theirs.get(twin, day.day))
        return own

    async def _under_this_name(
        self, meter: str, register: str, days: Sequence[MeterDay]
    ) -> dict[date, tuple[int, Decimal]]:
        """Whose meter of this name counts how much on these days, of those who are in the household now."""
        rows = await self._connection.fetch(
            _UNDER_THIS_NAME, await self._here(), meter, register, [day.day for day in days]
        )
        return {row["local_date"]: (row["owner"], row["quantity"]) for row in rows}

    async def share_by_name(self, meter: str, region: str, time_zone: str) -> None:
        """Shares the person's meter where the household shares another member's of this name."""
        here = await self._here()
        if not here:
            return
        since = await self._connection.fetchval(_SHARED_UNDER_THIS_NAME, self._owner, meter, here)
        if since is not None:
            await self.share(self._owner, meter, since, region, time_zone)

    async def share(self, owner: int, meter: str, since: date, region: str, time_zone: str) -> date | None:
        """The day from which on the household shares this meter now; None where its owner has said whose it is."""
        day: date | None = await self._connection.fetchval(_SHARE, owner, meter, since, region, time_zone)
        return day

    async def by_their_basis(self, share: Activity, members: Sequence[int], now: datetime) -> Activity:
        """A housemate's share of the person's meter, by the basis of the housemate's own programme."""
        if share.owner not in self._bases:
            factors = PostgresFactors.within(self._connection)
            theirs, own = [await factors.basis_of(owner) for owner in (share.owner, self._owner)]
            self._bases[share.owner] = FactorChoice(factors, theirs) if theirs not in (None, own) else None
        choice = self._bases[share.owner]
        return share if choice is None else await counted_by(choice, share, now, members) or share

    async def _here(self) -> list[int]:
        return [owner for owner, is_here in (await self._mates()).items() if is_here]

    async def _mates(self) -> dict[int, bool]:
        """Everybody who ever was in a household with this person, and whether they are there now."""
        if self._known is None:
            rows = await self._connection.fetch(_MATES, self._owner)
            self._known = {row["owner"]: row["is_here"] for row in rows}
        return self._known
