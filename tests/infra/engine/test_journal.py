"""Commands as they are stored."""

from uuid import UUID

from infra.engine.journal import command_of, stored_form
from infra.postgres.connection import Connection
from tests import factories as make

PARTNER = UUID("0196f1a0-0000-7000-8000-000000000001")


async def test_an_id_that_was_read_from_postgres_is_stored_as_any_other(app: Connection) -> None:
    read = await app.fetchval("SELECT $1::uuid", PARTNER)
    assert type(read) is not UUID
    of_driver, plain = (make.create_offer(5, partner_id=partner) for partner in (read, PARTNER))

    assert stored_form(of_driver) == stored_form(plain)
    assert command_of("CREATE_OFFER", plain.caller, plain.key, stored_form(of_driver)[0]) == plain
