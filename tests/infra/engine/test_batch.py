"""A batch as rows."""

from concurrent.futures import Future
from typing import Any, cast

import pytest

from domain.engine import Engine
from infra.engine.batch import STATEMENT_SECONDS, Batch
from infra.engine.journal import GENESIS, stored_form
from infra.engine.queue import Pending
from tests import factories as make


@pytest.mark.parametrize(("members", "seconds"), [(1, 0), (333, 0), (334, 1), (3_333, 9), (10_000, 30)])
def test_a_batch_may_take_longer_the_larger_it_is(members: int, seconds: int) -> None:
    """A week is closed for all members by one command: three postings for each."""
    engine = Engine()
    engine.apply(make.create_programme(weekly_allowance=100), make.NOON)
    batch = Batch(engine.state, 1, 1, make.NOON)
    command = make.close_period({owner: 50 for owner in range(1_000, 1_000 + members)})

    batch.add(Pending(command, *stored_form(command), cast(Any, Future())), engine.apply(command, make.NOON))

    assert batch.seal(GENESIS).seconds == STATEMENT_SECONDS + seconds
