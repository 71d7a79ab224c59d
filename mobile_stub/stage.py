"""What a demo needs before the first phone: a programme, a partner with two tills, an offer. Made where missing."""

import asyncio
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

import httpx

from mobile_stub.operator_desk import OperatorDesk
from mobile_stub.storage import Json
from mobile_stub.till import Till

PROGRAMME = {
    "code": "DEMO",
    "name": "Demo City",
    "region": "GB",
    "currency": "GBP",
    "weeklyAllowance": 80_000,
    "pointsPerKg": 10,
    "timeZone": "Europe/London",
}
PARTNER = "City Buses"
OFFER_TITLE = "Bus day pass"
OFFER_POINTS = 50
OFFER_STOCK = 1_000
STOCK_FOR_A_RUN = 100
TILLS = 2


@dataclass(frozen=True, slots=True)
class Stage:
    """`programme` and `offer` are the contract's objects."""

    desk: OperatorDesk
    programme: Json
    offer: Json
    tills: tuple[Till, ...]

    @property
    def currency(self) -> str:
        return str(self.programme["currency"])

    @property
    def points_asset(self) -> str:
        return str(self.programme["pointsAsset"]["code"])

    def points_for(self, grams: int) -> int:
        return grams * int(self.programme["pointsPerKg"]) // 1000


async def set_stage(
    url: str, home: Path, http: httpx.AsyncClient, email: str, password: str, closing: AsyncExitStack
) -> Stage:
    """Signs the operator in and opens what is missing; `closing` takes what must be closed at the end."""
    desk = OperatorDesk(url, home / "desk.sqlite", http)
    closing.callback(desk.close)
    await desk.sign_in(email, password)
    programme = await desk.programme(PROGRAMME)
    offer, api_key = await _open_shop(desk, programme["pointsAsset"]["code"])
    tills = tuple(Till(url, home / f"till-{number}.sqlite", http, api_key) for number in range(1, TILLS + 1))
    for till in tills:
        closing.callback(till.close)
        await till.resume()
    return Stage(desk, programme, offer, tills)


async def _open_shop(desk: OperatorDesk, points_asset: str) -> tuple[Json, str]:
    """The offer and its partner's API key: those remembered where the offer still has stock, else new ones."""
    shop = await asyncio.to_thread(desk.storage.note, "shop")
    if shop is not None:
        for offer in await desk.offers_of(shop["id"]):
            if offer["pointsAsset"]["code"] == points_asset and (offer["remaining"] or 0) >= STOCK_FOR_A_RUN:
                return offer, shop["apiKey"]
    shop = await desk.create_partner(PARTNER)
    offer = await desk.create_offer(
        partnerId=shop["id"],
        title=OFFER_TITLE,
        description="One day on every bus of the city.",
        pointsAsset=points_asset,
        points=OFFER_POINTS,
        stock=OFFER_STOCK,
    )
    await asyncio.to_thread(desk.storage.save_note, "shop", shop)
    return offer, shop["apiKey"]
