"""What a programme's operator does at a desk, over the same public contract."""

from datetime import date
from pathlib import Path
from typing import Any

import httpx

from mobile_stub.client import Client
from mobile_stub.phone import expect, new_key
from mobile_stub.storage import Json, Storage


class OperatorDesk:
    """The desk's memory lies in the file `memory`; sign in first."""

    def __init__(self, url: str, memory: Path, http: httpx.AsyncClient) -> None:
        self.storage = Storage(memory)
        self.client = Client(url, self.storage, http)

    def close(self) -> None:
        self.storage.close()

    async def sign_in(self, email: str, password: str) -> None:
        expect("Session", await self.client.start_session("SignIn", {"email": email, "password": password}))

    async def programme(self, wanted: Json) -> Json:
        """The programme with this code, created with the other values of `wanted` where there is none."""
        found = await self._find_programme(wanted["code"])
        if found is None:
            result = await self.client.read("CreateProgramme", input=wanted)
            if result["__typename"] != "CodeTaken":
                expect("Programme", result)
            found = await self._find_programme(wanted["code"])
        if found is None:
            raise LookupError(f"programme {wanted['code']} was created and is not listed")
        return found

    async def _find_programme(self, code: str) -> Json | None:
        programmes = await self.client.read("Programmes")
        return next((programme for programme in programmes if programme["code"] == code), None)

    async def create_partner(self, name: str) -> Json:
        """The partner's node `id` and its `apiKey`, which is shown this once."""
        result = expect("PartnerWithKey", await self.client.send_once("CreatePartner", name=name))
        return {"id": result["partner"]["id"], "apiKey": result["apiKey"]}

    async def create_offer(self, **offer: Any) -> Json:
        return expect("Offer", await self.client.send_once("CreateOffer", **offer))

    async def offers_of(self, partner_id: str) -> list[Json]:
        """The partner's offers, newest first."""
        found: list[Json] = []
        after: str | None = None
        while True:
            page = await self.client.read("Offers", after=after)
            found += [edge["node"] for edge in page["edges"] if edge["node"]["partner"]["id"] == partner_id]
            if not page["pageInfo"]["hasNextPage"]:
                return found
            after = page["pageInfo"]["endCursor"]

    async def close_week(self, programme_code: str, day: date) -> Json:
        """The answer: what was issued, surrendered and left over, or why the week cannot be closed."""
        result: Json = await self.client.read("ClosePeriod", programmeCode=programme_code, weekOf=day.isoformat())
        return result

    async def deposit(self, user_id: str, currency: str, amount: int) -> Json:
        key = new_key()
        result = await self.client.perform(
            "PostDeposit", key, userId=user_id, currency=currency, amount=amount, idempotencyKey=key
        )
        return dict(expect("DepositPayload", result)["balance"])
