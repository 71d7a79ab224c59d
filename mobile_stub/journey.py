"""The people of a demo and what they live through: sign-up, meter files, a week that is closed, a market.

The newest past week that is not yet closed is lived and closed, so that every run has fresh grams to trade. Weeks known
to be closed are remembered; one that proves to be closed already makes the people live the week before it as well.
"""

import asyncio
from contextlib import AsyncExitStack, aclosing
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

import httpx

from mobile_stub import habits
from mobile_stub.errors import PhoneError
from mobile_stub.feeds import Feeds
from mobile_stub.phone import Phone, expect, new_key
from mobile_stub.stage import Stage, set_stage
from mobile_stub.storage import Json
from mobile_stub.tally import Tally
from mobile_stub.together import together
from mobile_stub.trading import Trader

WEEKS_BACK = 520
DEPOSIT_MINOR = 5_000
ORDERS_EACH = 12
ROUNDS_MOST = 48
OFFLINE_NUMBER = 2
OFFLINE_ROUNDS = range(4, 8)


@dataclass(slots=True)
class Member:
    """A person of the demo with a phone; `number` names the character, `converted_grams` became points."""

    number: int
    phone: Phone
    trader: Trader | None = None
    converted_grams: int = 0

    @property
    def name(self) -> str:
        return self.phone.person.name


class Journey:
    """One run of the demo. `http` is shared by all phones; their memories lie under `home`."""

    def __init__(self, url: str, home: Path, http: httpx.AsyncClient, tally: Tally) -> None:
        self.tally = tally
        self.feeds = Feeds(url, http)
        self.stage: Stage
        self.members: list[Member] = []
        self.monday = date.min
        self.failures: list[str] = []
        self._url = url
        self._http = http
        self._home = home / "phones" / urlsplit(url).netloc.replace(":", "-")
        self._regions: dict[str, str] = {}
        self._watchers: list[asyncio.Task[None]] = []
        self._closing = AsyncExitStack()

    @property
    def asset(self) -> str:
        """The allowance of the week's ISO year, which is also the symbol of its market."""
        return f"PCA-{self.stage.programme['code']}-{self.monday.isocalendar().year}"

    async def close(self) -> None:
        for watcher in self._watchers:
            watcher.cancel()
        await asyncio.gather(*self._watchers, return_exceptions=True)
        await asyncio.gather(*(member.phone.close() for member in self.members), return_exceptions=True)
        await self._closing.aclose()

    # ---------------------------------------------------------------- people

    async def open_programme(self, email: str, password: str) -> None:
        self.tally.enter("opening the programme")
        self.stage = await set_stage(self._url, self._home, self._http, email, password, self._closing)

    async def sign_up(self, phones: int) -> None:
        """New people on new phones, in the programme, following their events."""
        self.tally.enter("signing up")
        run = datetime.now(UTC).strftime("%Y%m%dt%H%M%S%f")
        for number in range(phones):
            memory = self._home / run / f"phone-{number}.sqlite"
            phone = Phone(self._url, memory, self._http, habits.person(number, run), self.tally.take_event)
            self.members.append(Member(number, phone))
        await together(self._sign_up(member.phone) for member in self.members)

    async def _sign_up(self, phone: Phone) -> None:
        await phone.sign_up()
        await phone.register_device()
        await phone.join(self.stage.programme["code"])
        await phone.go_online()
        self.tally.phones += 1

    async def send_files(self) -> None:
        """Before anything else is recorded: what these people's lists hold then is what the files made."""
        self.tally.enter("sending meter files")
        await together(self._send_file(member) for member in self.members)

    async def _send_file(self, member: Member) -> None:
        meter_file = habits.meter_file(member.number)
        if meter_file is not None:
            imported = await member.phone.send_file(habits.sample(meter_file.file_name))
            self.tally.take_import(meter_file.file_name, imported, await member.phone.activities())

    # ---------------------------------------------------------------- a week

    async def live_a_week(self) -> None:
        """Records a week for everybody and closes it; what was not used is theirs to trade."""
        self.tally.enter("recording a week")
        desk = self.stage.desk
        closed = await asyncio.to_thread(desk.storage.note, "closed weeks") or {}
        for self.monday in _past_mondays():
            if self.monday.isoformat() in closed:
                continue
            await together(self.record(member, habits.week_of(member.number, self.monday)) for member in self.members)
            result = await desk.close_week(self.stage.programme["code"], self.monday + timedelta(days=2))
            if result["__typename"] == "PeriodNotOver":
                continue
            closed[self.monday.isoformat()] = True
            await asyncio.to_thread(desk.storage.save_note, "closed weeks", closed)
            if result["__typename"] != "PeriodAlreadyClosed":
                grams = expect("ClosePeriodPayload", result)["leftOver"]
                self.tally.enter("week closed", week=self.monday.strftime("%G-W%V"), grams_left_over=grams)
                return
        raise PhoneError(f"every week of the last {WEEKS_BACK} is closed already: no fresh grams to trade")

    async def record(self, member: Member, activities: list[Json]) -> None:
        """Sends a batch; what has no factor where the person lives goes out again, naming a region that has one."""
        answers = await member.phone.record(activities)
        if answers is None:
            return
        again = []
        for activity, answer in zip(activities, answers, strict=True):
            if answer["__typename"] == "NotFound" and "region" not in activity:
                region = await self._region_of(member.phone, activity)
                again.append({**activity, "clientId": new_key(), "region": region})
            else:
                self.tally.take_activity(expect("Activity", answer))
        if again:
            await self.record(member, again)

    async def _region_of(self, phone: Phone, activity: Json) -> str:
        name = activity["activity"]
        if name not in self._regions:
            factors = await phone.client.read("EmissionFactors", activity=name, on=activity["startedAt"][:10])
            if not factors["edges"]:
                raise PhoneError(f"no region has a factor for {name}")
            self._regions[name] = factors["edges"][0]["node"]["region"]
        return self._regions[name]

    # ---------------------------------------------------------------- the market

    async def open_trading(self) -> None:
        """Pays money in and opens the market's streams."""
        self.tally.enter("paying money in", symbol=self.asset)
        for member in self.members:
            await self.stage.desk.deposit(member.phone.user_id, self.stage.currency, DEPOSIT_MINOR)
        instrument = await self.stage.desk.client.read("Instrument", symbol=self.asset)
        if instrument is None:
            raise PhoneError(f"the market {self.asset} was not opened")
        for member in self.members:
            member.trader = Trader(member.phone, instrument, self.asset, seed=member.number)
        for watch in (self._watch_ticker(), self._watch_book(), self._watch_trades()):
            self._watchers.append(asyncio.create_task(watch))

    async def _watch_ticker(self) -> None:
        async with aclosing(self.feeds.ticker([self.asset])) as values:
            async for ticker in values:
                self.tally.ticker = ticker

    async def _watch_book(self) -> None:
        async with aclosing(self.feeds.order_book(self.asset)) as values:
            async for replica in values:
                self.tally.book = replica

    async def _watch_trades(self) -> None:
        async with aclosing(self.feeds.trades(self.asset)) as values:
            async for trade in values:
                self.tally.take_public_trade(trade)

    async def trade(self) -> None:
        """Twelve orders each, and more while too few matched; one phone loses its network on the way."""
        self.tally.enter("trading")
        for number in range(ROUNDS_MOST):
            if number in (OFFLINE_ROUNDS.start, OFFLINE_ROUNDS.stop) and len(self.members) > OFFLINE_NUMBER:
                await self.switch_network(self.members[OFFLINE_NUMBER])
            await together(self.place_order(member) for member in self.members)
            if number + 1 >= ORDERS_EACH and self._traded_enough():
                return

    @property
    def orders_wanted(self) -> int:
        return 10 * len(self.members)

    @property
    def trades_wanted(self) -> int:
        """Nobody trades alone."""
        return 3 * len(self.members) if len(self.members) > 1 else 0

    def _traded_enough(self) -> bool:
        return len(self.tally.orders) >= self.orders_wanted and len(self.tally.trades) >= self.trades_wanted

    async def place_order(self, member: Member) -> None:
        """One order; other answers than an Order or too small a balance are failures."""
        assert member.trader is not None, "trading is not open"
        answer = await member.trader.place_one(self.tally.last_price)
        if answer is not None and answer["__typename"] not in ("Order", "InsufficientBalance"):
            self.failures.append(f"an order of {member.name} was answered {answer['code']}: {answer['message']}")

    async def switch_network(self, member: Member) -> None:
        """Off, with a trip recorded in the dead zone; or on again: what was made meanwhile goes out in order."""
        if member.phone.is_online:
            await member.phone.go_offline()
            self.tally.offline.add(member.number)
            await member.phone.record([habits.trip(member.number, datetime.now(UTC) - timedelta(hours=1))])
        else:
            await member.phone.go_online()
            self.tally.offline.discard(member.number)


def _past_mondays() -> list[date]:
    """The first days of the weeks before this one, newest first."""
    today = datetime.now(UTC).date()
    this_monday = today - timedelta(days=today.weekday())
    return [this_monday - timedelta(weeks=weeks) for weeks in range(1, WEEKS_BACK + 1)]
