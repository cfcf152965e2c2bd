"""The registry itself: head, outbox, current state, idempotency keys, API keys."""

from __future__ import annotations

from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

UPGRADE = (
    "CREATE EXTENSION IF NOT EXISTS btree_gist",
    """
    CREATE TABLE registry_head (
        singleton BOOLEAN DEFAULT true NOT NULL,
        registry_id BYTEA NOT NULL,
        epoch BIGINT NOT NULL,
        revision BIGINT NOT NULL,
        chain BYTEA NOT NULL,
        live_count BIGINT NOT NULL,
        set_hash BYTEA NOT NULL,
        compacted_revision BIGINT NOT NULL,
        system_identifier BIGINT NOT NULL,
        timeline_id BIGINT NOT NULL,
        CONSTRAINT pk_registry_head PRIMARY KEY (singleton),
        CONSTRAINT ck_registry_head_single_row CHECK (singleton)
    )
    """,
    """
    CREATE TABLE outbox (
        revision BIGINT NOT NULL,
        epoch BIGINT NOT NULL,
        prev_chain BYTEA NOT NULL,
        chain BYTEA NOT NULL,
        is_reset BOOLEAN NOT NULL,
        live_count BIGINT NOT NULL,
        set_hash BYTEA NOT NULL,
        payload BYTEA NOT NULL,
        events BYTEA NOT NULL,
        committed_at TIMESTAMPTZ NOT NULL,
        CONSTRAINT pk_outbox PRIMARY KEY (revision)
    ) PARTITION BY RANGE (revision)
    """,
    "CREATE TABLE outbox_p0 PARTITION OF outbox FOR VALUES FROM (0) TO (10000000)",
    "CREATE TABLE outbox_p1 PARTITION OF outbox FOR VALUES FROM (10000000) TO (20000000)",
    """
    CREATE TABLE current (
        kind TEXT NOT NULL,
        key TEXT NOT NULL,
        revision BIGINT NOT NULL,
        payload BYTEA NOT NULL,
        deleted BOOLEAN DEFAULT false NOT NULL,
        archived BOOLEAN DEFAULT false NOT NULL,
        CONSTRAINT pk_current PRIMARY KEY (kind, key)
    )
    """,
    """
    CREATE TABLE entity_revisions (
        kind TEXT NOT NULL,
        key TEXT NOT NULL,
        revision BIGINT NOT NULL,
        CONSTRAINT pk_entity_revisions PRIMARY KEY (kind, key, revision)
    )
    """,
    """
    CREATE TABLE idempotency_keys (
        actor TEXT NOT NULL,
        rpc TEXT NOT NULL,
        key TEXT NOT NULL,
        request_hash BYTEA NOT NULL,
        response BYTEA NOT NULL,
        created_at TIMESTAMPTZ DEFAULT now() NOT NULL,
        CONSTRAINT pk_idempotency_keys PRIMARY KEY (actor, rpc, key)
    )
    """,
    "CREATE INDEX ix_idempotency_keys_created_at ON idempotency_keys (created_at)",
    """
    CREATE TABLE api_keys (
        key_id UUID NOT NULL,
        key_hash TEXT NOT NULL,
        actor TEXT NOT NULL,
        role SMALLINT NOT NULL,
        created_at TIMESTAMPTZ NOT NULL,
        expires_at TIMESTAMPTZ,
        revoked_at TIMESTAMPTZ,
        CONSTRAINT pk_api_keys PRIMARY KEY (key_id),
        CONSTRAINT uq_api_keys_key_hash UNIQUE (key_hash)
    )
    """,
    """
    INSERT INTO registry_head (
        registry_id, epoch, revision, chain, live_count, set_hash, compacted_revision,
        system_identifier, timeline_id
    )
    SELECT
        id, 1, 0, sha256(id), 0, decode(repeat('00', 16), 'hex'), 0,
        (SELECT system_identifier FROM pg_control_system()),
        ('x' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8))::bit(32)::bigint
    FROM (SELECT uuid_send(gen_random_uuid()) AS id) AS fresh
    """,
)

DOWNGRADE = (
    "DROP TABLE api_keys",
    "DROP TABLE idempotency_keys",
    "DROP TABLE entity_revisions",
    "DROP TABLE current",
    "DROP TABLE outbox",
    "DROP TABLE registry_head",
    "DROP EXTENSION btree_gist",
)


def upgrade() -> None:
    for statement in UPGRADE:
        op.execute(statement)


def downgrade() -> None:
    for statement in DOWNGRADE:
        op.execute(statement)
