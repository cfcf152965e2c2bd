"""The head says since when its database has been the registry's: of two that answer, the later.

A failover leaves two databases with one history. The timeline tells them apart, and does not say
which came first where one was restored elsewhere.
"""

from __future__ import annotations

from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("ALTER TABLE registry_head ADD COLUMN promoted_at_us BIGINT NOT NULL DEFAULT 0")


def downgrade() -> None:
    op.execute("ALTER TABLE registry_head DROP COLUMN promoted_at_us")
