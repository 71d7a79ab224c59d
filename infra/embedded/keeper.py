"""Waits until nobody uses a home any more, then stops its servers: none outlives a process that was killed."""

import fcntl
import sys
from pathlib import Path

from infra.embedded.home import Home
from infra.embedded.servers import stop_all


def main() -> None:
    home = Home(Path(sys.argv[1]))
    if not home.path.exists():
        return
    alone = home.keeper()
    if alone.take(fcntl.LOCK_EX):
        in_use = home.in_use()
        in_use.wait(fcntl.LOCK_EX)
        stop_all(home, None, None)
        alone.close()  # Before the other lock: who starts the servers next must find no keeper.
        in_use.close()


if __name__ == "__main__":
    main()
