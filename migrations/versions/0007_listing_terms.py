"""Listings' terms by the instant that they hold from."""

from __future__ import annotations

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

UPGRADE = (
    "ALTER TABLE venue_symbols ADD COLUMN terms_since TIMESTAMPTZ",
    """
    CREATE TABLE listing_terms (
        listing_id UUID NOT NULL,
        since TIMESTAMPTZ NOT NULL,
        payload BYTEA NOT NULL,
        CONSTRAINT pk_listing_terms PRIMARY KEY (listing_id, since),
        CONSTRAINT fk_listing_terms_listing_id FOREIGN KEY (listing_id)
            REFERENCES venue_symbols (listing_id) ON DELETE CASCADE
    )
    """,
    """
    COMMENT ON TABLE listing_terms IS
        'Listings as they were from an instant on: of what was before the first nobody knows.'
    """,
    # Since when what is known holds, nobody noted: from now on it does. The payloads in `current`
    # say nothing of it, since their hashes are in the chain; so resolvers ask for these rows.
    """
    INSERT INTO listing_terms (listing_id, since, payload)
    SELECT v.listing_id, now(), c.payload FROM venue_symbols v
    JOIN current c ON c.kind = 'venue_symbol' AND c.key = v.listing_id::text
    WHERE NOT c.deleted
    """,
    "UPDATE venue_symbols SET terms_since = now()",
)

DOWNGRADE = (
    "DROP TABLE listing_terms",
    "ALTER TABLE venue_symbols DROP COLUMN terms_since",
)


def upgrade() -> None:
    for statement in UPGRADE:
        op.execute(statement)


def downgrade() -> None:
    for statement in DOWNGRADE:
        op.execute(statement)
