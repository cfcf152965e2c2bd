"""Which asset a text names: a contract, an identifier of a source, an id, a described code. Pure.

A contract decides. So does an identifier that the registry has already. A bare code (rotki's
`RON`) means what its description says: the coin of that CoinGecko id, or else the one verified
asset that has both its name and its ticker. A ticker alone names nothing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import Final, NamedTuple

from cqar.importer.reference.list_assets import ListAssets
from cqar.importer.reference.list_file import ListFile, UnreadableRow, number_of, text_of
from cqar.importer.reference.places import OWN_COIN_ADDRESSES, ChainPlace
from cqar.importer.reference.reference_state import ReferenceState
from cqar.importer.saved_answers import UnusableAnswer
from cqar.importer.stable_ids import catalogue_id
from cqar_shared.domain import caip
from cqar_shared.domain.identifier_formats import NotAnIdentifier
from cqar_shared.domain.kinds.asset import ASSET, Asset, AssetClassCode
from cqar_shared.domain.kinds.asset_identifier import (
    ASSET_IDENTIFIER,
    AssetDataSource,
    AssetIdentifier,
)
from cqar_shared.domain.kinds.chain import Chain

#: rotki's way to write what CAIP-19 begins with Solana's genesis hash.
_ROTKI_SOLANA: Final = "solana/token:"
_DESCRIPTION_COLUMNS: Final = frozenset({"identifier", "name", "symbol", "coingecko"})


class FoundAsset(NamedTuple):
    """An asset, and what said that it is meant: CONTRACT, IDENTIFIER, ID or NAME."""

    asset_id: str
    by: str


class Described(NamedTuple):
    """What a list of assets says of one of them; texts may be empty, decimals None."""

    name: str
    symbol: str
    coingecko: str
    decimals: int | None


def descriptions(source: ListFile) -> dict[str, Described]:
    """Read rotki's list of assets, by identifier.

    Raises:
        UnusableAnswer: The file has another form.
    """
    if not set(source.columns) >= _DESCRIPTION_COLUMNS:
        wanted = ", ".join(sorted(_DESCRIPTION_COLUMNS))
        raise UnusableAnswer(f"{source.name} describes no assets: a CSV with {wanted} was expected")
    found: dict[str, Described] = {}
    for record in source.value:
        try:
            decimals = text_of(record, "decimals")
            found[text_of(record, "identifier")] = Described(
                text_of(record, "name"),
                text_of(record, "symbol"),
                text_of(record, "coingecko"),
                number_of(decimals, "decimals") if decimals else None,
            )
        except UnreadableRow:
            # Whoever names it is told that it is not described.
            continue
    return found


class AssetRefs:
    """Finds assets of the registry, and of a list, by the texts that lists name them by."""

    def __init__(
        self,
        state: ReferenceState,
        assets: ListAssets,
        described: Mapping[str, Described] | None = None,
    ) -> None:
        self._assets = assets
        self.described = described or {}
        self._identifiers: dict[tuple[AssetDataSource, str], str] = {}
        for one in state.all(ASSET_IDENTIFIER):
            self.know(one)
        self._named: defaultdict[tuple[str, str], set[str]] = defaultdict(set)
        for asset in state.all(ASSET):
            self._name(asset)

    def know(self, identifier: AssetIdentifier) -> None:
        if identifier.source is not None:
            self._identifiers[identifier.source, identifier.external_id] = identifier.asset_id

    def _name(self, asset: Asset) -> None:
        is_coin = asset.asset_class in (None, AssetClassCode.CRYPTO)
        if is_coin and not asset.unverified and asset.merged_into is None:
            former = (
                (f.symbol or asset.symbol, f.name or asset.name) for f in asset.former_names or ()
            )
            for symbol, name in ((asset.symbol, asset.name), *former):
                self._named[symbol.upper(), name.casefold()].add(asset.asset_id)

    def of_identifier(self, source: AssetDataSource, external_id: str) -> str | None:
        found = self._identifiers.get((source, external_id)) if external_id else None
        asset = self._assets.asset(found) if found else None
        return asset.asset_id if asset else None

    def of_name(self, symbol: str, name: str) -> str | None:
        """Return the one verified coin with a ticker and a name, or which had both."""
        found = self._named.get((symbol.upper(), name.casefold()), set())
        return next(iter(found)) if len(found) == 1 else None

    def contract_of(self, text: str) -> tuple[Chain, str] | None:
        """Return chain and address of `eip155:1/erc20:0x…`; None if it is no contract here."""
        places = self._assets.places
        if text.startswith(_ROTKI_SOLANA):
            solana = places.chain("solana")
            return (solana, text.removeprefix(_ROTKI_SOLANA)) if solana is not None else None
        try:
            named = caip.parse_asset(text)
        except NotAnIdentifier:
            return None
        chain = places.chain_of_caip2(named.chain)
        return (chain, named.address) if chain is not None and named.address else None

    def at(self, chain: Chain, address: str) -> FoundAsset | None:
        own = address.lower() in OWN_COIN_ADDRESSES
        place = self._assets.places.place(chain, "" if own else address)
        found = self._assets.places.asset_at(place)
        return FoundAsset(found, "CONTRACT") if found is not None else None

    def of_listed(self, text: str, *, makes_new: bool = True) -> FoundAsset | None:
        """Find the asset of an identifier such as rotki's: a contract, or a described code.

        Args:
            makes_new: Whether a described contract that the registry lacks becomes a new asset.
        """
        contract = self.contract_of(text)
        if contract is not None and (found := self.at(*contract)) is not None:
            return found
        described = self.described.get(text)
        if described is None:
            return None
        known = self.of_identifier(AssetDataSource.COINGECKO, described.coingecko)
        if known is not None:
            return FoundAsset(known, "IDENTIFIER")
        if contract is not None and makes_new:
            return self._new(*contract, described)
        if contract is not None:
            return None
        named = self.of_name(described.symbol, described.name)
        return FoundAsset(named, "NAME") if named is not None else None

    def _new(self, chain: Chain, address: str, described: Described) -> FoundAsset | None:
        """State an unverified asset for a contract that the registry lacks and a list describes."""
        if described.decimals is None or not (described.symbol and described.name):
            return None
        place: ChainPlace = self._assets.places.place(chain, address)
        asset_id = self._assets.new_asset(place, described.symbol, described.name, chain=chain)
        self._assets.deploy(asset_id, chain, address, described.decimals)
        return FoundAsset(asset_id, "CONTRACT")

    def of_own(self, text: str) -> FoundAsset | None:
        """Find an asset by id, catalogue slug, or `chain:address`; `SYMBOL+` may stand before it.

        Raises:
            UnreadableRow: The asset has another symbol than stands before it.
        """
        symbol, plus, rest = text.rpartition("+")
        found = self._of_own(rest)
        if (
            found is not None
            and plus
            and symbol.upper() not in self._assets.symbols_of(found.asset_id)
        ):
            raise UnreadableRow(f"{rest} is not {symbol}: asset {found.asset_id}")
        return found

    def _of_own(self, text: str) -> FoundAsset | None:
        if "/" in text:
            return self.of_listed(text)
        chain_id, colon, address = text.partition(":")
        if colon:
            chain = self._assets.places.chain(chain_id)
            return self.at(chain, address) if chain is not None else None
        for asset_id in (text.lower(), catalogue_id("asset", text)):
            asset = self._assets.asset(asset_id)
            if asset is not None:
                return FoundAsset(asset.asset_id, "ID")
        return None
