"""Waits until nobody uses a home any more, then stops its servers: none outlives a process that was killed."""

import fcntl
import sys
import time
from pathlib import Path

from infra.embedded.home import Home
from infra.embedded.postgres import EmbeddedPostgres
from infra.embedded.servers import stop_all
from infra.embedded.valkey import EmbeddedValkey

LOOK_SECONDS = 0.5


def main() -> None:
    home = Home(Path(sys.argv[1]))
    if not home.path.exists():
        return
    alone = home.keeper()
    if alone.take(fcntl.LOCK_EX):
        in_use = home.in_use()
        postgres, valkey = EmbeddedPostgres(home), EmbeddedValkey(home)
        while not in_use.take(fcntl.LOCK_EX):
            postgres.pids()  # So that they are found even when the home was deleted meanwhile.
            valkey.pids()
            time.sleep(LOOK_SECONDS)
        stop_all(postgres, valkey)
        alone.close()  # Before the other lock: who starts the servers next must find no keeper.
        in_use.close()


if __name__ == "__main__":
    main()
