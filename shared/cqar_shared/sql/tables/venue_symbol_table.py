"""What PostgreSQL holds of `cqar_shared.domain.kinds.venue_symbol`, and what it refuses."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, ExcludeConstraint

from cqar_shared.domain.kinds.venue_symbol import TERMS
from cqar_shared.sql.schema import Id, Instant, Json, metadata

_PERIOD = sa.text("tstzrange(listed_at, delisted_at)")

venue_symbols = sa.Table(
    "venue_symbols",
    metadata,
    sa.Column("listing_id", Id, primary_key=True),
    sa.Column("venue_id", sa.Text, sa.ForeignKey("venues.venue_id"), nullable=False),
    sa.Column("symbol_id", Id, sa.ForeignKey("symbols.symbol_id"), nullable=False),
    sa.Column("venue_symbol", sa.Text, nullable=False),
    sa.Column("status", sa.SmallInteger, nullable=False),
    sa.Column("is_primary", sa.Boolean, nullable=False),
    sa.Column("alias_of", sa.Text),
    *(sa.Column(name, sa.Numeric) for name in TERMS),
    sa.Column("tick_bands", Json, nullable=False),
    sa.Column("price_significant_digits", sa.SmallInteger),
    sa.Column("listed_at", Instant),
    sa.Column("delisted_at", Instant),
    sa.Column("first_seen_at", Instant, nullable=False),
    sa.Column("terms_since", Instant),
    sa.Column("metadata", Json),
    # What later migrations added may be NULL: the release before writes rows without it.
    sa.Column("order_unit", sa.SmallInteger),
    sa.Column("trading_starts_at", Instant),
    sa.Column("phases", Json),
    sa.Column("scheduled", Json),
    sa.Column("channels", ARRAY(sa.Text)),
    sa.Column("permission_groups", Json),
    sa.Column("quote_alternatives", ARRAY(sa.Text)),
    sa.Column("order_types", ARRAY(sa.Text)),
    sa.Column("time_in_force", ARRAY(sa.Text)),
    sa.Column("funding_interval_s", sa.Integer),
    sa.Column("legs", Json),
    sa.Column("doubts", ARRAY(sa.Text)),
    sa.Column("canaries", Json),
    sa.Column("terms_stated_at", Instant),
    sa.CheckConstraint("listed_at < delisted_at", name="period"),
    sa.CheckConstraint("status <> 7 OR delisted_at IS NOT NULL", name="delisted_has_end"),
    sa.CheckConstraint("tick_size > 0", name="tick_size_positive"),
    sa.CheckConstraint("lot_size > 0", name="lot_size_positive"),
    sa.CheckConstraint("min_order_size <= max_order_size", name="min_below_max"),
    sa.CheckConstraint("abs(maker_fee) <= 1 AND abs(taker_fee) <= 1", name="rates"),
    sa.CheckConstraint("market_lot_size > 0", name="market_lot_size_positive"),
    sa.CheckConstraint("market_min_size <= market_max_size", name="market_min_below_max"),
    sa.CheckConstraint("min_price <= max_price", name="min_price_below_max"),
    sa.CheckConstraint("channels IS NULL OR alias_of IS NOT NULL", name="channels_of_alias"),
    # Within one change set an old period may close after a new one opened: checked at its end.
    # By what tells rows apart first, and by numbers: GiST compares those faster than text.
    ExcludeConstraint(
        (sa.text('hashtextextended(venue_symbol COLLATE "C", 0)'), "="),
        (sa.text('venue_symbol COLLATE "C"'), "="),
        ("venue_id", "="),
        (_PERIOD, "&&"),
        name="ex_venue_symbols_spelling",
        using="gist",
        deferrable=True,
        initially="DEFERRED",
    ),
    ExcludeConstraint(
        ("symbol_id", "="),
        ("venue_id", "="),
        (_PERIOD, "&&"),
        where=sa.text("is_primary"),
        name="ex_venue_symbols_primary",
        using="gist",
        deferrable=True,
        initially="DEFERRED",
    ),
    sa.Index("idx_venue_symbols_spelling", "venue_symbol"),
    sa.Index("idx_venue_symbols_venue_symbol", "venue_id", "venue_symbol"),
    sa.Index("idx_venue_symbols_symbol", "symbol_id", "venue_id"),
)
