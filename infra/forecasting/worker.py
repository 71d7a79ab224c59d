"""A process of its own for the forecasts, so that the numeric libraries (about 150 MB) stay out of the API's memory.

Writes one line when it is ready; then reads one request a line, {"first_day", "values", "days"}, and answers each with
[expected, low, high] or null.
"""

import sys
from datetime import date

import orjson

from infra.forecasting.model import forecast


def main() -> None:
    _write("ready")
    for line in sys.stdin.buffer:
        request = orjson.loads(line)
        band = forecast(date.fromisoformat(request["first_day"]), request["values"], request["days"])
        _write(None if band is None else [band.expected, band.low, band.high])


def _write(answer: object) -> None:
    sys.stdout.buffer.write(orjson.dumps(answer) + b"\n")
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
