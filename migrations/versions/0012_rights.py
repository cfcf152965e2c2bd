"""Writers need not own the schema: the one thing they made was the outbox's next partition.

The function makes it with the owner's rights. `migrations.rights` says who else may do what.
"""

from __future__ import annotations

from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
        CREATE FUNCTION make_outbox_partitions(for_revision bigint) RETURNS void
        LANGUAGE plpgsql SECURITY DEFINER AS $$
        DECLARE
            -- At 1,500 commits/s, the most this design makes, nearly two hours. The relay's leader
            -- looks ahead every few minutes. Migration 0001 made the first two.
            many CONSTANT bigint := 10000000;
            place bigint;
            name text;
        BEGIN
            IF for_revision < 0 THEN
                RAISE EXCEPTION 'no partition is of revision %', for_revision;
            END IF;
            FOR place IN SELECT for_revision / many + n
                         FROM pg_catalog.generate_series(0, 1) n LOOP
                name := pg_catalog.format('outbox_p%s', place);
                IF pg_catalog.to_regclass(name) IS NULL THEN
                    EXECUTE pg_catalog.format(
                        'CREATE TABLE IF NOT EXISTS %I PARTITION OF outbox'
                        ' FOR VALUES FROM (%s) TO (%s)',
                        name, place * many, (place + 1) * many
                    );
                END IF;
            END LOOP;
        END
        $$
    """)
    # Names are looked for where the registry is, and never where a caller says.
    op.execute("""
        DO $$ BEGIN EXECUTE pg_catalog.format(
            'ALTER FUNCTION make_outbox_partitions(bigint) SET search_path = %I, pg_temp',
            current_schema()
        ); END $$
    """)
    op.execute("REVOKE ALL ON FUNCTION make_outbox_partitions(bigint) FROM PUBLIC")


def downgrade() -> None:
    op.execute("DROP FUNCTION make_outbox_partitions(bigint)")
