"""Where things trade: chains, venues, symbols, and what venues hold and list."""

from __future__ import annotations

from typing import Final

from cqar.cli.nouns.model import Noun, Verb

CHAIN: Final = Noun(
    name="chain",
    about="Chains that assets live on.",
    id="chain_id",
    one="chain",
    many="chains",
    columns="chain_id chain_name chain_type network_id native_asset_id is_testnet",
    verbs={
        "add": Verb(
            "CreateChain",
            "[id]",
            "Add a chain; without an id it gets one from its name.",
            "cqar chain add base --name Base --type evm --network-id 8453",
            done="added",
        ),
        "show": Verb("GetChain", "chain_id", "Show all of a chain.", "cqar chain show ethereum"),
        "set": Verb(
            "UpdateChain",
            "chain_id",
            "Change the fields that are given.",
            "cqar chain set ethereum --native-asset ETH",
            done="changed",
        ),
        "list": Verb("ListChains", "", "List chains.", "cqar chain list --type evm"),
    },
)

VENUE: Final = Noun(
    name="venue",
    about="Venues: one namespace of spellings each.",
    id="venue_id",
    one="venue",
    many="venues",
    columns="venue_id name venue_type operator chain_id is_active website_url",
    verbs={
        "add": Verb(
            "CreateVenue",
            "[venue_id]",
            "Add a venue; without an id it gets one from its name.",
            "cqar venue add binance --name Binance --type cex",
            done="added",
        ),
        "show": Verb("GetVenue", "venue_id", "Show all of a venue.", "cqar venue show binance"),
        "set": Verb(
            "UpdateVenue",
            "venue_id",
            "Change the fields that are given.",
            "cqar venue set binance --no-active --reason 'maintenance announced'",
            done="changed",
        ),
        "list": Verb("ListVenues", "", "List venues.", "cqar venue list --type dex"),
    },
)

SYMBOL: Final = Noun(
    name="symbol",
    about="Symbols: the canonical products, wherever they trade.",
    id="symbol_id",
    one="symbol",
    many="symbols",
    columns="symbol symbol_type base_asset_id quote_asset_id"
    " exact.tick_size exact.lot_size is_active symbol_id",
    verbs={
        "add": Verb(
            "CreateSymbol",
            "base_asset_id quote_asset_id",
            "Add a symbol of a base and a quote asset; its text follows from what it is.",
            "cqar symbol add BTC USDT --type spot --tick-size 0.01 --lot-size 0.00001",
            done="added",
        ),
        "show": Verb(
            "GetSymbol", "symbol_id", "Show all of a symbol.", "cqar symbol show BTC/USDT"
        ),
        "set": Verb(
            "UpdateSymbol",
            "symbol_id",
            "Change the fields that are given.",
            "cqar symbol set BTC/USDT --tick-size 0.01",
            done="changed",
        ),
        "list": Verb(
            "ListSymbols", "", "List symbols.", "cqar symbol list --type spot --base-asset BTC"
        ),
        "search": Verb(
            "SearchSymbols",
            "query",
            "Search by text and identifier; best first.",
            "cqar symbol search BTC/ --type perpetual",
        ),
        "rm": Verb(
            "DeleteSymbol",
            "symbol_id",
            "Remove a symbol that nothing refers to; its history stays.",
            "cqar symbol rm BTC/USDT",
            done="removed",
            asks=True,
        ),
    },
)

LISTING: Final = Noun(
    name="listing",
    about="Listings: one spelling at one venue during one period, and the symbol it means.",
    id="listing_id",
    one="venue_symbol",
    many="venue_symbols",
    columns="venue_id venue_symbol symbol_id status is_primary alias_of"
    " exact.tick_size exact.lot_size listed_at delisted_at",
    verbs={
        "add": Verb(
            "CreateVenueSymbol",
            "venue_id venue_symbol symbol_id",
            "Say what a venue's spelling means.",
            "cqar listing add binance BTCUSDT BTC/USDT --tick-size 0.01 --lot-size 0.00001",
            done="added",
        ),
        "show": Verb(
            "GetVenueSymbol",
            "venue_id venue_symbol",
            "Show a listing and its symbol, with the steps that apply.",
            "cqar listing show binance BTCUSDT",
            answer="*",
        ),
        "set": Verb(
            "UpdateVenueSymbol",
            "venue_id venue_symbol",
            "Change the given fields of the open listing of this spelling.",
            "cqar listing set binance BTCUSDT --status halted --reason 'wallet maintenance'",
            done="changed",
        ),
        "list": Verb(
            "ListVenueSymbols",
            "[venue_id]",
            "List the spellings of one venue, or of all.",
            "cqar listing list binance --symbol BTC/USDT",
        ),
        "rm": Verb(
            "DelistVenueSymbol",
            "venue_id venue_symbol",
            "End the open listing of this spelling, now or at an instant; its past stays.",
            "cqar listing rm binance BTCUSDT --delisted-at 2026-03-01T08:00Z",
            done="delisted",
            asks=True,
        ),
    },
    more={"void": "cqar.cli.void_listing:void"},
)

VENUE_ASSET: Final = Noun(
    name="venue-asset",
    about="Venue assets: what venues call the assets they hold, and what may be done with them.",
    id="",
    one="venue_asset",
    many="venue_assets",
    columns="venue_id asset_id venue_asset_symbol other_codes deposit_enabled withdraw_enabled"
    " trading_enabled is_active delisted_at",
    verbs={
        "add": Verb(
            "CreateVenueAsset",
            "venue_id asset_id venue_asset_symbol",
            "Say what a venue calls an asset.",
            "cqar venue-asset add kraken BTC XXBT --other-code XBT",
            done="added",
        ),
        "show": Verb(
            "GetVenueAsset",
            "venue_id asset_id",
            "Show all of an asset at a venue.",
            "cqar venue-asset show kraken BTC",
        ),
        "set": Verb(
            "UpdateVenueAsset",
            "venue_id asset_id",
            "Change the fields that are given.",
            "cqar venue-asset set kraken BTC --no-withdraw-enabled",
            done="changed",
        ),
        "list": Verb(
            "ListVenueAssets",
            "[venue_id]",
            "List the assets of one venue, or of all.",
            "cqar venue-asset list kraken",
        ),
        "rm": Verb(
            "DelistVenueAsset",
            "venue_id asset_id",
            "End an asset's availability at a venue, now or at an instant.",
            "cqar venue-asset rm kraken BTC",
            done="delisted",
            asks=True,
        ),
    },
)
