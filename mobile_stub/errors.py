"""How a request can end other than by an answer."""


class PhoneError(Exception):
    """Base of what this package raises."""


class Refused(PhoneError):
    """A definite no, as a GraphQL or HTTP error: the same request again would be refused again."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message


class Unauthenticated(Refused):
    """The bearer token is missing, wrong or expired."""


class NoAnswer(PhoneError):
    """Nothing is known or nothing was decided: send the same request again, not before `retry_after_seconds`."""

    def __init__(self, reason: str, retry_after_seconds: float = 0.0) -> None:
        super().__init__(reason)
        self.retry_after_seconds = retry_after_seconds


class GaveUp(PhoneError):
    """No definite answer within the phone's patience. A saved request stays saved and goes out again later."""


class SignedOut(PhoneError):
    """The session is over and cannot be refreshed: the person has to sign in again."""


class OutOfStep(PhoneError):
    """The replica of an order book no longer equals the server's: take a new snapshot."""
