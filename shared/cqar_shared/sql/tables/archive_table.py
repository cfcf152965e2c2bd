"""What PostgreSQL holds of `cqar_shared.domain.kinds.archive`, and what it refuses."""

from __future__ import annotations

import sqlalchemy as sa

from cqar_shared.sql.schema import Id, Instant, metadata

archives = sa.Table(
    "archives",
    metadata,
    sa.Column("archive_id", Id, primary_key=True),
    sa.Column("archived_at", Instant, nullable=False),
)

archived_entities = sa.Table(
    "archived_entities",
    metadata,
    sa.Column(
        "archive_id",
        Id,
        sa.ForeignKey("archives.archive_id", ondelete="CASCADE"),
        primary_key=True,
    ),
    sa.Column("kind", sa.Text, primary_key=True),
    sa.Column("key", sa.Text, primary_key=True),
    sa.Column("venue_id", sa.Text),
    sa.Column("venue_symbol", sa.Text),
)
