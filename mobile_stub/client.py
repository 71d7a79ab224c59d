"""GraphQL over HTTP as a phone does it: each request has a timeout and goes out with the same key until answered.

What moves anything is first saved (`perform`), then sent in the order in which it was saved, one at a time. Made
offline, or cut off on its way, it waits in the phone's memory and goes out with the next `flush`.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import httpx

from mobile_stub.documents import document
from mobile_stub.errors import GaveUp, NoAnswer, Refused, SignedOut, Unauthenticated
from mobile_stub.retry import Patience, until_answered
from mobile_stub.storage import Json, Request, Storage

T = TypeVar("T")

TIMEOUT = httpx.Timeout(15.0, connect=5.0)
UPLOAD_TIMEOUT = httpx.Timeout(60.0, connect=5.0)
REFRESH_AHEAD = timedelta(seconds=30)

_SEND_AGAIN_CODES = frozenset({"RATE_LIMITED", "UNAVAILABLE"})
_SEND_AGAIN_TYPES = frozenset({"Overloaded", "TooManyRequests"})
_SEND_AGAIN_STATUSES = frozenset({408, 425, 429, 500, 502, 503, 504})


def graphql_request(name: str, variables: Json) -> Json:
    return {"query": document(name), "operationName": name, "variables": variables}


def result_of(body: Json) -> Any:
    """The one root field of a GraphQL result. Raises Refused, Unauthenticated, or NoAnswer: send it again."""
    for error in body.get("errors") or ():
        extensions = error.get("extensions") or {}
        code, message = extensions.get("code", "GRAPHQL_ERROR"), str(error.get("message"))
        if code in _SEND_AGAIN_CODES:
            raise NoAnswer(f"{code}: {message}", float(extensions.get("retryAfterSeconds") or 0))
        raise Unauthenticated(code, message) if code == "UNAUTHENTICATED" else Refused(code, message)
    data = body.get("data")
    if not isinstance(data, dict) or len(data) != 1:
        raise Refused("NOT_GRAPHQL", "the answer is no GraphQL result of one field")
    value = next(iter(data.values()))
    if isinstance(value, dict) and value.get("__typename") in _SEND_AGAIN_TYPES:
        raise NoAnswer(f"{value['code']}: {value['message']}", float(value["retryAfterSeconds"]))
    return value


def body_of(response: httpx.Response) -> Json:
    """The GraphQL result in an HTTP response; NoAnswer or Refused where there is none."""
    try:
        body = response.json()
    except ValueError:
        body = None
    if isinstance(body, dict) and ("data" in body or body.get("errors")):
        return body
    if response.status_code in _SEND_AGAIN_STATUSES:
        raise NoAnswer(f"HTTP {response.status_code}", _retry_after(response))
    if response.status_code == 401:
        raise Unauthenticated("UNAUTHENTICATED", response.text[:200])
    raise Refused(f"HTTP_{response.status_code}", response.text[:200])


def _retry_after(response: httpx.Response) -> float:
    text = response.headers.get("retry-after", "")
    return float(text) if text.isascii() and text.isdecimal() else 0.0


class Client:
    """One caller: a person's phone, whose session lies in `storage`, or a till with an `api_key`.

    `http` may be shared by many callers. `offline` means that nothing is sent.
    """

    def __init__(
        self,
        url: str,
        storage: Storage,
        http: httpx.AsyncClient,
        *,
        api_key: str | None = None,
        patience: Patience | None = None,
    ) -> None:
        self.url = url.rstrip("/")
        self.storage = storage
        self.http = http
        self.offline = False
        self._api_key = api_key
        self._patience = patience or Patience()
        self._one_sender = asyncio.Lock()
        self._one_refresh = asyncio.Lock()

    # ---------------------------------------------------------------- reading and sending

    async def read(self, name: str, /, **variables: Any) -> Any:
        """The root field of a query, or of a mutation that may be repeated without harm."""
        return await until_answered(self._patience, lambda: self._send_signed_in(name, variables))

    async def send_once(self, name: str, /, **variables: Any) -> Any:
        """For a mutation without a key: never repeated. Raises GaveUp where it is not known what happened."""
        try:
            return await self._send_signed_in(name, variables)
        except NoAnswer as reason:
            raise GaveUp(str(reason)) from reason

    async def perform(self, name: str, key: str, /, **variables: Any) -> Any:
        """Saves the request under `key`, sends it with all that was saved before it, and gives its answer.

        None while offline: it is saved and goes out later. Raises Refused, GaveUp (it stays saved) and SignedOut.
        """
        await asyncio.to_thread(self.storage.save_request, Request(key, name, variables))
        if self.offline:
            return None
        await self.flush()
        return await self.answer(key)

    async def answer(self, key: str) -> Any:
        """The kept answer to a request; None where there is none yet. Raises Refused where that was the answer."""
        answer = await asyncio.to_thread(self.storage.answer, key)
        if answer is None:
            return None
        if "refused" in answer:
            raise Refused(*answer["refused"])
        return answer["value"]

    async def flush(self) -> None:
        """Sends everything unanswered, oldest first; each answer is kept before the next request goes out."""
        async with self._one_sender:
            while not self.offline and (request := await asyncio.to_thread(self.storage.next_request)) is not None:
                answer = await self._definite_answer(request)
                await asyncio.to_thread(self.storage.save_answer, request.key, answer)

    async def _definite_answer(self, request: Request) -> Json:
        try:
            return {"value": await self.read(request.operation, **request.variables)}
        except Refused as refusal:
            return {"refused": [refusal.code, refusal.message]}

    async def _send_signed_in(self, name: str, variables: Json) -> Any:
        return await self._with_token(lambda token: self._send(name, variables, token))

    async def _with_token(self, send: Callable[[str | None], Awaitable[T]]) -> T:
        """Sends with the token, and once more with a fresh one where that is refused. SignedOut where both are."""
        token = await self.bearer()
        try:
            try:
                return await send(token)
            except Unauthenticated:
                if token is None or self._api_key is not None:
                    raise
            return await send(await self.bearer(not_this=token))
        except Unauthenticated as refusal:
            raise SignedOut(refusal.message) from refusal

    async def _send(self, name: str, variables: Json, token: str | None) -> Any:
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        try:
            response = await self.http.post(
                f"{self.url}/graphql", json=graphql_request(name, variables), headers=headers, timeout=TIMEOUT
            )
        except httpx.TransportError as error:
            raise NoAnswer(f"{type(error).__name__}: {error}") from error
        return result_of(body_of(response))

    # ---------------------------------------------------------------- session

    async def start_session(self, name: str, given: Json) -> Any:
        """Signs up or in. On success the tokens are kept. The answer is the contract's union, Session or an error."""
        result = await until_answered(self._patience, lambda: self._send(name, {"input": given}, None))
        if result["__typename"] == "Session":
            await asyncio.to_thread(self.storage.save_note, "session", result)
        return result

    async def bearer(self, *, not_this: str | None = None) -> str | None:
        """The API key or a fresh access token; None without a session. `not_this`: a token that was just refused."""
        if self._api_key is not None:
            return self._api_key
        session = await asyncio.to_thread(self.storage.note, "session")
        if session is None:
            return None
        if session["accessToken"] != not_this and not _ends_soon(session):
            return str(session["accessToken"])
        return await self._refresh(session)

    async def _refresh(self, stale: Json) -> str:
        """A new pair of tokens; callers that come meanwhile wait and get the same. Raises SignedOut where refused."""
        async with self._one_refresh:
            session = await asyncio.to_thread(self.storage.note, "session")
            if session is not None and session["accessToken"] != stale["accessToken"]:
                return str(session["accessToken"])
            result = await self._send("RefreshSession", {"refreshToken": stale["refreshToken"]}, None)
            if result["__typename"] != "Session":
                await asyncio.to_thread(self.storage.save_note, "session", None)
                raise SignedOut(result["message"])
            await asyncio.to_thread(self.storage.save_note, "session", result)
            return str(result["accessToken"])

    # ---------------------------------------------------------------- files

    async def upload(self, path: Path) -> str:
        """Streams a file to POST /v1/imports and gives the import's id. Sent again, it would only find duplicates."""
        return await until_answered(
            self._patience, lambda: self._with_token(lambda token: self._upload_once(path, token))
        )

    async def _upload_once(self, path: Path, token: str | None) -> str:
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/octet-stream"}
        try:
            response = await self.http.post(
                f"{self.url}/v1/imports",
                params={"filename": path.name},
                content=_chunks(path),
                headers=headers,
                timeout=UPLOAD_TIMEOUT,
            )
        except httpx.TransportError as error:
            raise NoAnswer(f"{type(error).__name__}: {error}") from error
        if response.status_code != 202:
            raise _upload_failure(response)
        return str(response.json()["id"])


def _upload_failure(response: httpx.Response) -> NoAnswer | Refused:
    if response.status_code in _SEND_AGAIN_STATUSES:
        return NoAnswer(f"HTTP {response.status_code}", _retry_after(response))
    kind = Unauthenticated if response.status_code == 401 else Refused
    return kind(f"HTTP_{response.status_code}", response.text[:200])


async def _chunks(path: Path) -> AsyncIterator[bytes]:
    with await asyncio.to_thread(path.open, "rb") as file:
        while chunk := await asyncio.to_thread(file.read, 65_536):
            yield chunk


def _ends_soon(session: Json) -> bool:
    return datetime.fromisoformat(session["expiresAt"]) - datetime.now(UTC) < REFRESH_AHEAD
