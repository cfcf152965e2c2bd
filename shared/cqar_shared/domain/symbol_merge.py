"""Lets the symbols of a merged asset be of the one that it was merged into. Pure.

A symbol whose terms become those of another one goes up in it: its listings, identifiers and former
ids move, and it stays as it was, its id standing for the other one's. So a listing keeps its id,
its spelling, its period and its terms: what it meant at any time is answered as before, under the
id that the symbol has now.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import msgspec

from cqar_shared.domain.evaluation import Item
from cqar_shared.domain.kind import RegistryView
from cqar_shared.domain.kinds.asset import Asset
from cqar_shared.domain.kinds.symbol import (
    IDENTITY,
    SYMBOL,
    Symbol,
    SymbolTypeCode,
    kind_of,
    notation,
    same_identity,
)
from cqar_shared.domain.kinds.symbol_identifier import SYMBOL_IDENTIFIER
from cqar_shared.domain.kinds.venue_symbol import VENUE_SYMBOL, VenueSymbol
from cqar_shared.domain.relinking import found, relink
from cqar_shared.domain.rules import overlap
from cqar_shared.errors import FieldViolation, Invalid

_ASSETS: Final = ("base_asset", "quote_asset", "settlement_asset", "price_asset")


def move_symbols(merged: Asset, target: Asset, registry: RegistryView) -> Iterator[Item]:
    """Yield the items for symbols, and for what is theirs.

    Raises:
        Invalid: A symbol would trade the asset against itself, or be another product than the one
            whose terms it gets.
    """
    #: Terms -> the symbol that has them afterwards.
    moved: dict[tuple[Any, ...], Symbol] = {}
    #: (symbol, venue) -> listings that are moved there, as they will be.
    arrived: dict[tuple[str, str], list[VenueSymbol]] = {}
    for symbol in _symbols_of(merged.asset_id, registry):
        after = _moved(symbol, merged, target, registry)
        terms = _terms(after)
        twin = moved.get(terms) or same_identity(after, registry)
        if twin is None or twin.symbol_id == symbol.symbol_id:
            moved[terms] = after
            yield relink(SYMBOL, after)
        else:
            _require_same_product(symbol, twin)
            yield relink(SYMBOL, symbol, merged_into=twin.symbol_id)
            yield from _move_parts(symbol, twin, arrived, registry)


def _symbols_of(asset_id: str, registry: RegistryView) -> list[Symbol]:
    by_id = {
        symbol.symbol_id: symbol
        for leg in _ASSETS
        for symbol in found(registry, "symbol", leg, asset_id)
        if symbol.merged_into is None
    }
    return [by_id[symbol_id] for symbol_id in sorted(by_id)]


def _moved(symbol: Symbol, merged: Asset, target: Asset, registry: RegistryView) -> Symbol:
    """Return the symbol of the target; its kind and its text follow from its assets.

    Raises:
        Invalid: The symbol would have one asset as base and quote.
    """
    legs = {
        f"{leg}_id": target.asset_id
        for leg in _ASSETS
        if getattr(symbol, f"{leg}_id") == merged.asset_id
    }
    after = msgspec.structs.replace(symbol, **legs)
    if after.base_asset_id == after.quote_asset_id:
        message = (
            f"{symbol.symbol!r} ({symbol.symbol_id}) trades them against one another: they are two"
        )
        raise Invalid([FieldViolation("to_asset_id", "TRADED_AGAINST", message)])
    if after.price_asset_id == after.quote_asset_id:
        after = msgspec.structs.replace(after, price_asset_id=None)
    if symbol.contract_kind is kind_of(symbol):
        after = msgspec.structs.replace(after, contract_kind=kind_of(after))
    before = _text(symbol, registry)
    if symbol.symbol == before:
        after = msgspec.structs.replace(after, symbol=_text(after, registry))
    return after


def _text(symbol: Symbol, registry: RegistryView) -> str:
    keys = (symbol.base_asset_id, symbol.quote_asset_id, symbol.settlement_asset_id)
    assets = [registry.get("asset", key) if key else None for key in keys]
    return notation(symbol, *(asset.symbol if asset else "" for asset in assets))


def _terms(symbol: Symbol) -> tuple[Any, ...]:
    name = symbol.underlying if symbol.symbol_type is SymbolTypeCode.COMBO else None
    return (*(getattr(symbol, field) for field in IDENTITY), name)


def _require_same_product(symbol: Symbol, twin: Symbol) -> None:
    """Refuse to let a symbol go up in one that counts in other units, or is of something else.

    Raises:
        Invalid: Both state it, and differ.
    """
    for field in ("underlying_class", "contract_size"):
        ours, theirs = getattr(symbol, field), getattr(twin, field)
        if ours is not None and theirs is not None and ours != theirs:
            message = (
                f"{symbol.symbol_id} would go up in {twin.symbol_id} ({twin.symbol}), whose {field}"
                " is another: correct one of them first"
            )
            raise Invalid([FieldViolation("to_asset_id", "OTHER_PRODUCT", message)])


def _move_parts(
    symbol: Symbol,
    twin: Symbol,
    arrived: dict[tuple[str, str], list[VenueSymbol]],
    registry: RegistryView,
) -> Iterator[Item]:
    for earlier in found(registry, "symbol", "merged_into", symbol.symbol_id):
        yield relink(SYMBOL, earlier, merged_into=twin.symbol_id)
    own = found(registry, "symbol_identifier", "symbol", twin.symbol_id)
    primary = {each.data_source for each in own if each.is_primary}
    for each in found(registry, "symbol_identifier", "symbol", symbol.symbol_id):
        is_primary = each.is_primary and each.data_source not in primary
        if is_primary:
            primary.add(each.data_source)
        yield relink(SYMBOL_IDENTIFIER, each, symbol_id=twin.symbol_id, is_primary=is_primary)
    for listing in found(registry, "venue_symbol", "symbol", symbol.symbol_id):
        market = (listing.venue_id, twin.symbol_id)
        there = arrived.setdefault(market, [])
        held = [*registry.find("venue_symbol", "market", *market), *there]
        has_rival = any(other.is_primary and overlap(other, listing) for other in held)
        after = msgspec.structs.replace(
            listing,
            symbol_id=twin.symbol_id,
            is_primary=listing.is_primary and not has_rival,
        )
        there.append(after)
        yield relink(VENUE_SYMBOL, after)
