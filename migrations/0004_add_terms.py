"""Terms of trading, phases and sessions of an instrument; what the book's feed tells of them."""

from tortoise import migrations
from tortoise.migrations import operations as ops

TERMS = [
    """ALTER TABLE instrument
        ADD terms text NOT NULL DEFAULT '{}', ADD phase_until timestamptz, ADD opens_at timestamptz,
        ADD session_start timestamptz, ADD session_end timestamptz, ADD session_trades bigint NOT NULL DEFAULT 0,
        ADD anchor_price bigint, ADD anchor_until timestamptz, ADD reserve text NOT NULL DEFAULT '{}'""",
    # A market that is there already has the session of the day.
    """UPDATE instrument SET session_start = date_trunc('day', now(), 'UTC'),
        session_end = date_trunc('day', now(), 'UTC') + interval '1 day',
        phase_until = date_trunc('day', now(), 'UTC') + interval '1 day'""",
    """CREATE TABLE proposal (
        id bigint PRIMARY KEY, symbol text NOT NULL, part text NOT NULL, price bigint NOT NULL, quantity bigint NOT NULL,
        proposed_by bigint NOT NULL, proposed_at timestamptz NOT NULL, status text NOT NULL, decided_by bigint,
        decided_at timestamptz, CHECK (decided_by <> proposed_by OR status <> 'APPROVED'))""",
    "CREATE INDEX proposal_open ON proposal (id) WHERE status = 'OPEN'",
    """CREATE INDEX command_acts ON command (sequence) WHERE kind IN (
        'SET_TERMS', 'HALT_MARKET', 'RESUME_MARKET', 'CANCEL_ORDER_OF', 'PROPOSE_RESERVE', 'DECIDE_PROPOSAL',
        'CREATE_PROGRAMME', 'CLOSE_PERIOD', 'CREATE_OFFER', 'DEPOSIT', 'ISSUE')""",
    # What a call auction would come to now; null outside of one. The phase is null where the change left it as it was.
    """ALTER TABLE book_change
        ADD phase text, ADD indicative_price bigint, ADD indicative_quantity bigint, ADD surplus bigint""",
]


class Migration(migrations.Migration):
    dependencies = [("gramme", "0003_create_footprint")]
    operations = [ops.RunSQL(TERMS)]
