"""Option names, enum words and help texts for the contract's fields."""

from __future__ import annotations

from typing import Final

from google.protobuf.descriptor import EnumDescriptor, FieldDescriptor

#: Fields with another name on the command line; UpdateChain has the first two under that name.
_RENAMED: Final = {
    "cqc.services.v1.CreateChainRequest.chain_id": "network_id",
    "cqc.services.v1.CreateChainRequest.block_explorer_url": "explorer_url",
    "cqc.services.v1.CreateChainRequest.id": "chain",
}
_OPTION_WORDS: Final = {
    "data_source": "source",
    "doubts": "doubt",
    "legs": "leg",
    "networks": "network",
    "order_types": "order_type",
    "other_codes": "other_code",
    "permission_groups": "permission_group",
    "phases": "phase",
    "quote_alternatives": "quote_alternative",
    "resolution_notes": "notes",
    "rpc_urls": "rpc_url",
    "members": "member",
    "tick_bands": "tick_band",
    "venue_asset_symbol": "code",
    "venue_symbol": "spelling",
    "weight_exact": "weight",
}
#: Option words that end in one of these drop `_id`; a network's or a source's own id keeps it.
_ENTITY_WORDS: Final = ("asset", "symbol", "group", "chain", "venue", "deployment", "flag")
#: Fields that no command offers: pages are followed, and a reason is sent as metadata.
HIDDEN_FIELDS: Final = frozenset({"page_size", "page_token", "reason"})
#: Fields that duplicate another one that is offered.
_DUPLICATES: Final = frozenset(
    {
        "cqc.services.v1.CreateChainRequest.native_asset_symbol",  # --native-asset takes tickers
        "cqc.services.v1.GetAssetGroupRequest.name",  # GROUP is an id or a name
        "cqc.services.v1.RaiseQualityFlagRequest.raised_by",  # --source
    }
)


def is_offered(field: FieldDescriptor) -> bool:
    """Whether a user can set the field. Doubles are not offered: each has an exact text field."""
    return not (
        field.type == FieldDescriptor.TYPE_DOUBLE
        or field.name in HIDDEN_FIELDS
        or field.full_name in _DUPLICATES
    )


def option_word(field: FieldDescriptor, noun: str = "") -> str:
    """The option name of a field, such as `tick-size`.

    Args:
        noun: The noun whose own type is called just `type`.
    """
    name = _OPTION_WORDS.get(field.name, _RENAMED.get(field.full_name, field.name))
    if name == f"{noun}_type":
        return "type"
    owner = name.removesuffix("_id")
    if name != owner and owner.rpartition("_")[2] in (*_ENTITY_WORDS, "relationship"):
        name = owner
    return name.removeprefix("is_").replace("_", "-")


def enum_words(enum: EnumDescriptor) -> dict[str, int]:
    """Word -> number: `lp-token` for ASSET_TYPE_LP_TOKEN. The unspecified value is left out."""
    zero = enum.values_by_number[0].name
    prefix = zero.removesuffix("UNSPECIFIED")
    return {
        value.name.removeprefix(prefix).lower().replace("_", "-"): value.number
        for value in enum.values
        if value.number
    }


def enum_word(enum: EnumDescriptor, number: int) -> str:
    """The word for a number; the number itself if this release does not know it."""
    return next((word for word, n in enum_words(enum).items() if n == number), str(number))


FIELD_HELP: Final = {
    "alias_of": "The primary spelling at the same venue that this spelling is an alias of.",
    "api_endpoint": "URL of its API.",
    "as_of": "Show the meaning at this time; default: now.",
    "ask_multiplier_down": "Lowest price of an ask, in multiples of a reference price; exact.",
    "ask_multiplier_up": "Highest price of an ask, in multiples of a reference price; exact.",
    "asset_class": "What kind of thing it is.",
    "asset_id": "Only this asset: its id, or its ticker if no other asset has it.",
    "asset_type": "Type of asset.",
    "base_asset_id": "Only with this base asset: id or ticker.",
    "bid_multiplier_down": "Lowest price of a bid, in multiples of a reference price; exact.",
    "bid_multiplier_up": "Highest price of a bid, in multiples of a reference price; exact.",
    "caip2": "Name by CAIP-2, such as cosmos:osmosis-1; EVM chains need none.",
    "category": "Free text, such as stablecoin.",
    "chain_id": "The chain.",
    "chain_type": "Type of chain: evm, solana, bitcoin…",
    "channels": "Where the venue uses this spelling: REST, WS, WS_V2, FIX, ID; only of an alias.",
    "contract_address": "Address of its contract; empty for a chain's native coin.",
    "contract_kind": "Whether it pays in quote, in base, or in a third asset.",
    "contract_size": "Size of one contract: base units if linear, quote units if inverse.",
    "conversion_rate": "Units of the target in one unit of the source; exact.",
    "data_source": "Source, such as figi.",
    "decimals": "Number of decimal places on that chain.",
    "delisted_at": "Time of the delisting; default: now.",
    "deployment_id": "Id of the deployment that the venue uses.",
    "deposit_enabled": "Whether it can be deposited.",
    "deposit_fee": "Deposit fee in units of the asset; exact.",
    "description": "A sentence or two.",
    "doubts": "A reason that denies opening, such as SOURCE_MISSING; repeatable.",
    "environment": "Whether it is the real market, a test or a demonstration.",
    "evidence_url": "URL of the evidence.",
    "exercise_style": "Whether an option is exercised at its expiry only.",
    "expiry": "Time at which it expires.",
    "explorer_url": "URL of its block explorer.",
    "external_id": "What the source calls it, letter for letter.",
    "facts_stale_after_s": "Age in seconds from which on its facts are too old; 0: none is.",
    "flag_type": "What the flag warns of.",
    "funding_interval_s": "Seconds between two fundings.",
    "group_type": "Free text, such as basket.",
    "if_revision": "Refuse if the entity changed after this revision.",
    "include_delisted": "Include delisted ones.",
    "include_resolved": "Include resolved ones.",
    "initial_margin_rate": "A fraction, of the first tier; exact.",
    "is_active": "Whether it is in use.",
    "is_canonical": "Whether it is the asset's main deployment on that chain.",
    "is_native": "Whether it is the chain's native coin.",
    "is_primary": "Whether it is preferred when looking up in the other direction.",
    "is_testnet": "Whether it is a test network.",
    "last_trade_at": "Last time of trading, where it is stated beside the expiry.",
    "legs": "A leg of a combination and its signed ratio; repeatable.",
    "limit": "Maximum number of results; default: 20.",
    "listed_at": "Time of the listing; default: now.",
    "logo_url": "URL of its logo.",
    "lot_size": "Step of the quantity; exact.",
    "maintenance_margin_rate": "A fraction, of the first tier; exact.",
    "maker_fee": "A fraction: 0.001 is 0.1 %; a rebate is negative.",
    "market_lot_size": "Step of the quantity of a market order; exact.",
    "market_max_notional": "Maximum value of a market order; exact.",
    "market_max_size": "Maximum quantity of a market order; exact.",
    "market_min_notional": "Minimum value of a market order; exact.",
    "market_min_size": "Minimum quantity of a market order; exact.",
    "max_flag_severity": "Leave out assets with an active flag above this severity.",
    "max_leverage": "Maximum leverage.",
    "max_order_size": "Maximum quantity of an order; exact.",
    "max_order_value": "Maximum value of an order; exact.",
    "max_price": "Highest price of an order; exact.",
    "members": "An asset and its weight; repeatable.",
    "metadata": "A JSON object; replaces the existing one.",
    "min_deposit": "Minimum deposit in units of the asset; exact.",
    "min_notional": "Minimum price times quantity; exact.",
    "min_order_size": "Minimum quantity of an order; exact.",
    "min_order_value": "Minimum value of an order; exact.",
    "min_price": "Lowest price of an order; may be negative; exact.",
    "min_severity": "Only this severity or worse.",
    "min_withdrawal": "Minimum withdrawal in units of the asset; exact.",
    "name": "Name for display.",
    "native_asset_id": "The chain's native coin: id or ticker.",
    "network_id": "Number of the network, such as 1.",
    "networks": "A network with its fields; repeatable; replaces the existing ones.",
    "operator": "Company that runs it: binance for binance-usdm.",
    "option_type": "Call or put.",
    "order_types": "A type of order that the venue takes; repeatable.",
    "order_unit": "What the quantity of an order counts.",
    "other_codes": "Another code of the asset at this venue; repeatable.",
    "permission_groups": "Groups of which an account needs one; repeatable.",
    "phases": "A phase of trading with its times; repeatable.",
    "price_asset_id": "Asset in which prices are quoted, if it is not the quote asset.",
    "price_significant_digits": "Maximum number of significant digits of a price.",
    "protocol": "Name of the protocol.",
    "protocol_address": "Contract address of an on-chain venue.",
    "quote_alternatives": "Code of an asset that it may also be settled in; repeatable.",
    "quote_asset_id": "Only with this quote asset: id or ticker.",
    "region": "A slug such as eu.",
    "relationship_type": "How the assets relate.",
    "resolution_notes": "How it was resolved.",
    "resolved_by": "Who resolved it; default: the key's actor.",
    "rpc_urls": "URL of an RPC endpoint; repeatable; replaces the existing ones.",
    "scheduled": "An announced change of a term; repeatable, ascending.",
    "settlement_asset_id": "Asset of settlement: id or ticker; for spot, the quote asset.",
    "settlement_method": "Whether it settles in cash or by delivery.",
    "source": "Source, such as coingecko; of a flag by default the key's actor.",
    "status": "Trading status.",
    "strike_price": "Strike price of an option; exact.",
    "symbol": "Text for display; programs use the id.",
    "symbol_id": "Only this symbol: its id, or its text if no other symbol has it.",
    "symbol_type": "Type of product.",
    "taker_fee": "A fraction: 0.001 is 0.1 %.",
    "tick_bands": "Tick size from a price upwards; repeatable, ascending.",
    "tick_size": "Step of the price; exact.",
    "time_in_force": "How long an order may live, such as GTC; repeatable.",
    "trading_enabled": "Whether it can be traded.",
    "trading_starts_at": "When continuous trading starts.",
    "underlying": "Index or asset that its price follows; the name of a combination.",
    "underlying_class": "What its price is of.",
    "unit_multiplier": "Base units in one unit of the venue: 1000 for 1000SHIBUSDT.",
    "venue_asset_symbol": "The venue's code for the asset.",
    "venue_symbol": "Only this spelling.",
    "venue_type": "Type of venue.",
    "website_url": "URL of its website.",
    "weight_exact": "Units of the group in one unit of the asset; exact.",
    "withdraw_enabled": "Whether it can be withdrawn.",
    "withdrawal_fee": "Withdrawal fee in units of the asset; exact.",
}


def field_help(field: FieldDescriptor) -> str:
    """The help text of a field's option.

    Raises:
        KeyError: `FIELD_HELP` has no text for the field.
    """
    return FIELD_HELP[_RENAMED.get(field.full_name, field.name)]
