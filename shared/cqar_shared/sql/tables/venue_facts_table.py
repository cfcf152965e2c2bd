"""What PostgreSQL holds of `cqar_shared.domain.kinds.venue_facts`, and what it refuses."""

from __future__ import annotations

import sqlalchemy as sa

from cqar_shared.sql.schema import Instant, Json, metadata

venue_facts = sa.Table(
    "venue_facts",
    metadata,
    sa.Column("venue_id", sa.Text, sa.ForeignKey("venues.venue_id"), primary_key=True),
    sa.Column("as_of", Instant, nullable=False),
    sa.Column("read_at", Instant, nullable=False),
    sa.Column("reader", sa.Text),
    sa.Column("answers", Json),
    sa.Column("markets", sa.Integer),
    sa.Column("unsupported", sa.Integer),
    sa.Column("unreadable", sa.Integer),
)
