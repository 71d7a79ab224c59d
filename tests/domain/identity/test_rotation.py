from datetime import UTC, datetime, timedelta

import pytest

from domain.identity.rotation import RefreshToken, Verdict, judge

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
LATER = NOW + timedelta(days=20)


def ago(seconds: float) -> datetime:
    return NOW - timedelta(seconds=seconds)


@pytest.mark.parametrize(
    ("token", "verdict"),
    [
        (RefreshToken(LATER, None, successor_used=False), Verdict.ROTATE),
        (RefreshToken(NOW + timedelta(microseconds=1), None, successor_used=False), Verdict.ROTATE),
        (RefreshToken(NOW, None, successor_used=False), Verdict.EXPIRED),
        (RefreshToken(LATER, ago(0), successor_used=False), Verdict.REPEAT),
        (RefreshToken(LATER, ago(30), successor_used=False), Verdict.REPEAT),
        (RefreshToken(LATER, ago(30.000001), successor_used=False), Verdict.REUSED),
        (RefreshToken(LATER, ago(1), successor_used=True), Verdict.REUSED),
        (RefreshToken(NOW - timedelta(days=1), ago(3600 * 48), successor_used=False), Verdict.REUSED),
        (RefreshToken(LATER, ago(86_400), successor_used=True), Verdict.REUSED),
    ],
)
def test_a_refresh_token_is_good_once_and_for_a_lost_reply(token: RefreshToken, verdict: Verdict) -> None:
    assert judge(token, NOW) is verdict
