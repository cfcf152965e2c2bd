"""Indexes that filters of lists lacked."""

from __future__ import annotations

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

UPGRADE = (
    "CREATE INDEX idx_asset_groups_type ON asset_groups (group_type)",
    # Most flags are resolved some day, and most lists ask for those that are not.
    """
    CREATE INDEX idx_quality_flags_active ON quality_flags (severity, flag_type)
        WHERE resolved_at IS NULL
    """,
    "CREATE INDEX idx_quality_flags_type ON quality_flags (flag_type, severity)",
    "CREATE INDEX idx_symbols_type ON symbols (symbol_type)",
    # A spelling may be asked for at every venue.
    "CREATE INDEX idx_venue_symbols_spelling ON venue_symbols (venue_symbol)",
)

DOWNGRADE = (
    "DROP INDEX idx_venue_symbols_spelling",
    "DROP INDEX idx_symbols_type",
    "DROP INDEX idx_quality_flags_type",
    "DROP INDEX idx_quality_flags_active",
    "DROP INDEX idx_asset_groups_type",
)


def upgrade() -> None:
    for statement in UPGRADE:
        op.execute(statement)


def downgrade() -> None:
    for statement in DOWNGRADE:
        op.execute(statement)
