"""One file in a worker process, as the server starts it."""

import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import orjson

from infra.capture.runner import READING_MAX_SECONDS
from tests.infra.capture.files import NOW


@dataclass(frozen=True)
class Answer:
    """What the worker said: why it failed or what its verdict tells, how many rows it gave, how long it took."""

    codes: set[str]
    accepted: int
    rows: int
    seconds: float


def work_on(folder: Path, content: bytes) -> Answer:
    """Fails where the worker ends without an answer."""
    file = folder / "upload"
    file.write_bytes(content)
    started = time.monotonic()
    with subprocess.Popen(
        [sys.executable, "-m", "infra.capture.worker", file, folder / "expanded", "UTC", "GB", NOW.isoformat()],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={"PYTHONPATH": os.pathsep.join(path or "." for path in sys.path)},
    ) as process:
        assert process.stdout is not None
        messages = [orjson.loads(line) for line in process.stdout]
        process.wait(READING_MAX_SECONDS)
    seconds = time.monotonic() - started
    for message in messages:
        if "failed" in message:
            return Answer({message["failed"][0]}, 0, 0, seconds)
    assert messages[-1] == {"end": True}
    [verdict] = [message["verdict"] for message in messages if "verdict" in message]
    codes = {item["code"] for item in verdict["rejections"]} | (set() if verdict["accepted"] else {"NO_READINGS"})
    return Answer(codes, verdict["accepted"], sum(len(message.get("rows", ())) for message in messages), seconds)
