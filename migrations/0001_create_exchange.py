"""Tables that the writer alone writes: commands, ledger, market, rewards, programmes, news."""

from tortoise import migrations
from tortoise.migrations import operations as ops

LEDGER = [
    "CREATE SEQUENCE owner_number AS bigint START 1000",
    """CREATE TABLE lease (
        id int PRIMARY KEY CHECK (id = 1), epoch bigint NOT NULL, address text NOT NULL, heartbeat timestamptz NOT NULL)""",
    "INSERT INTO lease VALUES (1, 0, '', now())",
    """CREATE TABLE batch (
        sequence bigint PRIMARY KEY, epoch bigint NOT NULL, first_command bigint NOT NULL, last_command bigint NOT NULL,
        owners bigint[] NOT NULL, instruments int[] NOT NULL, book_digest bytea NOT NULL, chain bytea NOT NULL,
        at timestamptz NOT NULL, CHECK (last_command >= first_command))""",
    """CREATE TABLE command (
        sequence bigint PRIMARY KEY, caller bigint NOT NULL, key uuid, kind text NOT NULL, payload text NOT NULL,
        payload_hash bytea NOT NULL, answer_kind text NOT NULL, answer text NOT NULL, at timestamptz NOT NULL,
        UNIQUE (caller, key))""",
    """CREATE TABLE asset (
        id int PRIMARY KEY, code text NOT NULL UNIQUE, kind text NOT NULL, unit text NOT NULL)""",
    """CREATE TABLE journal (
        id bigint PRIMARY KEY, command bigint NOT NULL, kind text NOT NULL, reference text NOT NULL,
        at timestamptz NOT NULL)""",
    """CREATE TABLE posting (
        owner bigint NOT NULL, entry bigint NOT NULL, line smallint NOT NULL, asset int NOT NULL, held boolean NOT NULL,
        amount bigint NOT NULL CHECK (amount <> 0), PRIMARY KEY (owner, entry, line))""",
    # Issuance (1) and float (6) are the two sides towards the world; only they go below zero.
    """CREATE TABLE balance (
        owner bigint NOT NULL, asset int NOT NULL, available bigint NOT NULL, held bigint NOT NULL CHECK (held >= 0),
        PRIMARY KEY (owner, asset), CHECK (available >= 0 OR owner IN (1, 6))) WITH (fillfactor = 70)""",
    """CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN RAISE EXCEPTION '% is append-only: undo a mistake by a reversing entry', TG_TABLE_NAME; END $$""",
    """CREATE TRIGGER journal_is_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON journal
        FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()""",
    """CREATE TRIGGER posting_is_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON posting
        FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()""",
]

MARKET = [
    """CREATE TABLE instrument (
        id int PRIMARY KEY, symbol text NOT NULL UNIQUE, asset int NOT NULL REFERENCES asset, money int NOT NULL REFERENCES asset,
        tick_size bigint NOT NULL CHECK (tick_size > 0), lot_size bigint NOT NULL CHECK (lot_size > 0),
        maker_fee_basis_points int NOT NULL, taker_fee_basis_points int NOT NULL, phase text NOT NULL,
        reference_price bigint, price_floor bigint, price_ceiling bigint)""",
    """CREATE TABLE orders (
        id bigint PRIMARY KEY, owner bigint NOT NULL, client_order_id uuid NOT NULL, instrument int NOT NULL,
        side text NOT NULL, type text NOT NULL, time_in_force text NOT NULL, price bigint NOT NULL CHECK (price > 0),
        quantity bigint NOT NULL CHECK (quantity > 0), post_only boolean NOT NULL, placed_at timestamptz NOT NULL,
        expires_at timestamptz, remaining bigint NOT NULL, notional numeric(40, 0) NOT NULL, status text NOT NULL,
        reason text, trades_until bigint NOT NULL, CHECK (remaining BETWEEN 0 AND quantity)) WITH (fillfactor = 80)""",
    "CREATE UNIQUE INDEX orders_key ON orders (owner, client_order_id)",
    "CREATE INDEX orders_newest ON orders (owner, id)",
    "CREATE INDEX orders_open ON orders (instrument, id) WHERE status IN ('OPEN', 'PARTIALLY_FILLED')",
    "CREATE INDEX orders_open_of_owner ON orders (owner, id) WHERE status IN ('OPEN', 'PARTIALLY_FILLED')",
    """CREATE TABLE trade (
        instrument int NOT NULL, sequence bigint NOT NULL, price bigint NOT NULL, quantity bigint NOT NULL,
        value bigint NOT NULL, buy_order bigint NOT NULL, sell_order bigint NOT NULL, buyer_fee bigint NOT NULL,
        seller_fee bigint NOT NULL, aggressor text, command bigint NOT NULL, at timestamptz NOT NULL,
        PRIMARY KEY (instrument, sequence))""",
    "CREATE INDEX trade_buy_order ON trade (buy_order)",
    "CREATE INDEX trade_sell_order ON trade (sell_order)",
    """CREATE TABLE candle (
        instrument int NOT NULL, opened_at timestamptz NOT NULL, open bigint NOT NULL, high bigint NOT NULL,
        low bigint NOT NULL, close bigint NOT NULL, volume bigint NOT NULL, trades int NOT NULL,
        PRIMARY KEY (instrument, opened_at))""",
    """CREATE TABLE book_change (
        instrument int NOT NULL, sequence bigint NOT NULL, previous_sequence bigint NOT NULL, levels text NOT NULL,
        batch bigint NOT NULL, PRIMARY KEY (instrument, sequence))""",
]

PROGRAMMES = [
    """CREATE TABLE programme (
        id int PRIMARY KEY, code text NOT NULL UNIQUE, name text NOT NULL, region text NOT NULL, currency text NOT NULL,
        weekly_allowance bigint NOT NULL CHECK (weekly_allowance > 0), points_per_kg int NOT NULL CHECK (points_per_kg >= 0),
        time_zone text NOT NULL, points_asset int NOT NULL REFERENCES asset, allowance_asset int NOT NULL REFERENCES asset,
        maker_fee_basis_points int NOT NULL, taker_fee_basis_points int NOT NULL)""",
    """CREATE TABLE membership (
        owner bigint PRIMARY KEY, programme int NOT NULL REFERENCES programme, joined_at timestamptz NOT NULL)""",
    "CREATE INDEX membership_programme ON membership (programme, owner)",
    """CREATE TABLE period (
        programme int NOT NULL REFERENCES programme, week_start date NOT NULL, members int NOT NULL, issued bigint NOT NULL,
        surrendered bigint NOT NULL, left_over bigint NOT NULL, command bigint NOT NULL, PRIMARY KEY (programme, week_start))""",
    """CREATE TABLE period_statement (
        owner bigint NOT NULL, programme int NOT NULL, week_start date NOT NULL, issued bigint NOT NULL, footprint bigint NOT NULL,
        surrendered bigint NOT NULL, left_over bigint NOT NULL, PRIMARY KEY (owner, programme, week_start),
        CHECK (issued = surrendered + left_over AND surrendered >= 0 AND left_over >= 0))""",
]

REWARDS = [
    """CREATE TABLE offer (
        id bigint PRIMARY KEY, partner_id uuid NOT NULL, partner_owner bigint NOT NULL, partner_name text NOT NULL,
        title text NOT NULL, description text NOT NULL, points_asset int NOT NULL REFERENCES asset,
        points bigint NOT NULL CHECK (points > 0), remaining bigint CHECK (remaining >= 0), valid_until timestamptz)""",
    """CREATE TABLE redemption (
        id bigint PRIMARY KEY, owner bigint NOT NULL, offer bigint NOT NULL REFERENCES offer, points bigint NOT NULL CHECK (points > 0),
        code text NOT NULL UNIQUE, status text NOT NULL, created_at timestamptz NOT NULL, expires_at timestamptz NOT NULL,
        till_reference text)""",
    "CREATE INDEX redemption_newest ON redemption (owner, id)",
    "CREATE INDEX redemption_open ON redemption (id) WHERE status = 'RESERVED'",
]

NEWS = [
    """CREATE TABLE account_event (
        owner bigint NOT NULL, last_sequence bigint NOT NULL, first_sequence bigint NOT NULL, command bigint NOT NULL,
        payload text NOT NULL, at timestamptz NOT NULL, PRIMARY KEY (owner, last_sequence))""",
]


class Migration(migrations.Migration):
    initial = True
    operations = [ops.RunSQL(LEDGER + MARKET + PROGRAMMES + REWARDS + NEWS)]
