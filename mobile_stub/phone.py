"""One person's phone: what its app can do. What moves grams, money or points has a key that is saved first."""

import asyncio
import contextlib
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import httpx

from mobile_stub.client import Client
from mobile_stub.errors import PhoneError
from mobile_stub.feeds import STREAM_ERRORS, stream
from mobile_stub.guard import keep_alive, let_go
from mobile_stub.live import AccountFeed
from mobile_stub.storage import Balance, Json, Storage

IMPORT_SECONDS = 120
IMPORT_PAUSE_SECONDS = 0.2
IMPORT_ENDS = frozenset({"FINISHED", "FAILED"})


Amounts = dict[str, tuple[int, int]]


def new_key() -> str:
    """An idempotency key: a canonical UUID."""
    return str(uuid.uuid4())


@dataclass(frozen=True, slots=True)
class Person:
    """Who holds the phone. `region` is ISO 3166; `time_zone` an IANA name."""

    email: str
    password: str
    name: str
    region: str
    time_zone: str
    locale: str = "en"


class Phone:
    """A phone whose memory is the file `memory`; `on_event` is told of each account event, once."""

    def __init__(
        self,
        url: str,
        memory: Path,
        http: httpx.AsyncClient,
        person: Person,
        on_event: Callable[[Json], None] | None = None,
    ) -> None:
        self.person = person
        self.storage = Storage(memory)
        self.client = Client(url, self.storage, http)
        self.feed = AccountFeed(self.client, on_event)
        self._following: asyncio.Task[None] | None = None
        self._guarding: asyncio.Task[None] | None = None
        self._guard_seconds = 0

    async def close(self) -> None:
        await self._stop_guarding()
        await self._stop_following()
        self.storage.close()

    # ---------------------------------------------------------------- being somebody

    async def sign_up(self) -> Json:
        """The session; where an earlier try made the account and its answer was lost, by signing in."""
        person = self.person
        given = {
            "email": person.email,
            "password": person.password,
            "displayName": person.name,
            "region": person.region,
            "locale": person.locale,
            "timeZone": person.time_zone,
        }
        result = await self.client.start_session("SignUp", given)
        if result["__typename"] == "EmailTaken":
            return await self.sign_in()
        return expect("Session", result)

    async def sign_in(self) -> Json:
        """The session. A memory that knows nothing of the account yet takes its wallet and its events as they are."""
        given = {"email": self.person.email, "password": self.person.password}
        session = expect("Session", await self.client.start_session("SignIn", given))
        if await asyncio.to_thread(self.storage.position) == (None, 0):
            await self.feed.start_anew()
        return session

    async def register_device(self) -> Json:
        device = await asyncio.to_thread(self.storage.note, "device")
        if device is None:
            device = {"clientId": new_key(), "platform": "ANDROID"}
            await asyncio.to_thread(self.storage.save_note, "device", device)
        return expect("Device", await self.client.read("RegisterDevice", input=device))

    @property
    def user_id(self) -> str:
        """Node id of the person signed in."""
        session = self.storage.note("session")
        if session is None:
            raise PhoneError("nobody is signed in")
        return str(session["user"]["id"])

    # ---------------------------------------------------------------- online and off

    @property
    def is_online(self) -> bool:
        return not self.client.offline

    async def go_online(self) -> None:
        """Sends what was made offline, in order, and follows the account's events from the saved cursor."""
        self.client.offline = False
        if self._following is None:
            self._following = asyncio.create_task(self.feed.follow())
        if self._guarding is None and self._guard_seconds:
            self._guarding = asyncio.create_task(keep_alive(self.client, self._guard_seconds))
        await self.client.flush()

    async def go_offline(self) -> None:
        self.client.offline = True
        await self._stop_guarding()
        await self._stop_following()

    async def _stop_following(self) -> None:
        if self._following is not None:
            self._following.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._following
            self._following = None

    def fault(self) -> BaseException | None:
        """Why the events are no longer followed, where that is so."""
        following = self._following
        if following is None or not following.done() or following.cancelled():
            return None
        return following.exception()

    # ---------------------------------------------------------------- footprint

    async def join(self, code: str) -> Json:
        """The programme; joining it twice is no fault."""
        result = await self.client.read("JoinProgramme", code=code)
        return result if result["__typename"] == "AlreadyMember" else expect("Programme", result)

    async def record(self, activities: list[Json]) -> list[Json] | None:
        """One answer for each activity, an Activity or an error; None while offline."""
        payload = await self.client.perform("RecordActivities", new_key(), activities=activities)
        return None if payload is None else list(expect("RecordActivitiesPayload", payload)["results"])

    async def send_file(self, path: Path) -> Json:
        """Sends a meter file and waits until it is read: the finished Import, FINISHED or FAILED."""
        import_id = await self.client.upload(path)
        async with asyncio.timeout(IMPORT_SECONDS):
            while True:
                state = await self.client.read("ImportById", id=import_id)
                if state["status"] in IMPORT_ENDS:
                    return dict(state)
                await self._watch_import(import_id)
                await asyncio.sleep(IMPORT_PAUSE_SECONDS)

    async def _watch_import(self, import_id: str) -> None:
        """Returns when the stream of its progress says that it is over, or breaks."""
        token = await self.client.bearer()
        values = stream(self.client.http, self.client.url, "FollowImport", {"id": import_id}, token)
        with contextlib.suppress(*STREAM_ERRORS):
            async with contextlib.aclosing(values) as states:
                async for state in states:
                    if state["status"] in IMPORT_ENDS:
                        return

    async def activities(self) -> list[Json]:
        """All of them, newest first."""
        found: list[Json] = []
        after: str | None = None
        while True:
            page = (await self.client.read("Activities", after=after))["activities"]
            found += [edge["node"] for edge in page["edges"]]
            if not page["pageInfo"]["hasNextPage"]:
                return found
            after = page["pageInfo"]["endCursor"]

    async def footprint(self, first: date, last: date) -> Json:
        viewer = await self.client.read("Footprint", **{"from": first.isoformat(), "to": last.isoformat()})
        return dict(viewer["footprint"])

    async def statements(self) -> list[Json]:
        """Closed weeks, newest first."""
        viewer = await self.client.read("Statements")
        return [edge["node"] for edge in viewer["statements"]["edges"]]

    # ---------------------------------------------------------------- market

    async def place_order(self, **order: Any) -> Json | None:
        """The answer, an Order or an error; None while offline: then it goes out later, with the same key."""
        key = new_key()
        return await self._perform("PlaceOrder", key, input={"clientOrderId": key, **order})

    async def replace_order(self, client_order_id: str, quantity: int, price: int) -> Json | None:
        """`quantity` is the whole quantity, what is filled included."""
        key = new_key()
        given = {"clientOrderId": client_order_id, "quantity": quantity, "price": price, "idempotencyKey": key}
        return await self._perform("ReplaceOrder", key, **given)

    async def guard_orders(self, seconds: int) -> None:
        """From now on its open orders are cancelled when it was not online for so long; 0 ends that."""
        await self._stop_guarding()
        self._guard_seconds = seconds
        if seconds == 0:
            await let_go(self.client)
        elif self.is_online:
            self._guarding = asyncio.create_task(keep_alive(self.client, seconds))

    async def _stop_guarding(self) -> None:
        if self._guarding is not None:
            self._guarding.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._guarding
            self._guarding = None

    async def cancel_order(self, client_order_id: str) -> Json | None:
        return await self._perform("CancelOrder", new_key(), clientOrderId=client_order_id)

    # ---------------------------------------------------------------- wallet and rewards

    def balance(self, asset: str) -> Balance:
        """As the account's events told it; zero for an asset that none has named."""
        return self.storage.balances().get(asset, Balance(asset, "", 0, 0))

    async def wallet(self) -> Amounts:
        """As the server shows it: what is there of each asset, available and held."""
        viewer = await self.client.read("Wallet")
        entries = viewer["wallet"]["balances"]
        pairs = ((entry["asset"]["code"], (entry["available"], entry["held"])) for entry in entries)
        return {asset: pair for asset, pair in pairs if any(pair)}

    def told_wallet(self) -> Amounts:
        """The same as the account's events told it."""
        entries = self.storage.balances().values()
        return {entry.asset: (entry.available, entry.held) for entry in entries if entry.available or entry.held}

    async def is_told_all(self, timeout_seconds: float) -> bool:
        """Waits until the events have told what the wallet shows now; False when the time is over first."""
        wallet = await self.wallet()
        return await self.feed.wait_until(lambda: self.told_wallet() == wallet, timeout_seconds)

    async def convert_to_points(self, asset: str, grams: int) -> Json | None:
        key = new_key()
        return await self._perform("ConvertToPoints", key, asset=asset, grams=grams, idempotencyKey=key)

    async def redeem(self, offer_id: str) -> Json | None:
        """A Redemption, whose `tillCode` the person shows at the till, or an error."""
        key = new_key()
        return await self._perform("RedeemOffer", key, offerId=offer_id, idempotencyKey=key)

    async def cancel_redemption(self, redemption_id: str) -> Json | None:
        return await self._perform("CancelRedemption", new_key(), id=redemption_id)

    async def _perform(self, name: str, key: str, /, **variables: Any) -> Json | None:
        answer: Json | None = await self.client.perform(name, key, **variables)
        return answer


def expect(kind: str, result: Json | None) -> Json:
    """The result where it is of this type of its union; else a PhoneError with the server's own words."""
    if result is None:
        raise PhoneError("the phone is offline")
    if result["__typename"] != kind:
        raise PhoneError(f"{result.get('code', result['__typename'])}: {result.get('message', '')}")
    return result
