"""How the simulated people trade: each buys or sells a few lots near the price that they think is fair."""

import random
from datetime import UTC, datetime, timedelta

from mobile_stub.phone import Phone
from mobile_stub.storage import Json

GRAMS_PER_TONNE = 1_000_000
FIRST_PRICE = 8_000
SPREAD = 120
HIGHEST_PRICE = 20_000
MOST_LOTS = 3

_KINDS: tuple[tuple[Json, int], ...] = (
    ({"timeInForce": "GTC"}, 66),
    ({"timeInForce": "DAY"}, 10),
    ({"timeInForce": "IOC"}, 6),
    ({"timeInForce": "FOK"}, 4),
    ({"type": "MARKET", "timeInForce": "IOC"}, 6),
    ({"timeInForce": "GTC", "postOnly": True}, 4),
    ({"timeInForce": "GTD"}, 4),
)


class Trader:
    """Decides one order at a time from what the phone's own memory says that it has."""

    def __init__(self, phone: Phone, instrument: Json, grams_asset: str, seed: int) -> None:
        self._phone = phone
        self._symbol: str = instrument["symbol"]
        self._currency: str = instrument["currency"]
        self._lot: int = instrument["lotSize"]
        self._grams_asset = grams_asset
        self._random = random.Random(seed)
        self._opinion = self._random.randint(-SPREAD, SPREAD)

    async def place_one(self, last_price: int | None) -> Json | None:
        """Its answer; None where there is nothing to trade with, and offline, where the order goes out later."""
        order = self._next_order(last_price or FIRST_PRICE)
        return None if order is None else await self._phone.place_order(**order)

    def _next_order(self, last_price: int) -> Json | None:
        self._opinion += self._random.randint(-20, 20) - self._opinion // 10
        fair = min(max(last_price + self._opinion, FIRST_PRICE // 2), HIGHEST_PRICE)
        lots = self._phone.balance(self._grams_asset).available // self._lot
        money = self._phone.balance(self._currency).available
        affordable = money * GRAMS_PER_TONNE // ((fair + 2 * SPREAD) * self._lot)
        if lots == 0 and affordable == 0:
            return None
        sells = affordable == 0 or (lots > 0 and self._random.random() < 0.5)
        quantity = self._lot * self._random.randint(1, min(MOST_LOTS, lots if sells else affordable))
        eager = self._random.random() < 0.55
        step = self._random.randint(1, SPREAD)
        price = fair - step if sells == eager else fair + step
        kind = self._random.choices([kind for kind, _ in _KINDS], [weight for _, weight in _KINDS])[0]
        side = "SELL" if sells else "BUY"
        order = {"symbol": self._symbol, "side": side, "quantity": quantity, "price": price, **kind}
        if kind["timeInForce"] == "GTD":
            order["expiresAt"] = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
        return order
