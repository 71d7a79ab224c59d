"""Factors, activities with their day totals, meter readings and imports.

Written in SQL: keys of several columns, hash partitions and numbers without a fixed scale are beyond the ORM.
"""

from tortoise import migrations
from tortoise.migrations import operations as ops

PARTITIONS = 8

FACTORS = [
    # A row of the tables that changes is withdrawn and its next version added; activities keep their own copy.
    """CREATE TABLE emission_factor (
        id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, factor_id text NOT NULL, label text NOT NULL,
        category text NOT NULL, unit text NOT NULL, kg_per_unit numeric NOT NULL, region text NOT NULL,
        valid_from date NOT NULL, valid_to date, source text NOT NULL, edition text NOT NULL, reference text NOT NULL,
        scope text NOT NULL, notes text NOT NULL, version int NOT NULL, loaded_at timestamptz NOT NULL,
        withdrawn_at timestamptz, CHECK (valid_to >= valid_from), UNIQUE (factor_id, region, valid_from, version))""",
    """CREATE UNIQUE INDEX emission_factor_current ON emission_factor (factor_id, region, valid_from)
        WHERE withdrawn_at IS NULL""",
]

ACTIVITIES = [
    """CREATE TABLE activity (
        owner bigint NOT NULL, id uuid NOT NULL, client_id uuid NOT NULL, activity text NOT NULL,
        category text NOT NULL, quantity numeric NOT NULL, unit text NOT NULL, started_at timestamptz NOT NULL,
        ended_at timestamptz, local_date date NOT NULL, source text NOT NULL, status text NOT NULL,
        emissions bigint NOT NULL,
        explanation text NOT NULL, payload_hash bytea NOT NULL, PRIMARY KEY (owner, id), UNIQUE (owner, client_id))
        PARTITION BY HASH (owner)""",
    *(
        f"CREATE TABLE activity_{number} PARTITION OF activity "
        f"FOR VALUES WITH (MODULUS {PARTITIONS}, REMAINDER {number})"
        for number in range(PARTITIONS)
    ),
    "CREATE INDEX activity_newest ON activity (owner, started_at, id)",
    """CREATE TABLE footprint_day (
        owner bigint NOT NULL, local_date date NOT NULL, category text NOT NULL, grams bigint NOT NULL,
        activities int NOT NULL CHECK (activities >= 0), PRIMARY KEY (owner, local_date, category))""",
]

METERS = [
    # A reading that is not counted gave way to others of the same time and register.
    """CREATE TABLE meter_reading (
        owner bigint NOT NULL, meter text NOT NULL, register text NOT NULL, starts_at timestamptz NOT NULL,
        ends_at timestamptz NOT NULL, commodity text NOT NULL, direction text NOT NULL, unit text NOT NULL,
        value numeric NOT NULL, implausible boolean NOT NULL, counted boolean NOT NULL, local_date date NOT NULL,
        import_id uuid NOT NULL, PRIMARY KEY (owner, meter, register, starts_at, ends_at), CHECK (ends_at > starts_at))
        PARTITION BY HASH (owner)""",
    *(
        f"CREATE TABLE meter_reading_{number} PARTITION OF meter_reading "
        f"FOR VALUES WITH (MODULUS {PARTITIONS}, REMAINDER {number})"
        for number in range(PARTITIONS)
    ),
    # What a later file replaced.
    """CREATE TABLE replaced_reading (
        owner bigint NOT NULL, meter text NOT NULL, register text NOT NULL, starts_at timestamptz NOT NULL,
        ends_at timestamptz NOT NULL, value numeric NOT NULL, unit text NOT NULL, import_id uuid NOT NULL,
        replaced_by uuid NOT NULL)""",
    """CREATE TABLE meter_day (
        owner bigint NOT NULL, meter text NOT NULL, register text NOT NULL, local_date date NOT NULL,
        activity_id uuid NOT NULL, PRIMARY KEY (owner, meter, register, local_date))""",
]

IMPORTS = [
    """CREATE TABLE import_job (
        id uuid PRIMARY KEY, owner bigint NOT NULL, path text NOT NULL, filename text NOT NULL, region text NOT NULL,
        time_zone text NOT NULL, format text NOT NULL, status text NOT NULL,
        records_read bigint NOT NULL, records_imported bigint NOT NULL, records_duplicate bigint NOT NULL,
        records_rejected bigint NOT NULL, emissions bigint NOT NULL, created_at timestamptz NOT NULL,
        claimed_until timestamptz, attempts int NOT NULL)""",
    "CREATE INDEX import_job_open ON import_job (created_at) WHERE status IN ('QUEUED', 'RUNNING')",
    """CREATE TABLE import_rejection (
        import_id uuid NOT NULL REFERENCES import_job, number int NOT NULL, line bigint, record text,
        reason text NOT NULL, code text NOT NULL, note boolean NOT NULL, PRIMARY KEY (import_id, number))""",
]


class Migration(migrations.Migration):
    dependencies = [("gramme", "0002_create_identity")]
    operations = [ops.RunSQL(FACTORS + ACTIVITIES + METERS + IMPORTS)]
