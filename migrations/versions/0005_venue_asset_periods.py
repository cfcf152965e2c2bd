"""A code means one asset of a venue at one instant, in the past too."""

from __future__ import annotations

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

UPGRADE = (
    "DROP INDEX uq_venue_asset_codes_code",
    "ALTER TABLE venue_asset_codes ADD listed_at TIMESTAMPTZ, ADD delisted_at TIMESTAMPTZ",
    # So far it held the open ones only. Two that overlap are refused here, and named.
    "DELETE FROM venue_asset_codes",
    """
    INSERT INTO venue_asset_codes (venue_id, asset_id, code, listed_at, delisted_at)
    SELECT v.venue_id, v.asset_id, c.code, v.listed_at, v.delisted_at
    FROM venue_assets v, unnest(array_prepend(v.venue_asset_symbol, v.other_codes)) AS c(code)
    """,
    """
    ALTER TABLE venue_asset_codes ADD CONSTRAINT ex_venue_asset_codes_code
        EXCLUDE USING gist (
            venue_id WITH =, code WITH =, tstzrange(listed_at, delisted_at) WITH &&
        ) DEFERRABLE INITIALLY DEFERRED
    """,
    "CREATE INDEX idx_venue_asset_codes_code ON venue_asset_codes (venue_id, code)",
    """
    COMMENT ON TABLE venue_asset_codes IS
        'Every code of every venue asset, and when it is one: it means one asset at a time.'
    """,
)

DOWNGRADE = (
    "DROP INDEX idx_venue_asset_codes_code",
    "ALTER TABLE venue_asset_codes DROP CONSTRAINT ex_venue_asset_codes_code",
    "DELETE FROM venue_asset_codes WHERE delisted_at IS NOT NULL",
    "ALTER TABLE venue_asset_codes DROP listed_at, DROP delisted_at",
    "CREATE UNIQUE INDEX uq_venue_asset_codes_code ON venue_asset_codes (venue_id, code)",
    "COMMENT ON TABLE venue_asset_codes IS NULL",
)


def upgrade() -> None:
    for statement in UPGRADE:
        op.execute(statement)


def downgrade() -> None:
    for statement in DOWNGRADE:
        op.execute(statement)
