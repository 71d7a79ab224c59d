"""What a resolver may ask for: who calls, the time, the stores, the way to the writer and its news."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property, partial
from typing import TypeVar
from uuid import UUID

import strawberry
from strawberry.dataloader import DataLoader

from domain.errors import Forbidden, Unauthenticated
from domain.footprint.advising import Change
from domain.footprint.model import Activity, ImportFormat
from domain.identity.model import User, Viewer
from domain.orders.model import Fill, Order
from domain.ports import (
    AnswerStore,
    CommandQueue,
    DeskStore,
    DeviceStore,
    FactorStore,
    FootprintStore,
    Forecasts,
    GoalStore,
    HolidayTable,
    HouseholdStore,
    ImportStore,
    LedgerStore,
    MarketStore,
    PartnerStore,
    PasswordHasher,
    ProgrammeStore,
    RateLimiter,
    ReadingStore,
    RewardStore,
    SessionStore,
    Streams,
    UserStore,
)
from schema.footprint.loaders import activities_by_id
from schema.orders.loaders import fills_by_order, moment_of

Item = TypeVar("Item")


@dataclass(frozen=True)
class Stores:
    ledger: LedgerStore
    market: MarketStore
    desk: DeskStore
    holidays: HolidayTable
    programmes: ProgrammeStore
    rewards: RewardStore
    users: UserStore
    partners: PartnerStore
    sessions: SessionStore
    factors: FactorStore
    footprint: FootprintStore
    answers: AnswerStore
    readings: ReadingStore
    households: HouseholdStore
    imports: ImportStore
    goals: GoalStore
    forecasts: Forecasts
    changes: Sequence[Change]
    """What could be done instead, for advice."""
    formats: Sequence[ImportFormat] = ()
    """What the importer can read, by name."""
    devices: DeviceStore | None = None
    """None where the server listens to no broker."""


class Loaders:
    """One set for each request: what one answer needs several times is read once, and together."""

    def __init__(self, stores: Stores, viewer: Viewer | None) -> None:
        self._stores = stores
        self._owner = viewer.owner if viewer else None

    @cached_property
    def fills(self) -> DataLoader[Order, list[Fill]]:
        return DataLoader(partial(fills_by_order, self._stores.market), cache_key_fn=moment_of)

    @cached_property
    def activities(self) -> DataLoader[UUID, Activity | None]:
        """The caller's own."""
        assert self._owner is not None
        return DataLoader(partial(activities_by_id, self._stores.footprint, self._owner))


@dataclass
class RequestContext:
    """One request, or one operation of a socket. `now` is taken once; `dataclasses.replace` makes the next one."""

    now: datetime
    viewer: Viewer | None
    address: str
    stores: Stores
    commands: CommandQueue
    streams: Streams
    hasher: PasswordHasher
    limits: RateLimiter
    redemption_minutes: int
    loaders: Loaders = field(init=False)

    def __post_init__(self) -> None:
        self.loaders = Loaders(self.stores, self.viewer)

    @property
    def caller(self) -> Viewer:
        """Whoever calls; raises Unauthenticated where nobody signed in."""
        if self.viewer is None:
            raise Unauthenticated()
        return self.viewer

    @property
    def owner(self) -> int:
        """The caller's account in the ledger."""
        return self.caller.owner

    @property
    def user_id(self) -> UUID:
        """The person who calls; raises Forbidden for a partner's key."""
        if self.caller.user_id is None:
            raise Forbidden(message="Only a person may do that; a partner's key belongs to a shop.")
        return self.caller.user_id

    async def user(self) -> User:
        user = await self.stores.users.by_id(self.user_id)
        if user is None:
            raise Unauthenticated()
        return user

    async def fresh(self, stream: AsyncIterator[Item]) -> AsyncIterator[Item]:
        """The stream itself, with new loaders before each item: a subscription lives longer than what they remember."""
        try:
            async for item in stream:
                self.loaders = Loaders(self.stores, self.viewer)
                yield item
        finally:
            close = getattr(stream, "aclose", None)
            if close is not None:
                await close()


Info = strawberry.Info[RequestContext, None]
