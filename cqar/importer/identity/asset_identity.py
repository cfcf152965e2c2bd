"""Which assets a venue's markets are of: coins, multiples of coins, and what is no coin. Pure."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from cqar.importer.answer_reader import Reading
from cqar.importer.identity.assignment import CodeAssignment, CodeBinding
from cqar.importer.identity.code_facts import code_facts, own_codes
from cqar.importer.identity.codes import ASSET_CLASSES, imported_id, is_no_coin, is_of_class
from cqar.importer.identity.ladder import decide, proposed
from cqar.importer.identity.undecided import FindingWriter
from cqar.importer.market import Code, Market
from cqar.importer.registry_state import RegistryState, code_holder
from cqar_shared.domain.kinds.asset import Asset, AssetClassCode
from cqar_shared.domain.kinds.asset_relationship import (
    ASSET_RELATIONSHIP,
    AssetRelationship,
    RelationshipType,
)
from cqar_shared.domain.kinds.finding import Finding
from cqar_shared.domain.kinds.symbol import SYMBOL, SymbolTypeCode, UnderlyingClassCode
from cqar_shared.domain.kinds.venue import VENUE, Venue
from cqar_shared.domain.kinds.venue_asset import VenueAsset
from cqar_shared.domain.kinds.venue_symbol import VENUE_SYMBOL, VenueSymbol, is_open

#: Which coin a listing means is not decided: it is not to be opened.
MEANING_UNDECIDED: Final = "MEANING_UNDECIDED"
#: What a code is that names no coin: the code, its class, and whether it is a token on it.
_Thing = tuple[str, UnderlyingClassCode, bool]


class AssetIdentity:
    """Assigns assets to the markets of one import.

    Args:
        markets: Of the reading, with what is known of multiples.
        last_seen: Type -> when the venue's listing of the type was read last.
        is_newest: Whether no newer answers are known: an older answer asks nothing.
    """

    def __init__(
        self,
        state: RegistryState,
        venue: Venue,
        reading: Reading,
        markets: Sequence[Market],
        *,
        last_seen: Mapping[SymbolTypeCode, dt.datetime],
        is_newest: bool = True,
    ) -> None:
        holder = code_holder(venue)
        self._state = state
        self._venue_id = venue.venue_id
        self._holder = holder if state.get(VENUE.name, holder) else venue.venue_id
        self._reading = reading
        self._markets = markets
        self._is_newest = is_newest
        self._codes = CodeAssignment(
            *(state, venue.venue_id, self._holder, reading, markets, last_seen),
            is_newest=is_newest,
        )
        self._asset_of_multiple: dict[str, str] = {}
        self._asset_of_thing: dict[_Thing, str] = {}
        self._relationships: dict[str, AssetRelationship] = {}
        self._undecided = set(self._undecided_assets())

    @property
    def new_assets(self) -> dict[str, Asset]:
        """Assets that are to be made, by id."""
        return self._codes.new_assets

    @property
    def bindings(self) -> list[CodeBinding]:
        """Codes that are bound to assets of the registry now."""
        return self._codes.bindings

    @property
    def beside(self) -> set[str]:
        """Assets of which codes are noted that no market needs."""
        return self._codes.beside

    def venue_assets(self) -> Iterator[VenueAsset]:
        """What the operator's codes are to be recorded as, those that end first."""
        return self._codes.codes.changes()

    def relationships(self) -> Iterable[AssetRelationship]:
        """What ties new assets to known ones."""
        return self._relationships.values()

    def assign(self, multiples: Iterable[tuple[str, Code, str | None]] = ()) -> None:
        """Assign assets to all codes of the markets.

        Args:
            multiples: The venue's code, the coin as somebody has stated it, and its asset's id if
                that was stated.
        """
        self._codes.assign()
        for code, coin, stated_id in dict.fromkeys(multiples):
            self._asset_of_multiple[code] = self._multiple(code, coin, stated_id)
        for market in self._markets:
            if is_no_coin(market) and market.underlying_class is not None:
                self._assign_thing(market, market.underlying_class)

    def _multiple(self, code: str, coin: Code, stated_id: str | None) -> str:
        """The coin of a code that stands for many units of it.

        Such a code is not the coin's code: 1000CAT at one venue is Simon's Cat, and the code CAT
        at another is not. So neither is recorded as the venue's code of the asset.
        """
        stated = self._codes.index.get(stated_id) if stated_id is not None else None
        if stated is not None:
            return stated.asset_id
        made = imported_id("asset", self._holder, code)
        own = self._codes.index.get(made)
        if own is not None and own.symbol == coin.ticker:
            return own.asset_id
        if (known := self._codes.codes.meanings.get(coin.ticker)) is not None:
            return known
        spelling = next((m.spelling for m in self._markets if m.base.venue == code), "")
        facts = code_facts(coin, spelling=spelling)
        decision = decide(self._codes.candidates(facts, ()))
        if decision.candidate is not None:
            return decision.candidate.asset_id
        if own is not None:
            # It was another coin's before: what is said now is another one.
            made = imported_id("asset", self._holder, code, coin.ticker)
        self._codes.make_asset(made, coin.ticker, facts.names)
        asked = code_facts(Code(code, coin.ticker, coin.name), spelling=spelling)
        self._codes.ask(asked, made, decision, proposed(decision))
        return made

    def _assign_thing(self, market: Market, kind: UnderlyingClassCode) -> None:
        """Assign an asset to a code that names no coin, whatever coin has the ticker.

        It is not recorded as the venue's code either: the venue may list the coin, too. What is
        traded itself is a token on it, and not the share: neither is the other.
        """
        code, is_token = market.base, market.symbol_type is SymbolTypeCode.SPOT
        thing = (code.venue, kind, is_token)
        if thing in self._asset_of_thing:
            return
        names = (kind.name, "token", code.venue) if is_token else (kind.name, code.venue)
        made = imported_id("asset", self._holder, *names)
        own = self._codes.index.get(made)
        facts = code_facts(code, kind=kind, is_token=is_token, spelling=market.spelling)
        decision = decide(self._codes.candidates(facts, ()))
        if own is not None:
            self._asset_of_thing[thing] = own.asset_id
        elif decision.candidate is not None:
            self._asset_of_thing[thing] = decision.candidate.asset_id
        else:
            self._asset_of_thing[thing] = made
            asset_class = AssetClassCode.CRYPTO if is_token else ASSET_CLASSES[kind]
            self._codes.make_asset(made, code.ticker, facts.names, asset_class)
            self._codes.ask(facts, made, decision, proposed(decision))
        if is_token and self._is_newest:
            self._relate(market, kind, self._asset_of_thing[thing])

    def _relate(self, market: Market, kind: UnderlyingClassCode, token_id: str) -> None:
        """Say how many of a share one token on it stands for, as the record states it."""
        named = self._codes.index.by_ticker(market.base.ticker)
        shares = [a for a in named if is_of_class(a, kind) and a.asset_id != token_id]
        shares = [a for a in shares if not a.unverified] or shares
        if market.unit_multiplier is None or len(shares) != 1:
            return
        pair = (token_id, shares[0].asset_id, RelationshipType.SYNTHETIC_OF)
        if any(self._state.find(ASSET_RELATIONSHIP.name, "pair", *pair)):
            return
        relationship_id = imported_id("asset_relationship", *pair[:2], "SYNTHETIC_OF")
        self._relationships[relationship_id] = AssetRelationship(
            relationship_id=relationship_id,
            from_asset_id=token_id,
            to_asset_id=shares[0].asset_id,
            relationship_type=RelationshipType.SYNTHETIC_OF,
            conversion_rate=market.unit_multiplier,
            description=f"as {self._venue_id} states of {market.spelling}",
        )

    # ------------------------------------------------------------ what markets are of

    def asset_of(self, code: Code) -> str:
        """The asset that a code means.

        Raises:
            AmbiguousCode: the evidence fits several assets, or none.
        """
        return self._codes.asset_of(code)

    def asset_of_multiple(self, code: str) -> str | None:
        """The coin that a code stands for many units of, if a market has it."""
        return self._asset_of_multiple.get(code)

    def base_of(self, market: Market) -> str:
        """The asset that a market's base is.

        Raises:
            AmbiguousCode: the evidence fits several assets, or none.
        """
        if is_no_coin(market) and market.underlying_class is not None:
            is_token = market.symbol_type is SymbolTypeCode.SPOT
            return self._asset_of_thing[market.base.venue, market.underlying_class, is_token]
        if market.multiple_of is not None:
            return self._asset_of_multiple[market.base.venue]
        return self._codes.earlier.get(market.base.venue) or self.asset_of(market.base)

    # ------------------------------------------------------------ what is not decided

    def begins_anew(self, market: Market) -> bool:
        """Whether a market may be of another coin than its spelling was before."""
        return any(market.spelling in r.spellings for r in self._codes.reuses_of(market))

    def meant_since(self, market: Market) -> dt.datetime | None:
        """Since when a market's base means what somebody said; None if nobody gave a date."""
        codes, code = self._codes.codes, market.base.venue
        held = codes.held(code) if codes.is_reviewed(code) else None
        return held.listed_at if held is not None else None

    def meant_until(self, market: Market) -> dt.datetime | None:
        """Until when a market's base means what it does at the instant of the answers."""
        codes, code = self._codes.codes, market.base.venue
        held = codes.held(code)
        ended = held.delisted_at if held is not None else None
        return ended or codes.next_start(code)

    def keeps_meaning(self, market: Market) -> bool:
        """Whether a market stays what it was, though its code means another coin now.

        One rests, where others of its code began anew. Another never left, while it is not decided
        what the code means on the operator's other product lines.
        """
        found = self._codes.reuses_of(market)
        if not found:
            return self._has_undecided_code(market)
        return not any(market.spelling in r.spellings for r in found)

    def _has_undecided_code(self, market: Market) -> bool:
        meanings = self._codes.codes.meanings
        return any(meanings.get(code.venue) in self._undecided for code in own_codes(market))

    def is_undecided(self, market: Market, *, is_new: bool) -> bool:
        """Whether it is not decided which coin a market means.

        Args:
            is_new: Whether its listing begins now; one that is known keeps its own doubts.
        """
        if self.begins_anew(market):
            return True
        return is_new and self._has_undecided_code(market)

    def _undecided_assets(self) -> Iterator[str]:
        """Unverified assets of listings whose meaning is not decided."""
        own = (v for v in self._state.all(VENUE_SYMBOL) if v.venue_id == self._venue_id)
        for listing in (*own, *self._state.operator_listings):
            is_doubted = MEANING_UNDECIDED in (listing.doubts or ())
            if is_doubted and is_open(listing, self._state.now):
                symbol: Any = self._state.get(SYMBOL.name, listing.symbol_id)
                asset = self._codes.index.get(symbol.base_asset_id) if symbol else None
                if asset is not None and asset.unverified:
                    yield asset.asset_id

    def findings(self, listings: Mapping[str, VenueSymbol], used: set[Any]) -> list[Finding]:
        """What is not decided, of what is accepted.

        Args:
            listings: Spelling -> the venue's open listing.
            used: The assets that accepted listings stand on.
        """
        writer = FindingWriter(
            self._state, self._codes.index, self._venue_id, self._holder, self._reading
        )
        return list(writer.findings(self._codes.questions, listings, used))
