"""POST /v1/imports: a file streams in, the id of an import comes back.

Refusals are JSON `{"code", "message"}`. What the file holds is looked at later, by the import runner: anything that
arrives whole is accepted, and why it could not be read stands in the Import.
"""

import asyncio
import errno
import os
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response

from api.authentication import sender
from api.refusals import REFUSALS, answer_to, refused
from domain.errors import Unavailable
from domain.text import shown
from infra.postgres.connection import is_unavailable
from schema.node import to_base64

FILE_BYTES_MAX = 64 * 2**20
FILENAME_LENGTH_MAX = 200
UPLOAD_SECONDS_MAX = 600
DRAIN_BYTES_MAX = 64 * 2**20
DRAIN_SECONDS_MAX = 10
_FORM_TYPE = "multipart/"
_WRITE_BYTES = 2**18


class FileRefused(Exception):
    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message


async def post_import(request: Request) -> Response:
    """202 and `{"id"}`, the Node id of the Import; else 401, 403, 408, 413, 415, 503 or 507."""
    try:
        return await _accepted(request)
    except FileRefused as refusal:
        await _drain(request)
        return refused(refusal.status, refusal.code, refusal.message)
    except REFUSALS as refusal:
        return answer_to(refusal)


async def _accepted(request: Request) -> Response:
    resources = request.app.state.resources
    now = datetime.now(UTC)
    try:
        user = await sender(resources.stores, request.headers.get("authorization"), now)
        _check_headers(request)
        async with resources.imports.receiving(user.owner):
            upload: Path = resources.imports.upload_path(now)
            try:
                await _save(request, upload)
                job = await resources.imports.accept(
                    upload,
                    owner=user.owner,
                    filename=shown(request.query_params.get("filename", ""), FILENAME_LENGTH_MAX),
                    region=user.region,
                    time_zone=user.time_zone,
                    now=now,
                )
            finally:
                await asyncio.to_thread(upload.unlink, missing_ok=True)
    except Exception as error:
        if is_unavailable(error):
            raise Unavailable from error
        raise
    return JSONResponse({"id": to_base64(f"Import:{job.id}")}, status_code=202)


def _check_headers(request: Request) -> None:
    if request.headers.get("content-type", "").strip().lower().startswith(_FORM_TYPE):
        raise FileRefused(
            415, "UNSUPPORTED_MEDIA_TYPE", "Send the file itself as the body, not a form (curl --data-binary @file)."
        )
    length = request.headers.get("content-length", "")
    if length.isascii() and length.isdecimal() and (len(length) > 12 or int(length) > FILE_BYTES_MAX):
        raise _too_large()


async def _save(request: Request, upload: Path) -> None:
    """Writes the body to disk as it comes in, and counts it."""
    written = 0
    try:
        file = await asyncio.to_thread(upload.open, "wb")
        try:
            async with asyncio.timeout(UPLOAD_SECONDS_MAX):
                pending = bytearray()
                async for chunk in request.stream():
                    written += len(chunk)
                    if written > FILE_BYTES_MAX:
                        raise _too_large()
                    pending += chunk
                    if len(pending) >= _WRITE_BYTES:
                        await asyncio.to_thread(file.write, bytes(pending))
                        pending.clear()
                await asyncio.to_thread(file.write, bytes(pending))
                await asyncio.to_thread(_flush, file)
        finally:
            await asyncio.to_thread(file.close)
    except TimeoutError:
        raise FileRefused(408, "TOO_SLOW", "The file did not arrive in time. Send it again.") from None
    except ClientDisconnect:
        raise FileRefused(400, "CUT_SHORT", "The file did not arrive whole.") from None
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise FileRefused(507, "DISK_FULL", "There is no room for this file. Send it again later.") from error
        raise


async def _drain(request: Request) -> None:
    """Takes in some of a body that nobody wants: most clients read the answer only when theirs is sent."""
    taken = 0
    with suppress(TimeoutError, ClientDisconnect, RuntimeError):
        async with asyncio.timeout(DRAIN_SECONDS_MAX):
            async for chunk in request.stream():
                taken += len(chunk)
                if taken > DRAIN_BYTES_MAX:
                    return


def _flush(file: BinaryIO) -> None:
    """On disk before the job is: a job without its whole file could never be done."""
    file.flush()
    os.fsync(file.fileno())


def _too_large() -> FileRefused:
    return FileRefused(413, "TOO_LARGE", f"A file may have at most {FILE_BYTES_MAX // 2**20} MiB. Send it in parts.")
