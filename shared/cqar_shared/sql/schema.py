"""The SQLAlchemy metadata of all tables, and the tables that belong to no kind."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB

metadata = sa.MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    }
)

#: An instant with time zone.
Instant = sa.TIMESTAMP(timezone=True)
#: A UUID that is text in Python, as in messages.
Id = sa.Uuid(as_uuid=False)
Json = JSONB

registry_head = sa.Table(
    "registry_head",
    metadata,
    sa.Column("singleton", sa.Boolean, primary_key=True, server_default=sa.true()),
    sa.Column("registry_id", sa.LargeBinary, nullable=False),
    sa.Column("epoch", sa.BigInteger, nullable=False),
    sa.Column("revision", sa.BigInteger, nullable=False),
    sa.Column("chain", sa.LargeBinary, nullable=False),
    sa.Column("live_count", sa.BigInteger, nullable=False),
    sa.Column("set_hash", sa.LargeBinary, nullable=False),
    sa.Column("compacted_revision", sa.BigInteger, nullable=False),
    sa.Column("system_identifier", sa.BigInteger, nullable=False),
    sa.Column("timeline_id", sa.BigInteger, nullable=False),
    sa.Column("promoted_at_us", sa.BigInteger, nullable=False, server_default=sa.text("0")),
    sa.Column("chain_version", sa.SmallInteger, nullable=False, server_default=sa.text("1")),
    sa.Column("signature", sa.LargeBinary),
    sa.Column("signing_key_id", sa.Text),
    sa.CheckConstraint("singleton", name="single_row"),
    comment="Where the registry stands. Its row lock makes mutations serial.",
)

outbox = sa.Table(
    "outbox",
    metadata,
    sa.Column("revision", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("epoch", sa.BigInteger, nullable=False),
    sa.Column("prev_chain", sa.LargeBinary, nullable=False),
    sa.Column("chain", sa.LargeBinary, nullable=False),
    sa.Column("is_reset", sa.Boolean, nullable=False),
    sa.Column("live_count", sa.BigInteger, nullable=False),
    sa.Column("set_hash", sa.LargeBinary, nullable=False),
    sa.Column("payload", sa.LargeBinary, nullable=False),
    sa.Column("events", sa.LargeBinary, nullable=False),
    sa.Column("committed_at", Instant, nullable=False),
    sa.Column("chain_version", sa.SmallInteger, nullable=False, server_default=sa.text("1")),
    sa.Column("signature", sa.LargeBinary),
    sa.Column("signing_key_id", sa.Text),
    postgresql_partition_by="RANGE (revision)",
    comment="Every change set ever committed: publication, catch-up and audit log. Never deleted.",
)

current = sa.Table(
    "current",
    metadata,
    sa.Column("kind", sa.Text, primary_key=True),
    sa.Column("key", sa.Text, primary_key=True),
    sa.Column("revision", sa.BigInteger, nullable=False),
    sa.Column("payload", sa.LargeBinary, nullable=False),
    sa.Column("deleted", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Column("archived", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Index("idx_current_archived", "kind", "key", postgresql_where=sa.text("archived")),
    sa.Index("idx_current_deleted", "kind", "revision", postgresql_where=sa.text("deleted")),
    comment="The newest serialised state of every entity. A snapshot is one scan of it.",
)

entity_revisions = sa.Table(
    "entity_revisions",
    metadata,
    sa.Column("kind", sa.Text, primary_key=True),
    sa.Column("key", sa.Text, primary_key=True),
    sa.Column("revision", sa.BigInteger, primary_key=True),
    comment="Which revisions changed an entity: where in the outbox its history is.",
)

listing_terms = sa.Table(
    "listing_terms",
    metadata,
    sa.Column(
        "listing_id",
        Id,
        sa.ForeignKey("venue_symbols.listing_id", ondelete="CASCADE"),
        primary_key=True,
    ),
    sa.Column("since", Instant, primary_key=True),
    sa.Column("payload", sa.LargeBinary, nullable=False),
    comment="Listings as they were from an instant on: of what was before the first nobody knows.",
)

idempotency_keys = sa.Table(
    "idempotency_keys",
    metadata,
    sa.Column("actor", sa.Text, primary_key=True),
    sa.Column("rpc", sa.Text, primary_key=True),
    sa.Column("key", sa.Text, primary_key=True),
    sa.Column("request_hash", sa.LargeBinary, nullable=False),
    sa.Column("response", sa.LargeBinary, nullable=False),
    sa.Column("created_at", Instant, nullable=False, server_default=sa.func.now()),
    sa.Index(None, "created_at"),
    comment="The first answer to a mutation, kept for 24 hours.",
)

order_rejects = sa.Table(
    "order_rejects",
    metadata,
    sa.Column("venue_id", sa.Text, primary_key=True),
    sa.Column("venue_symbol", sa.Text, primary_key=True),
    sa.Column("reason", sa.SmallInteger, primary_key=True, autoincrement=False),
    sa.Column("actor", sa.Text, primary_key=True),
    sa.Column("hour", Instant, primary_key=True),
    sa.Column("listing_id", Id),
    sa.Column("reports", sa.Integer, nullable=False),
    sa.Column("first_at", Instant, nullable=False),
    sa.Column("last_at", Instant, nullable=False),
    sa.Column("code", sa.Text, nullable=False),
    sa.Column("message", sa.Text, nullable=False),
    sa.Column("price", sa.Numeric),
    sa.Column("quantity", sa.Numeric),
    sa.Index("idx_order_rejects_actor", "actor"),
    sa.Index("idx_order_rejects_hour", "hour"),
    comment="Orders that venues refused, as executors reported them; kept for a week.",
)

finding_counts = sa.Table(
    "finding_counts",
    metadata,
    sa.Column("state", sa.SmallInteger, primary_key=True, autoincrement=False),
    sa.Column("kind", sa.Text, primary_key=True),
    sa.Column("action", sa.SmallInteger, primary_key=True, autoincrement=False),
    sa.Column("venue_id", sa.Text, primary_key=True),
    sa.Column("number", sa.BigInteger, nullable=False),
    comment="How many findings there are; to count them for each list would take too long.",
)
