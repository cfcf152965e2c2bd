"""A chain that covers events and sets, signed heads, and the keys that they are signed with.

What was committed before stays under version 1 of the chain, and so does all until the next epoch
begins: resolvers of the release before can read it. A registry without revisions begins with
version 2.
"""

from __future__ import annotations

from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

UPGRADE = (
    """
    ALTER TABLE registry_head
        ADD COLUMN chain_version SMALLINT NOT NULL DEFAULT 1,
        ADD COLUMN signature BYTEA,
        ADD COLUMN signing_key_id TEXT
    """,
    """
    ALTER TABLE outbox
        ADD COLUMN chain_version SMALLINT NOT NULL DEFAULT 1,
        ADD COLUMN signature BYTEA,
        ADD COLUMN signing_key_id TEXT
    """,
    """
    CREATE TABLE signing_keys (
        key_id TEXT NOT NULL,
        public_key TEXT NOT NULL,
        made_at TIMESTAMPTZ NOT NULL,
        retired_at TIMESTAMPTZ,
        last_revision BIGINT,
        endorsed_by TEXT,
        endorsement TEXT,
        CONSTRAINT pk_signing_keys PRIMARY KEY (key_id),
        CONSTRAINT uq_signing_keys_public_key UNIQUE (public_key)
    )
    """,
    "UPDATE registry_head SET chain_version = 2 WHERE revision = 0",
)

DOWNGRADE = (
    "DROP TABLE signing_keys",
    """
    ALTER TABLE outbox
        DROP COLUMN signing_key_id,
        DROP COLUMN signature,
        DROP COLUMN chain_version
    """,
    """
    ALTER TABLE registry_head
        DROP COLUMN signing_key_id,
        DROP COLUMN signature,
        DROP COLUMN chain_version
    """,
)


def upgrade() -> None:
    for statement in UPGRADE:
        op.execute(statement)


def downgrade() -> None:
    for statement in DOWNGRADE:
        op.execute(statement)
