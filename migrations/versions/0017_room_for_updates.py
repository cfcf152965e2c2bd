"""Room in the pages of listings, so that a change of other columns touches no index."""

from __future__ import annotations

from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Pages that are full now get room as PostgreSQL rewrites them.
    op.execute("ALTER TABLE venue_symbols SET (fillfactor = 80)")


def downgrade() -> None:
    op.execute("ALTER TABLE venue_symbols RESET (fillfactor)")
