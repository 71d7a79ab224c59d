"""What lets a corrected factor be seen in the footprint: which rows an activity came from and what took its place.

Activities recorded before find their rows by the copy of the factor that they carry.
"""

from tortoise import migrations
from tortoise.migrations import operations as ops

FACTORS = [
    "ALTER TABLE emission_factor ADD uncertainty_low numeric, ADD uncertainty_high numeric, "
    "ADD CHECK (uncertainty_low <= kg_per_unit AND kg_per_unit <= uncertainty_high)",
    # One row for each loading that withdrew factors; `after_owner` is how far its adjustments are.
    """CREATE TABLE factor_change (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, loaded_at timestamptz NOT NULL,
        after_owner bigint NOT NULL DEFAULT 0, adjusted bigint NOT NULL DEFAULT 0, finished_at timestamptz)""",
]

ACTIVITIES = [
    """ALTER TABLE activity ADD shared_by int NOT NULL DEFAULT 1, ADD factor_rows int[] NOT NULL DEFAULT '{}',
        ADD adjusts uuid, ADD adjusted_by uuid, ADD emissions_low bigint, ADD emissions_high bigint""",
    r"""UPDATE activity SET shared_by = coalesce(substring(explanation::json ->> 'formula' FROM ' / (\d+) = ')::int, 1),
        factor_rows = (SELECT coalesce(array_agg(best.id), '{}') FROM (
            SELECT factor.id FROM emission_factor AS factor WHERE factor.factor_id = explanation::json ->> 'factor_id'
                AND factor.region = explanation::json ->> 'region' AND factor.edition = explanation::json ->> 'edition'
                AND factor.kg_per_unit = (explanation::json ->> 'factor_kg_per_unit')::numeric
            ORDER BY activity.local_date BETWEEN factor.valid_from AND coalesce(factor.valid_to, 'infinity') DESC,
                factor.valid_from DESC, factor.id DESC LIMIT 1) AS best)""",
    # Grams of which the source of the factor gives a range, and how far it goes below and above the total.
    """ALTER TABLE footprint_day ADD below bigint NOT NULL DEFAULT 0, ADD above bigint NOT NULL DEFAULT 0,
        ADD covered bigint NOT NULL DEFAULT 0""",
]


class Migration(migrations.Migration):
    dependencies = [("gramme", "0004_add_terms")]
    operations = [ops.RunSQL(FACTORS + ACTIVITIES)]
