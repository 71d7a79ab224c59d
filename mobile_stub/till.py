"""A partner's till: it captures the code that a phone shows, once, however often it has to ask."""

import uuid
from pathlib import Path

import httpx

from mobile_stub.client import Client
from mobile_stub.storage import Json, Storage


class Till:
    """Every capture has a reference that is saved before it is sent: the same reference is the same capture."""

    def __init__(self, url: str, memory: Path, http: httpx.AsyncClient, api_key: str) -> None:
        self.storage = Storage(memory)
        self._client = Client(url, self.storage, http, api_key=api_key)

    def close(self) -> None:
        self.storage.close()

    async def capture(self, code: str) -> Json:
        """The answer: a Redemption, or why it cannot be captured. Raises GaveUp: `resume` asks again later."""
        reference = f"till-{uuid.uuid4()}"
        answer: Json = await self._client.perform("CaptureRedemption", reference, code=code, tillReference=reference)
        return answer

    async def resume(self) -> None:
        """Asks again, with the same references, for what was left unanswered when the till was switched off."""
        await self._client.flush()
