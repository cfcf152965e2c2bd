"""What PostgreSQL holds of `cqar_shared.domain.kinds.finding`, and what it refuses."""

from __future__ import annotations

import sqlalchemy as sa

from cqar_shared.sql.schema import Id, Instant, Json, metadata

findings = sa.Table(
    "findings",
    metadata,
    sa.Column("finding_id", Id, primary_key=True),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("venue_id", sa.Text),
    sa.Column("venue_symbol", sa.Text),
    sa.Column("listing_id", sa.Text),
    sa.Column("code", sa.Text),
    sa.Column("chain_id", sa.Text),
    sa.Column("address", sa.Text),
    sa.Column("asset_id", sa.Text),
    sa.Column("differences", Json),
    sa.Column("evidence", Json),
    sa.Column("proposed_asset_id", sa.Text),
    sa.Column("units", sa.Numeric),
    sa.Column("rate", sa.Numeric),
    sa.Column("from_venue_id", sa.Text),
    sa.Column("from_venue_symbol", sa.Text),
    sa.Column("effective_at", Instant),
    sa.Column("records", Json),
    sa.Column("summary", sa.Text),
    sa.Column("state", sa.SmallInteger, nullable=False),
    sa.Column("action", sa.SmallInteger, nullable=False),
    sa.Column("policy", sa.Text),
    sa.Column("opened_at", Instant, nullable=False),
    sa.Column("opened_by", sa.Text),
    sa.Column("decided_at", Instant),
    sa.Column("decisions", Json),
    sa.Index("idx_findings_opened", "state", "opened_at", "finding_id"),
    # For lists of some kinds, actions or venues: a group of `finding_counts` is a part of it.
    sa.Index(
        "idx_findings_group",
        *("state", "kind", "action", sa.text("coalesce(venue_id, '')")),
        *("opened_at", "finding_id"),
        # Without the column itself PostgreSQL reads the rows, too.
        postgresql_include=["venue_id"],
    ),
    sa.Index("idx_findings_spelling", "venue_id", "venue_symbol"),
    sa.Index("idx_findings_code", "code"),
    sa.Index("idx_findings_listing_id", "listing_id"),
    sa.Index("idx_findings_asset_id", "asset_id"),
    sa.Index("idx_findings_proposed_asset_id", "proposed_asset_id"),
    # Candidates are the assets that the evidence names.
    sa.Index(
        "idx_findings_evidence",
        "evidence",
        postgresql_using="gin",
        postgresql_ops={"evidence": "jsonb_path_ops"},
    ),
)
