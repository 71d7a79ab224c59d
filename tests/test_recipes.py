"""docs/api.md works when pasted: its blocks run as one script beside a real server, and end as they say."""

import asyncio
import os
import re
import shutil
import sys
from pathlib import Path

import pytest

from tests.conftest import PASSWORD, TestDatabase
from tests.crash.server_process import ServerProcess, free_port

ROOT = Path(__file__).parents[1]
BLOCKS = re.compile(r"```bash\n(.*?)```", re.DOTALL)
OPERATOR = "operator@example.com"


@pytest.mark.skipif(shutil.which("curl") is None, reason="needs curl")
async def test_every_recipe_works_when_pasted(database: TestDatabase, tmp_path: Path) -> None:
    environment = {
        "GRAMME_DATABASE_URL": database.app_url,
        "GRAMME_MIGRATION_DATABASE_URL": database.owner_url,
        "GRAMME_REDIS_URL": database.redis_url,
        "GRAMME_HOME": str(tmp_path / "home"),
        "GRAMME_PORT": str(free_port()),
        "GRAMME_OPERATOR_EMAIL": OPERATOR,
        "GRAMME_OPERATOR_PASSWORD": PASSWORD,
    }
    script = "set -euo pipefail\n" + "\n".join(BLOCKS.findall((ROOT / "docs" / "api.md").read_text()))
    with ServerProcess(environment, tmp_path / "server.log") as server:
        await server.start()
        bash = await asyncio.create_subprocess_exec(
            "bash", "-c", script,
            cwd=ROOT, stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
            env={**os.environ, "URL": server.url, "OPERATOR_EMAIL": OPERATOR, "OPERATOR_PASSWORD": PASSWORD,
                 "PYTHON": sys.executable},
        )  # fmt: skip
        output, _ = await asyncio.wait_for(bash.communicate(), 90)
    told = output.decode()
    assert bash.returncode == 0, told
    assert '"message":' not in told, told
    assert '"recordsImported":444' in told
    assert '"leftOver":96497' in told
    assert '"refusals":[]' in told
    assert '"replaceOrder":{"quantity":2000' in told
    assert '"cancelAllOrders":{"count":2' in told
    assert told.count('"cancelsAt":null') == 1
    assert told.count('"captureRedemption":{"status":"CAPTURED","points":20}') == 2
    assert "'reason': 'ORDER_HOLD'" in told
    assert '"snapshot":true' in told
