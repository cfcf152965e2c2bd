"""How current what is said of venues is, and counts of orders that they refused.

Every new column may be NULL: writers of the release before write rows without it, and compare rows
that lack it.
"""

from __future__ import annotations

from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

#: Table -> the new columns with their types.
COLUMNS = {
    "venues": {"facts_stale_after_s": "INTEGER"},
    "venue_symbols": {"canaries": "JSONB"},
}
STATEMENTS = (
    """
    CREATE TABLE venue_facts (
        venue_id TEXT NOT NULL,
        as_of TIMESTAMPTZ NOT NULL,
        read_at TIMESTAMPTZ NOT NULL,
        reader TEXT,
        answers JSONB,
        markets INTEGER,
        unsupported INTEGER,
        unreadable INTEGER,
        CONSTRAINT pk_venue_facts PRIMARY KEY (venue_id),
        CONSTRAINT fk_venue_facts_venue_id_venues FOREIGN KEY (venue_id)
            REFERENCES venues (venue_id)
    )
    """,
    """
    CREATE TABLE order_rejects (
        venue_id TEXT NOT NULL,
        venue_symbol TEXT NOT NULL,
        reason SMALLINT NOT NULL,
        actor TEXT NOT NULL,
        hour TIMESTAMPTZ NOT NULL,
        listing_id UUID,
        reports INTEGER NOT NULL,
        first_at TIMESTAMPTZ NOT NULL,
        last_at TIMESTAMPTZ NOT NULL,
        code TEXT NOT NULL,
        message TEXT NOT NULL,
        price NUMERIC,
        quantity NUMERIC,
        CONSTRAINT pk_order_rejects PRIMARY KEY (venue_id, venue_symbol, reason, actor, hour)
    )
    """,
    "CREATE INDEX idx_order_rejects_actor ON order_rejects (actor)",
    "CREATE INDEX idx_order_rejects_hour ON order_rejects (hour)",
)
TABLES = ("venue_facts", "order_rejects")


def upgrade() -> None:
    for table, columns in COLUMNS.items():
        for name, kind in columns.items():
            op.execute(f"ALTER TABLE {table} ADD COLUMN {name} {kind}")
    for statement in STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    for table in reversed(TABLES):
        op.execute(f"DROP TABLE {table}")
    for table, columns in COLUMNS.items():
        for name in columns:
            op.execute(f"ALTER TABLE {table} DROP COLUMN {name}")
