"""Which asset is at a place that a list names: a known one, or a new one. Pure.

A ticker never decides. A new asset that has the ticker of a verified one gets a finding SAME_TICKER
with the candidates. A deployment whose decimals are disputed is put in quarantine, and keeps those
that it has.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import Final

import msgspec

from cqar.importer.reference.places import EVM, ChainPlace, Places
from cqar.importer.reference.statements import RowOutcome, Statements, speaks_for
from cqar.importer.stable_ids import catalogue_id
from cqar_shared.domain.finding_policy import FindingKind
from cqar_shared.domain.kinds.asset import ASSET, Asset, AssetClassCode, AssetType
from cqar_shared.domain.kinds.asset_deployment import ASSET_DEPLOYMENT, AssetDeployment
from cqar_shared.domain.kinds.asset_relationship import ASSET_RELATIONSHIP
from cqar_shared.domain.kinds.chain import Chain
from cqar_shared.domain.kinds.finding import (
    Finding,
    FindingDifference,
    FindingEvidence,
    FindingState,
)

#: Of one finding; more coins of one ticker are no help to who decides.
CANDIDATES_MAX: Final = 16
DECIMALS_DISAGREE: Final = str(FindingKind.DECIMALS_DISAGREE)
_TOKEN_TYPES: Final = {EVM: AssetType.ERC20, "SOLANA": AssetType.SPL}


class ListAssets:
    """The registry's assets, and those that a list adds."""

    def __init__(self, stated: Statements, places: Places) -> None:
        self._stated = stated
        self.places = places
        self._tickers: defaultdict[str, list[Asset]] = defaultdict(list)
        for asset in stated.state.all(ASSET):
            self._file(asset)
        self._apart: set[frozenset[str]] = {
            frozenset((edge.from_asset_id, edge.to_asset_id))
            for edge in stated.state.all(ASSET_RELATIONSHIP)
        }

    def _file(self, asset: Asset) -> None:
        if asset.merged_into is None:
            self._tickers[asset.symbol.upper()].append(asset)

    def asset(self, asset_id: str) -> Asset | None:
        """Return an asset, or the one that answers for it now."""
        found: Asset | None = self._stated.get(ASSET, asset_id)
        if found is not None and found.merged_into is not None:
            found = self._stated.get(ASSET, found.merged_into)
        return found

    def are_related(self, one: str, other: str) -> bool:
        """Whether a relationship says that two assets are two: one wraps or bridges the other."""
        return frozenset((one, other)) in self._apart

    def relate(self, one: str, other: str) -> None:
        self._apart.add(frozenset((one, other)))

    def symbols_of(self, asset_id: str) -> set[str]:
        """Return the tickers that an asset has or had, in upper case."""
        asset = self.asset(asset_id)
        if asset is None:
            return set()
        former = (name.symbol for name in asset.former_names or ())
        return {symbol.upper() for symbol in (asset.symbol, *former) if symbol}

    def new_asset(
        self,
        place: ChainPlace,
        symbol: str,
        name: str,
        *,
        chain: Chain,
        asset_type: AssetType | None = None,
        is_explained: bool = False,
    ) -> str:
        """State an unverified asset for a place, and open a finding if its ticker is taken.

        Args:
            is_explained: Whether the list says what it is: the voucher of another, say. Then its
                ticker is that of the other, and no finding.

        Returns:
            Its id, which follows from the place.
        """
        asset_id = catalogue_id("asset", f"{place.chain_id}/{place.address}")
        known = self.asset(asset_id)
        if known is not None:
            return known.asset_id
        asset = Asset(
            asset_id=asset_id,
            symbol=symbol,
            name=name,
            asset_type=asset_type or _TOKEN_TYPES.get(chain.chain_type),
            asset_class=AssetClassCode.CRYPTO,
            unverified=True,
        )
        self._stated.put(ASSET, asset)
        if not chain.is_testnet and not is_explained:
            # A test coin is not the coin: it has no candidates, and is none.
            self._same_ticker(asset, place)
            self._file(asset)
        return asset_id

    def _same_ticker(self, asset: Asset, place: ChainPlace) -> None:
        evidence = list(self._evidence(asset, place))
        named = [e.asset_id for e in evidence if e.kind == "NAME"]
        candidates = [self.asset(e.asset_id) for e in evidence if e.asset_id is not None]
        # Two unverified ones are for `cqar asset duplicates`: nobody has said what either is.
        if all(candidate is None or candidate.unverified for candidate in candidates):
            return
        finding = Finding(
            kind=FindingKind.SAME_TICKER,
            chain_id=place.chain_id if place.address else None,
            address=place.address or None,
            asset_id=asset.asset_id,
            proposed_asset_id=named[0] if len(named) == 1 else None,
            evidence=tuple(evidence),
            summary=f"{asset.name} ({asset.symbol}) at {place.address or 'its own chain'} on"
            f" {place.chain_id} has the ticker of known assets",
        )
        self._stated.find(finding)
        self._stated.remark(f"{FindingKind.SAME_TICKER}: nothing but its ticker says what it is")

    def has_candidates(self, symbol: str, name: str, place: ChainPlace) -> bool:
        """Whether a known coin might be the one of a ticker and a name at a place."""
        asset = Asset(symbol=symbol, name=name)
        return any(True for _ in self._evidence(asset, place))

    def _evidence(self, asset: Asset, place: ChainPlace) -> Iterator[FindingEvidence]:
        """What speaks for each candidate.

        A candidate is verified, or has the name, too. One that has its own contract on the same
        chain is another coin. Of one list, coins of one chain are never each other's candidates.
        """
        shown = 0
        for other in self._tickers.get(asset.symbol.upper(), ()):
            is_named = other.name.casefold() == asset.name.casefold()
            if shown == CANDIDATES_MAX or (other.unverified and not is_named):
                continue
            if other.asset_class not in (None, AssetClassCode.CRYPTO):
                continue
            if place.chain_id in self.places.chains_of.get(other.asset_id, ()):
                continue
            shown += 1
            yield speaks_for("TICKER", other.asset_id, f"{other.symbol}, {other.name}"[:200])
            if is_named:
                yield speaks_for("NAME", other.asset_id, other.name[:200])

    def deploy(
        self, asset_id: str, chain: Chain, address: str | None, decimals: int | None
    ) -> AssetDeployment:
        """State a deployment, or compare its decimals with those of a known one."""
        place = self.places.place(chain, address)
        held = self.places.deployment(place)
        if held is not None:
            if decimals is not None and held.decimals != decimals:
                self._dispute(held, decimals)
            return held
        deployment = AssetDeployment(
            deployment_id=catalogue_id("deployment", f"{place.chain_id}/{place.address}"),
            asset_id=asset_id,
            chain_id=chain.chain_id,
            address=address or None,
            decimals=decimals,
            is_native=not address,
        )
        self.places.hold(deployment)
        self._stated.put(ASSET_DEPLOYMENT, deployment)
        return deployment

    def _dispute(self, held: AssetDeployment, decimals: int) -> None:
        """Put a deployment in quarantine: a source says other decimals."""
        stated = self._stated
        if held.address is None:
            stated.remark(
                f"its chain's own coin has {held.decimals} decimals here, {decimals} there"
            )
            return
        stated.remark(f"{DECIMALS_DISAGREE}: {held.decimals} decimals here, {decimals} there")
        if stated.is_decided(_dispute_of(held, decimals, held.decimals)):
            # Between these two, a person chose the ones that are here.
            return
        state = stated.find(
            msgspec.structs.replace(
                _dispute_of(held, held.decimals, decimals),
                summary=f"{stated.source.name} says {decimals} decimals, here are {held.decimals}",
            )
        )
        if state is not FindingState.OPEN:
            return
        current: AssetDeployment = stated.get(ASSET_DEPLOYMENT, held.deployment_id) or held
        doubts = current.doubts or ()
        if DECIMALS_DISAGREE not in doubts:
            doubted = msgspec.structs.replace(current, doubts=(*doubts, DECIMALS_DISAGREE))
            stated.row.outcome = RowOutcome.CHANGED
            stated.put(ASSET_DEPLOYMENT, doubted)
            self.places.hold(doubted)

    def duplicates(self, keep: str, other: str, why: str, *, evidence: str = "CONTRACT") -> None:
        """Propose to merge two assets that a list takes for one.

        Args:
            why: What the list says.
            evidence: CONTRACT where it names contracts; REVIEWED where people checked that.
        """
        if keep == other or self.are_related(keep, other):
            return
        assets = self.asset(keep), self.asset(other)
        names = [f"{a.name} ({a.symbol})" if a else "?" for a in assets]
        self._stated.find(
            Finding(
                kind=FindingKind.DUPLICATE,
                asset_id=other,
                proposed_asset_id=keep,
                evidence=(speaks_for(evidence, keep, f"{self._stated.source.name}: {why}"[:200]),),
                summary=f"{self._stated.source.name} takes {names[1]} and {names[0]} for one asset",
            )
        )
        self._stated.remark(f"{FindingKind.DUPLICATE}: {names[1]} and {names[0]}")

    def older(self, one: str, other: str) -> tuple[str, str]:
        """Return which of two assets is to be kept, and the other: a verified one is kept."""
        first, second = self.asset(one), self.asset(other)
        if first is not None and second is not None and first.unverified > second.unverified:
            return other, one
        if first is not None and second is not None and first.unverified == second.unverified:
            return (one, other) if one < other else (other, one)
        return one, other


def _dispute_of(held: AssetDeployment, before: int | None, after: int | None) -> Finding:
    """The finding that a contract has other decimals; its asset may be merged, so it is no part."""
    difference = FindingDifference(field="decimals", before=str(before), after=str(after))
    return Finding(
        kind=DECIMALS_DISAGREE,
        chain_id=held.chain_id,
        address=held.address,
        differences=(difference,),
    )
