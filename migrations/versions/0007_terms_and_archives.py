"""Listings' terms by the instant that they hold from; what is out of snapshots, and since when."""

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
    """
    CREATE TABLE archives (
        archive_id UUID NOT NULL,
        archived_at TIMESTAMPTZ NOT NULL,
        CONSTRAINT pk_archives PRIMARY KEY (archive_id)
    )
    """,
    """
    CREATE TABLE archived_entities (
        archive_id UUID NOT NULL,
        kind TEXT NOT NULL,
        key TEXT NOT NULL,
        venue_id TEXT,
        venue_symbol TEXT,
        CONSTRAINT pk_archived_entities PRIMARY KEY (archive_id, kind, key),
        CONSTRAINT fk_archived_entities_archive_id FOREIGN KEY (archive_id)
            REFERENCES archives (archive_id) ON DELETE CASCADE
    )
    """,
    # Lists leave these out.
    "CREATE INDEX idx_current_archived ON current (kind, key) WHERE archived",
    # What is to be archived is looked for every hour, and is little of all.
    "CREATE INDEX idx_venue_symbols_delisted_at ON venue_symbols (delisted_at)",
    "CREATE INDEX idx_symbols_expiry ON symbols (expiry) WHERE expiry IS NOT NULL",
)

DOWNGRADE = (
    "DROP INDEX idx_symbols_expiry",
    "DROP INDEX idx_venue_symbols_delisted_at",
    "DROP INDEX idx_current_archived",
    "DROP TABLE archived_entities",
    "DROP TABLE archives",
    "DROP TABLE listing_terms",
    "ALTER TABLE venue_symbols DROP COLUMN terms_since",
)


def upgrade() -> None:
    for statement in UPGRADE:
        op.execute(statement)


def downgrade() -> None:
    for statement in DOWNGRADE:
        op.execute(statement)
