"""Indexes that searches and references at 200,000 assets lacked."""

from __future__ import annotations

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

UPGRADE = (
    # Who refers to an asset or a deployment is asked before it is removed.
    "CREATE INDEX idx_deployments_asset ON deployments (asset_id)",
    "CREATE INDEX idx_symbols_price_asset ON symbols (price_asset_id)",
    "CREATE INDEX idx_venue_assets_deployment ON venue_assets (deployment_id)",
    # Searches name an address or an external id in any case, whole, begun, or misspelt.
    """
    CREATE INDEX idx_deployments_address_lower ON deployments (lower(address) text_pattern_ops)
    """,
    """
    CREATE INDEX idx_asset_identifiers_external_id_trgm ON asset_identifiers
        USING gin (external_id gin_trgm_ops)
    """,
    """
    CREATE INDEX idx_symbol_identifiers_external_id_trgm ON symbol_identifiers
        USING gin (external_id gin_trgm_ops)
    """,
)

DOWNGRADE = (
    "DROP INDEX idx_symbol_identifiers_external_id_trgm",
    "DROP INDEX idx_asset_identifiers_external_id_trgm",
    "DROP INDEX idx_deployments_address_lower",
    "DROP INDEX idx_venue_assets_deployment",
    "DROP INDEX idx_symbols_price_asset",
    "DROP INDEX idx_deployments_asset",
)


def upgrade() -> None:
    for statement in UPGRADE:
        op.execute(statement)


def downgrade() -> None:
    for statement in DOWNGRADE:
        op.execute(statement)
