"""What PostgreSQL holds of `cqar_shared.domain.kinds.api_key`, and what it refuses."""

from __future__ import annotations

import sqlalchemy as sa

from cqar_shared.sql.schema import Id, Instant, metadata

api_keys = sa.Table(
    "api_keys",
    metadata,
    sa.Column("key_id", Id, primary_key=True),
    sa.Column("key_hash", sa.Text, nullable=False, unique=True),
    sa.Column("actor", sa.Text, nullable=False),
    sa.Column("role", sa.SmallInteger, nullable=False),
    sa.Column("created_at", Instant, nullable=False),
    sa.Column("expires_at", Instant),
    sa.Column("revoked_at", Instant),
)
