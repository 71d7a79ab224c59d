"""A replica of the best levels of one order book, kept by snapshot and deltas, and proved by the server's checksum."""

import zlib

from mobile_stub.errors import OutOfStep
from mobile_stub.storage import Json

CHECKSUM_LEVELS = 10


class OrderBookReplica:
    """`bids` and `asks` map price to grams. `sequence` is None before the first snapshot."""

    def __init__(self) -> None:
        self.bids: dict[int, int] = {}
        self.asks: dict[int, int] = {}
        self.sequence: int | None = None

    @property
    def best_bid(self) -> int | None:
        return max(self.bids, default=None)

    @property
    def best_ask(self) -> int | None:
        return min(self.asks, default=None)

    def apply(self, update: Json) -> None:
        """Takes an OrderBookUpdate. Raises OutOfStep where one before it is missing or the checksum differs."""
        if update["snapshot"]:
            self.bids.clear()
            self.asks.clear()
        elif self.sequence is None or update["previousSequence"] != self.sequence:
            raise OutOfStep(f"an update follows {update['previousSequence']}, the replica is at {self.sequence}")
        for levels, side in ((update["bids"], self.bids), (update["asks"], self.asks)):
            for level in levels:
                if level["quantity"] == 0:
                    side.pop(level["price"], None)
                else:
                    side[level["price"]] = level["quantity"]
        self.sequence = update["sequence"]
        if self.checksum() != update["checksum"]:
            raise OutOfStep(f"checksum at {self.sequence}: {self.checksum()} here, {update['checksum']} there")

    def checksum(self) -> str:
        """CRC-32 of `price:quantity;` of the ten lowest asks, then of the ten highest bids."""
        best = sorted(self.asks.items())[:CHECKSUM_LEVELS] + sorted(self.bids.items(), reverse=True)[:CHECKSUM_LEVELS]
        text = "".join(f"{price}:{quantity};" for price, quantity in best)
        return f"{zlib.crc32(text.encode('ascii')):08x}"
