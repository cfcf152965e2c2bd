"""What PostgreSQL holds of `cqar_shared.domain.kinds.signing_key`, and what it refuses."""

from __future__ import annotations

import sqlalchemy as sa

from cqar_shared.sql.schema import Instant, metadata

signing_keys = sa.Table(
    "signing_keys",
    metadata,
    sa.Column("key_id", sa.Text, primary_key=True),
    sa.Column("public_key", sa.Text, nullable=False, unique=True),
    sa.Column("made_at", Instant, nullable=False),
    sa.Column("retired_at", Instant),
    sa.Column("last_revision", sa.BigInteger),
    sa.Column("endorsed_by", sa.Text),
    sa.Column("endorsement", sa.Text),
)
