"""How the routes that are not GraphQL refuse: a status and JSON `{"code", "message"}`."""

from starlette.responses import JSONResponse, Response

from domain.errors import DomainError, Forbidden, Overloaded, TooManyRequests, Unauthenticated, Unavailable

_STATUSES: dict[type[DomainError], int] = {
    Unauthenticated: 401,
    Forbidden: 403,
    TooManyRequests: 429,
    Overloaded: 503,
    Unavailable: 503,
}
REFUSALS = tuple(_STATUSES)


def refused(status: int, code: str, message: str, headers: dict[str, str] | None = None) -> Response:
    return JSONResponse({"code": code, "message": message}, status_code=status, headers=headers)


def answer_to(refusal: DomainError) -> Response:
    """Of one of REFUSALS."""
    status = _STATUSES[type(refusal)]
    headers = {}
    if status == 401:
        headers = {"WWW-Authenticate": "Bearer"}
    elif status in (429, 503):
        headers = {"Retry-After": str(getattr(refusal, "retry_after_seconds", 1))}
    return refused(status, refusal.code, refusal.message, headers)
