"""How the contract's fields and values are called on the command line, and what they mean."""

from __future__ import annotations

from typing import Final

from google.protobuf.descriptor import EnumDescriptor, FieldDescriptor

#: Fields that another word says better; the first two are called otherwise in UpdateChain.
_RENAMED: Final = {
    "cqc.services.v1.CreateChainRequest.chain_id": "network_id",
    "cqc.services.v1.CreateChainRequest.block_explorer_url": "explorer_url",
    "cqc.services.v1.CreateChainRequest.id": "chain",
}
_OPTION_WORDS: Final = {
    "data_source": "source",
    "other_codes": "other_code",
    "resolution_notes": "notes",
    "rpc_urls": "rpc_url",
    "members": "member",
    "tick_bands": "tick_band",
    "venue_asset_symbol": "code",
    "venue_symbol": "spelling",
    "weight_exact": "weight",
}
#: Fields whose last part names a kind of entity; a network's or a source's own id stays an id.
_ENTITY_WORDS: Final = ("asset", "symbol", "group", "chain", "venue", "deployment", "flag")
#: Fields that no command offers: pages are followed, and reasons are metadata for every change.
HIDDEN_FIELDS: Final = frozenset({"page_size", "page_token", "reason"})
#: Fields that say the same as another one that is offered.
_DUPLICATES: Final = frozenset(
    {
        "cqc.services.v1.CreateChainRequest.native_asset_symbol",  # --native-asset takes tickers
        "cqc.services.v1.GetAssetGroupRequest.name",  # GROUP is an id or a name
        "cqc.services.v1.RaiseQualityFlagRequest.raised_by",  # --source
    }
)


def is_offered(field: FieldDescriptor) -> bool:
    """Whether people can give the field: not a double, beside which stands an exact text."""
    return not (
        field.type == FieldDescriptor.TYPE_DOUBLE
        or field.name in HIDDEN_FIELDS
        or field.full_name in _DUPLICATES
    )


def option_word(field: FieldDescriptor, noun: str = "") -> str:
    """The field in the command line's words, parts joined by "-".

    Args:
        noun: Whose own type needs no more than `type`.
    """
    name = _OPTION_WORDS.get(field.name, _RENAMED.get(field.full_name, field.name))
    if name == f"{noun}_type":
        return "type"
    owner = name.removesuffix("_id")
    if name != owner and owner.rpartition("_")[2] in (*_ENTITY_WORDS, "relationship"):
        name = owner
    return name.removeprefix("is_").replace("_", "-")


def enum_words(enum: EnumDescriptor) -> dict[str, int]:
    """Short name -> number: `lp-token` for ASSET_TYPE_LP_TOKEN. The unspecified one is no value."""
    zero = enum.values_by_number[0].name
    prefix = zero.removesuffix("UNSPECIFIED")
    return {
        value.name.removeprefix(prefix).lower().replace("_", "-"): value.number
        for value in enum.values
        if value.number
    }


def enum_word(enum: EnumDescriptor, number: int) -> str:
    """The short name of a number; the number itself where this release knows no name for it."""
    return next((word for word, n in enum_words(enum).items() if n == number), str(number))


FIELD_HELP: Final = {
    "alias_of": "The primary spelling at the same venue that this one stands for.",
    "api_endpoint": "Where its API is.",
    "as_of": "What it meant at that instant; default: now.",
    "asset_id": "Only of this asset: its id, or its ticker if no other has it.",
    "asset_type": "What kind of asset.",
    "base_asset_id": "Only with this base asset: id or ticker.",
    "category": "A word of your own, such as stablecoin.",
    "chain_id": "The chain.",
    "chain_type": "What kind of chain: evm, solana, bitcoin…",
    "contract_address": "Where its contract is; nothing for a chain's own coin.",
    "contract_kind": "How it pays: in quote, in base, or in a third asset.",
    "contract_size": "Of one contract: base units if linear, quote units if inverse.",
    "conversion_rate": "Units of the target in one of the source; exact.",
    "decimals": "Digits behind the point, on that chain.",
    "delisted_at": "When; default: now.",
    "deployment_id": "Which deployment the venue means: its id.",
    "deposit_enabled": "Whether it can be deposited.",
    "deposit_fee": "In units of the asset; exact.",
    "description": "In a sentence or two.",
    "evidence_url": "Where it is proven.",
    "expiry": "When it expires.",
    "explorer_url": "Its block explorer.",
    "flag_type": "What it warns of.",
    "group_type": "A word of your own, such as basket.",
    "if_revision": "Refuse if it changed after this revision.",
    "include_delisted": "Those that have ended, too.",
    "include_resolved": "Those that have ended, too.",
    "is_active": "Whether it is in use.",
    "is_canonical": "Whether it is the asset's main one on that chain.",
    "is_native": "Whether it is the chain's own coin.",
    "is_primary": "Whether it is the one preferred on the way back.",
    "is_testnet": "Whether it is a test network.",
    "limit": "How many at most; default: 20.",
    "listed_at": "Since when; default: now.",
    "logo_url": "Its logo.",
    "lot_size": "The step of a quantity; exact.",
    "maker_fee": "A fraction: 0.001 is 0.1 %; a rebate is negative.",
    "max_flag_severity": "Without those that bear an active flag above this.",
    "max_leverage": "The most leverage.",
    "max_order_size": "The most an order may have; exact.",
    "max_order_value": "The most an order may be worth; exact.",
    "members": "An asset and its weight; several times for several.",
    "metadata": "A JSON object; replaces the one there.",
    "min_deposit": "In units of the asset; exact.",
    "min_notional": "The least price times quantity; exact.",
    "min_order_size": "The least an order may have; exact.",
    "min_order_value": "The least an order may be worth; exact.",
    "min_severity": "Of this severity or worse.",
    "min_withdrawal": "In units of the asset; exact.",
    "name": "Its name, for people.",
    "native_asset_id": "The chain's own coin: id or ticker.",
    "network_id": "The network's number, such as 1.",
    "operator": "Who runs it: binance for binance-usdm.",
    "option_type": "Call or put.",
    "other_codes": "A further code of the asset there; several times for several.",
    "price_asset_id": "What prices are quoted in, where it is not the quote asset.",
    "price_significant_digits": "How many digits a price may have.",
    "protocol": "By which protocol.",
    "protocol_address": "The contract of a venue on a chain.",
    "quote_asset_id": "Only with this quote asset: id or ticker.",
    "relationship_type": "How they stand to each other.",
    "resolution_notes": "How it was resolved.",
    "resolved_by": "Who resolved it; default: whose key this is.",
    "rpc_urls": "Where it is asked; several times for several; replaces those there.",
    "settlement_asset_id": "What it settles in: id or ticker; for spot, the quote.",
    "source": "Where it comes from; default: whose key this is.",
    "status": "What may be done there now.",
    "strike_price": "Of an option; exact.",
    "symbol": "Its text; for people, not for programs.",
    "symbol_id": "Only of this symbol: its id, or its text if no other has it.",
    "symbol_type": "What kind of product.",
    "taker_fee": "A fraction: 0.001 is 0.1 %.",
    "tick_bands": "From a price on, that tick; several times, ascending.",
    "tick_size": "The step of a price; exact.",
    "trading_enabled": "Whether it can be traded.",
    "unit_multiplier": "Canonical base units in one of the venue's: 1000 for 1000SHIBUSDT.",
    "venue_asset_symbol": "What the venue calls it.",
    "venue_symbol": "Only this spelling.",
    "venue_type": "What kind of venue.",
    "website_url": "Its site.",
    "weight_exact": "Units of the group in one of the asset; exact.",
    "withdraw_enabled": "Whether it can be withdrawn.",
    "withdrawal_fee": "In units of the asset; exact.",
}


def field_help(field: FieldDescriptor) -> str:
    """What an option means, by its field's name.

    Raises:
        KeyError: Nobody has said it yet.
    """
    name = _RENAMED.get(field.full_name, field.name)
    return FIELD_HELP[name]
