"""Commands about chains, venues, symbols, listings and venue assets."""

from __future__ import annotations

from typing import Final

from cqar.cli.nouns.model import Noun, Verb

CHAIN: Final = Noun(
    name="chain",
    summary="Chains that assets live on.",
    columns="chain_id chain_name chain_type network_id native_asset_id is_testnet",
    verbs={
        "add": Verb(
            "CreateChain",
            "[id]",
            "Add a chain; without an id, one is made from its name.",
            "base --name Base --type evm --network-id 8453",
            required="chain_name chain_type name",
        ),
        "show": Verb("GetChain", "chain_id", "Show all fields of a chain.", "ethereum"),
        "set": Verb(
            "UpdateChain", "chain_id", "Change the given fields.", "ethereum --native-asset ETH"
        ),
        "list": Verb("ListChains", "", "List chains.", "--type evm"),
    },
    extra_commands={"rm": "cqar.cli.remove_entity:chain_rm"},
)

VENUE: Final = Noun(
    name="venue",
    summary="Venues; each is one namespace of spellings.",
    columns="venue_id name venue_type operator chain_id is_active website_url",
    verbs={
        "add": Verb(
            "CreateVenue",
            "[venue_id]",
            "Add a venue; without an id, one is made from its name.",
            "binance --name Binance --type cex",
            required="name venue_type",
            note="cqar.cli.venue_reader:reader_note",
        ),
        "show": Verb("GetVenue", "venue_id", "Show all fields of a venue.", "binance"),
        "set": Verb(
            "UpdateVenue",
            "venue_id",
            "Change the given fields.",
            "binance --no-active --reason 'maintenance announced' --yes",
            note="cqar.cli.venue_reader:reader_note",
            impact="cqar.cli.nouns.impact:of_venue",
        ),
        "list": Verb("ListVenues", "", "List venues.", "--type dex"),
    },
    extra_commands={
        "rm": "cqar.cli.remove_entity:venue_rm",
        "status": "cqar.cli.venue_status:venue_status",
    },
)

SYMBOL: Final = Noun(
    name="symbol",
    summary="Symbols: canonical products, independent of venue.",
    columns="symbol symbol_type base_asset_id quote_asset_id"
    " exact.tick_size exact.lot_size is_active symbol_id",
    verbs={
        "add": Verb(
            "CreateSymbol",
            "base_asset_id quote_asset_id",
            "Add a symbol with this base and quote; its text is derived from its fields.",
            "BTC USDT --type spot --tick-size 0.01 --lot-size 0.00001",
            required="symbol_type",
        ),
        "show": Verb(
            "GetSymbol",
            "[symbol_id]",
            "Show all fields of a symbol; name it, or give a source and its id.",
            "BTC/USDT",
        ),
        "set": Verb(
            "UpdateSymbol", "symbol_id", "Change the given fields.", "BTC/USDT --tick-size 0.01"
        ),
        "list": Verb("ListSymbols", "", "List symbols.", "--type spot --base-asset BTC"),
        "search": Verb(
            "SearchSymbols",
            "query",
            "Search by text or identifier; best match first.",
            "BTC/ --type perpetual",
        ),
        "rm": Verb(
            "DeleteSymbol",
            "symbol_id",
            "Remove a symbol that nothing refers to; its history stays.",
            "BTC/USDT",
        ),
    },
)

LISTING: Final = Noun(
    name="listing",
    summary="Listings: a spelling at a venue during one period, and the symbol it means.",
    entity="venue_symbol",
    columns="venue_id venue_symbol symbol_id status is_primary alias_of"
    " exact.tick_size exact.lot_size listed_at delisted_at",
    verbs={
        "add": Verb(
            "CreateVenueSymbol",
            "venue_id venue_symbol symbol_id",
            "List a symbol at a venue under a spelling.",
            "binance BTCUSDT BTC/USDT --tick-size 0.01 --lot-size 0.00001",
            note="cqar.cli.nouns.listing_notes:steps_note",
        ),
        "show": Verb(
            "GetVenueSymbol",
            "venue_id venue_symbol",
            "Show a listing and its symbol, with the steps that apply.",
            "binance BTCUSDT",
            response_field="*",
        ),
        "set": Verb(
            "UpdateVenueSymbol",
            "venue_id venue_symbol",
            "Change the given fields of the spelling's open listing.",
            "binance BTCUSDT --status halted --reason 'wallet maintenance'",
        ),
        "list": Verb(
            "ListVenueSymbols",
            "[venue_id]",
            "List the spellings of one venue or of all.",
            "binance --symbol BTC/USDT",
        ),
        "rm": Verb(
            "DelistVenueSymbol",
            "venue_id venue_symbol",
            "Delist the spelling's open listing, now or at a given time; its past stays.",
            "binance BTCUSDT --delisted-at 2026-03-01T08:00Z",
            impact="cqar.cli.nouns.impact:of_end",
        ),
    },
    extra_commands={
        "rename": "cqar.cli.rename_listing:rename",
        "schedule": "cqar.cli.schedule:schedule",
        "void": "cqar.cli.void_listing:void",
    },
)

VENUE_ASSET: Final = Noun(
    name="venue-asset",
    summary="Venue assets: a venue's code for an asset, and whether it can be moved and traded.",
    entity="venue_asset",
    has_id=False,
    columns="venue_id asset_id venue_asset_symbol other_codes deposit_enabled withdraw_enabled"
    " trading_enabled is_active delisted_at",
    verbs={
        "add": Verb(
            "CreateVenueAsset",
            "venue_id asset_id venue_asset_symbol",
            "Record a venue's code for an asset.",
            "kraken BTC XXBT --other-code XBT",
        ),
        "show": Verb(
            "GetVenueAsset",
            "venue_id asset_id",
            "Show all fields of an asset at a venue.",
            "kraken BTC",
        ),
        "set": Verb(
            "UpdateVenueAsset",
            "venue_id asset_id",
            "Change the given fields.",
            "kraken BTC --no-withdraw-enabled",
        ),
        "list": Verb(
            "ListVenueAssets", "[venue_id]", "List the assets of one venue or of all.", "kraken"
        ),
        "rm": Verb(
            "DelistVenueAsset",
            "venue_id asset_id",
            "Delist an asset at a venue, now or at a given time.",
            "kraken BTC",
        ),
    },
)
