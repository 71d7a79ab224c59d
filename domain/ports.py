"""What the services need from the outside, as protocols. `infra/` implements them, `api/resources.py` hands them in.

Stores return domain objects. A page is `limit` items in the list's order that come after the position `after`
(exclusive); a position is what `schema/connections.py` puts into a cursor.
"""

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Protocol
from uuid import UUID

from domain.basis import EmissionBasis
from domain.commands import Answer, Command
from domain.credits.model import PeriodStatement, Programme
from domain.events import AccountEvent
from domain.footprint.devices import PairedDevice
from domain.footprint.home import Household
from domain.footprint.model import (
    Activity,
    ActivityAnswer,
    EmissionFactor,
    ImportJob,
    RankedFactor,
    ReadingsReceipt,
    Rejection,
)
from domain.footprint.pacing import ForecastBand
from domain.footprint.plausibility import Habit, Whereabouts
from domain.footprint.summary import DayTotal, FactorUse, FootprintSummary
from domain.footprint.verdict import Verdict
from domain.identity.model import Device, DevicePlatform, Role, Session, Tokens, User, Viewer
from domain.ledger.model import Asset, Balance, JournalEntry
from domain.orders.model import (
    Act,
    BookSnapshot,
    BookUpdate,
    Candle,
    Fill,
    Instrument,
    Order,
    OrderSide,
    PriceLevel,
    Proposal,
    PublicTrade,
    Ticker,
)
from domain.rewards.model import Offer, Partner, Redemption


class CommandQueue(Protocol):
    """The way to the one writer."""

    async def submit(self, command: Command) -> Answer:
        """The answer, after its commit. Raises Overloaded (queue full) or Unavailable (outcome unknown: retry)."""
        ...


# ---------------------------------------------------------------- reads of what the writer wrote


class LedgerStore(Protocol):
    async def asset(self, code: str) -> Asset | None: ...
    async def asset_by_id(self, asset_id: int) -> Asset | None: ...
    async def balances(self, owner: int) -> Sequence[Balance]:
        """One for each asset that the owner ever had, by code."""
        ...

    async def balance(self, owner: int, asset: str) -> Balance | None:
        """Zero where the asset exists and the owner has none; None for an unknown asset."""
        ...

    async def statement(self, owner: int, after: int | None, limit: int) -> Sequence["StatementLine"]:
        """Entries that touch the owner, newest first, with the owner's own legs; the position is the entry id."""
        ...

    async def entry(self, owner: int, entry_id: int) -> "StatementLine | None": ...


@dataclass(frozen=True, slots=True)
class StatementLine:
    """A journal entry as one owner sees it: `entry.postings` holds the owner's own legs alone."""

    entry: JournalEntry
    occurred_at: datetime


class MarketStore(Protocol):
    async def instruments(self) -> Sequence[Instrument]: ...
    async def instrument(self, symbol: str) -> Instrument | None: ...
    async def order(self, owner: int, client_order_id: UUID) -> Order | None: ...
    async def order_by_id(self, owner: int, order_id: int) -> Order | None: ...
    async def orders(
        self, owner: int, after: int | None, limit: int, symbol: str | None, open_only: bool
    ) -> Sequence[Order]:
        """Newest first; the position is the order id."""
        ...

    async def own_levels(self, owner: int, instrument: Instrument) -> Sequence[tuple[OrderSide, PriceLevel]]:
        """The owner's open orders, added up by side and price."""
        ...

    async def fills(self, orders: Sequence[Order]) -> Sequence[Sequence[Fill]]:
        """For each order its fills, oldest first, none past the order's `trades_until`."""
        ...

    async def public_trades(self, symbol: str, before: int | None, limit: int) -> Sequence[PublicTrade]:
        """Newest first; `before` is exclusive."""
        ...

    async def candles(self, symbol: str, seconds: int, start: datetime, end: datetime) -> Sequence[Candle]: ...


class DeskStore(Protocol):
    """What operators and regulators see of the acts on the market."""

    async def order(self, order_id: int) -> Order | None:
        """Anybody's."""
        ...

    async def proposal(self, proposal_id: int) -> Proposal | None: ...
    async def proposals(self, after: int | None, limit: int) -> Sequence[Proposal]:
        """Newest first; the position is the proposal's id."""
        ...

    async def acts(self, after: int | None, limit: int) -> Sequence[Act]:
        """Newest first; the position is the command's sequence."""
        ...


class HolidayTable(Protocol):
    def of(self, region: str, years: Iterable[int]) -> frozenset[date] | None:
        """Public holidays of an ISO 3166-1 or -2 region; None where they are not known."""
        ...


class ProgrammeStore(Protocol):
    async def programmes(self) -> Sequence[Programme]: ...
    async def programme(self, code: str) -> Programme | None: ...
    async def programme_of(self, owner: int) -> Programme | None: ...
    async def member_count(self, programme_id: int) -> int: ...
    async def members(self, programme_id: int) -> Sequence[int]: ...
    async def join(self, programme_id: int, owner: int, now: datetime) -> None:
        """Raises AlreadyMember where the owner belongs to any programme.

        What was recorded before follows the programme's basis, at once or, where it is much, soon.
        """
        ...

    async def is_settling(self, programme_id: int) -> bool:
        """Whether something that a member recorded before joining does not follow the programme's basis yet."""
        ...

    async def statements(self, owner: int, after: date | None, limit: int) -> Sequence[PeriodStatement]:
        """Newest week first; the position is the week's Monday."""
        ...

    async def statement_of(self, owner: int, programme_id: int, week_start: date) -> PeriodStatement | None: ...


class RewardStore(Protocol):
    async def offers(self, after: int | None, limit: int) -> Sequence[Offer]: ...
    async def offer(self, offer_id: int) -> Offer | None: ...
    async def redemption(self, redemption_id: int) -> Redemption | None: ...
    async def redemptions(self, owner: int, after: int | None, limit: int) -> Sequence[Redemption]: ...


class Streams(Protocol):
    """News after the commit: replayed from Postgres, then live."""

    async def book(self, symbol: str, depth: int) -> BookSnapshot | None:
        """The book as of every commit that was answered before this call."""
        ...

    async def ticker(self, symbol: str) -> Ticker | None: ...
    def tickers(self, symbols: Sequence[str]) -> AsyncIterator[Ticker]: ...
    def trades(self, symbol: str, after: int | None) -> AsyncIterator[PublicTrade]: ...
    def book_updates(self, symbol: str, depth: int) -> AsyncIterator[BookUpdate]: ...
    def account_events(self, owner: int, after: int | None) -> AsyncIterator[AccountEvent]: ...
    async def account_events_page(self, owner: int, after: int | None, limit: int) -> Sequence[AccountEvent]:
        """Oldest first. Raises Resync where `after` is older than what is kept, InvalidCursor where it lies ahead."""
        ...

    def import_progress(self, owner: int, import_id: UUID) -> AsyncIterator[ImportJob]: ...


# ---------------------------------------------------------------- identity


class UserStore(Protocol):
    async def add(self, user: User, password_hash: str) -> User:
        """Gives the user its owner number. Raises EmailTaken."""
        ...

    async def by_id(self, user_id: UUID) -> User | None: ...
    async def by_email(self, email: str) -> tuple[User, str] | None:
        """The user and the password hash; `email` as `comparable_email` gives it."""
        ...

    async def set_password_hash(self, user_id: UUID, password_hash: str) -> None: ...
    async def set_role(self, user_id: UUID, role: Role, held: bool) -> bool:
        """Gives or takes a role; False where that changes nothing."""
        ...

    async def register_device(
        self, user_id: UUID, client_id: UUID, platform: DevicePlatform, push_token: str | None, now: datetime
    ) -> Device:
        """The device of this user and client id: made at the first call, brought up to date by each later one."""
        ...

    async def device(self, user_id: UUID, device_id: UUID) -> Device | None: ...


class SessionStore(Protocol):
    """Sign-in families: a session, its access tokens and the chain of its refresh tokens. Tokens are kept as hashes."""

    async def start(self, user: User, now: datetime) -> Session: ...
    async def refresh(self, refresh_token: str, now: datetime) -> tuple[UUID, Tokens]:
        """The user and the tokens that follow. Raises InvalidCredentials; a reused token ends its session first."""
        ...

    async def end(self, session_id: UUID, now: datetime) -> None:
        """From here on none of its tokens is worth anything."""
        ...

    async def viewer(self, access_token: str, now: datetime) -> Viewer | None:
        """Whose token this is; None where it is unknown, expired or its session has ended."""
        ...

    async def ended(self, session_id: UUID) -> None:
        """Returns when this process ends the session."""
        ...


class PasswordHasher(Protocol):
    async def hash(self, password: str) -> str: ...
    async def verify(self, password_hash: str | None, password: str) -> bool:
        """False for None too, in the same time. Raises Overloaded where too many wait."""
        ...

    def is_outdated(self, password_hash: str) -> bool:
        """True where it was made with other parameters than those of today."""
        ...


class RateLimiter(Protocol):
    """Counts by name and subject in windows of fixed length; the names and their limits are settings."""

    async def count(self, name: str, subject: str, times: int = 1) -> None:
        """Counts so many. Raises TooManyRequests where that is more than the limit."""
        ...

    async def forgive(self, name: str, subject: str) -> None:
        """Takes one back that was counted just now."""
        ...


class PartnerStore(Protocol):
    async def add(self, name: str, now: datetime) -> tuple[Partner, str]:
        """A partner with its first API key, in clear for the only time."""
        ...

    async def by_id(self, partner_id: UUID) -> Partner | None: ...
    async def viewer(self, api_key: str, now: datetime) -> Viewer | None:
        """Whose key this is; None where it is unknown or revoked."""
        ...

    async def replace_key(self, key_prefix: str, now: datetime) -> tuple[Partner, str] | None:
        """Ends the key that begins so and gives its partner another, in clear for the only time; None where none is."""
        ...


# ---------------------------------------------------------------- footprint


class FactorStore(Protocol):
    async def candidates(self, factor_id: str, regions: Sequence[str]) -> Sequence[EmissionFactor]:
        """Every row of this id in these regions, in the order of the regions given."""
        ...

    async def rows_of(self, ids: Sequence[int]) -> Sequence[EmissionFactor]:
        """The rows with these numbers, withdrawn ones too, in the order given."""
        ...

    async def regions_of(self, factor_id: str) -> Sequence[str]: ...
    async def find(
        self,
        text: str,
        factor_id: str | None,
        category: str | None,
        region: str | None,
        on: date | None,
        after: tuple[int, int] | None,
        limit: int,
    ) -> Sequence[RankedFactor]:
        """Those with all words of the text, the best first; the position is (rank, factor's number)."""
        ...

    async def basis_of(self, owner: int) -> EmissionBasis | None:
        """What the programme of this person counts by; None for somebody without one."""
        ...

    async def search(
        self,
        factor_id: str | None,
        category: str | None,
        region: str | None,
        on: date | None,
        after: int | None,
        limit: int,
    ) -> Sequence[EmissionFactor]: ...


class FootprintStore(Protocol):
    async def by_client_ids(self, owner: int, client_ids: Sequence[UUID]) -> dict[UUID, tuple[Activity, bytes]]:
        """Recorded activities and the hash of what was asked for."""
        ...

    async def habits(self, owner: int, activities: Sequence[str]) -> dict[str, Habit]:
        """What this person's activities of these factor ids usually are: one for each, known or not."""
        ...

    async def whereabouts(self, owner: int, start: datetime, end: datetime) -> Whereabouts:
        """The counted journeys of this person that touch this time."""
        ...

    async def record(
        self, owner: int, activities: Sequence[tuple[Activity, bytes]], habits: Mapping[str, Habit]
    ) -> set[UUID]:
        """Inserts activities with their payload hash, raises the day totals and keeps the habits, in one transaction.

        Gives the client ids that were new: those that are known by now are left as they are.
        """
        ...

    async def activity(self, owner: int, activity_id: UUID) -> Activity | None: ...
    async def activities_by_id(self, owner: int, ids: Sequence[UUID]) -> dict[UUID, Activity]:
        """Those of this owner; ids of nobody or of others are left out."""
        ...

    async def activities(
        self,
        owner: int,
        after: tuple[datetime, UUID] | None,
        limit: int,
        from_date: date | None,
        to_date: date | None,
    ) -> Sequence[Activity]:
        """Newest `started_at` first."""
        ...

    async def summary(self, owner: int, from_date: date, to_date: date) -> FootprintSummary:
        """From the day totals; `allowance` and `remaining` are None, the service fills them."""
        ...

    async def day_totals(self, owner: int, from_date: date, to_date: date) -> Sequence[DayTotal]:
        """By date, only those with an activity."""
        ...

    async def factor_uses(self, owner: int, from_date: date, to_date: date) -> Sequence[FactorUse]:
        """COUNTED activities of these days added up by factor, region, unit and number of people; the largest first."""
        ...

    async def emissions_between(self, owners: Sequence[int], start: datetime, end: datetime) -> dict[int, int]:
        """Grams of COUNTED activities that start in [start, end), for owners that have one."""
        ...


class AnswerStore(Protocol):
    """What persons said of their activities."""

    async def answer_to(self, owner: int, activity_id: UUID) -> ActivityAnswer | None: ...
    async def settle(
        self, owner: int, activity: Activity, answer: ActivityAnswer, replacement: Activity | None, now: datetime
    ) -> bool:
        """Reverses the activity, records what takes its place and keeps the answer, in one transaction.

        False, and nothing is done, where the activity is not as it was given any more.
        """
        ...

    async def waiting_alike(self, owner: int, activity_id: UUID, limit: int) -> Sequence[UUID]:
        """Quarantined activities whose records asked the same as the one that this activity stands for."""
        ...


class GoalStore(Protocol):
    async def goal(self, owner: int) -> int | None: ...
    async def set_goal(self, owner: int, weekly: int | None, now: datetime) -> None:
        """None takes the goal away."""
        ...


class Forecasts(Protocol):
    async def sum_of_next(self, first_day: date, grams: Sequence[int | None], days: int) -> ForecastBand | None:
        """What the `days` that follow the series come to; None for too little history, or where none can be had now.

        A None in the series is a day that is not known.
        """
        ...


class HouseholdStore(Protocol):
    """Each change adds the days of the shared meters up anew, from the day on that it is about."""

    async def household_of(self, owner: int) -> Household | None: ...
    async def create(self, owner: int, name: str, today: date, now: datetime) -> Household:
        """Raises InvalidInput where the person is in a household already."""
        ...

    async def join(self, owner: int, code: str, today: date, now: datetime) -> Household: ...
    async def leave(self, owner: int, today: date, now: datetime) -> Household: ...
    async def assign(
        self, owner: int, meter: str, from_date: date, *, region: str, time_zone: str, now: datetime
    ) -> Household: ...


class ReadingStore(Protocol):
    async def record(
        self, owner: int, verdict: Verdict, *, region: str, time_zone: str, now: datetime
    ) -> ReadingsReceipt:
        """Records the accepted readings and what they add up to, in one transaction; raises InvalidInput, NotFound."""
        ...


class DeviceStore(Protocol):
    async def pair(self, device: PairedDevice) -> None:
        """Raises InvalidInput where this person has too many."""
        ...

    async def unpair(self, owner: int, device_id: UUID, now: datetime) -> bool:
        """False where this person has no such device."""
        ...

    async def paired(self, owner: int) -> Sequence[PairedDevice]: ...


class ImportStore(Protocol):
    async def by_id(self, owner: int, import_id: UUID) -> ImportJob | None: ...
    async def rejections(self, import_id: UUID, limit: int) -> Sequence[Rejection]: ...
