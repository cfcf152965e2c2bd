"""Two registries of the same files in two orders: which codes and listings mean another thing.

An asset that an import made is what it is bound to, and not its id: its codes. What differs is of
a kind that the registries' own findings and periods decide; the rest is a fault.
"""

from __future__ import annotations

import enum
from collections import defaultdict
from collections.abc import Hashable, Iterator
from itertools import groupby
from typing import Final, NamedTuple

from cqar.importer.readers.registry import product_lines, production_operator
from cqar_shared.domain.kinds.asset import ASSET
from cqar_shared.domain.kinds.finding import FINDING
from cqar_shared.domain.kinds.symbol import SYMBOL
from cqar_shared.domain.kinds.venue import VENUE
from cqar_shared.domain.kinds.venue_symbol import VENUE_SYMBOL
from tests.identity.world import World

_Code = tuple[str, str]
_Bound = dict[str, frozenset[_Code]]


class Cause(enum.StrEnum):
    """Why the order matters to a code, or to a listing."""

    HELD = "its reuse is held for a person: what was read first keeps the known asset"
    REPEATED = "a test environment's, of a code that meant two things at its operator's production"
    ASKED = "a test environment's, read before its operator's production: a person is asked"
    RELISTED = "a spelling that the venue dates anew: read backwards, nothing yet says it is one"
    UNKNOWN = "not known"


OF_CODES: Final = (Cause.HELD, Cause.REPEATED, Cause.ASKED)
#: What a code means now does not differ by the last of these.
OF_LISTINGS: Final = (*OF_CODES, Cause.RELISTED)


class Difference(NamedTuple):
    """What means one thing in one order and another in the other."""

    where: str
    name: str
    cause: Cause


class Comparison:
    """What differs between two registries."""

    def __init__(self, one: World, other: World) -> None:
        self._worlds = (one, other)
        self._bound = [_codes_of_assets(world) for world in self._worlds]
        held = [_held(world) for world in self._worlds]
        self._held = held[0] | held[1]
        self._operators = {v.venue_id: v.operator or v.venue_id for v in one.all(VENUE)}
        self._tests = _production_of_tests()

    def codes(self) -> list[Difference]:
        """Codes that are bound to other assets, or in another order of them."""
        found = [self._meanings(*pair) for pair in zip(self._worlds, self._bound, strict=True)]
        return [
            Difference(*code, self._cause(code))
            for code in sorted(found[0].keys() | found[1].keys())
            if found[0].get(code) != found[1].get(code)
        ]

    def listings(self) -> list[Difference]:
        """Spellings that mean other assets, or in another order of them."""
        found = [dict(_spellings(world)) for world in self._worlds]
        differing = []
        for key in sorted(found[0].keys() | found[1].keys()):
            ours, theirs = (one.get(key, ()) for one in found)
            if _sequence(ours) != _sequence(theirs):
                operator = self._operators[key[0]]
                codes = sorted({period.code for period in (*ours, *theirs)})
                causes = [self._cause((operator, code)) for code in codes]
                cause = next((c for c in causes if c is not Cause.UNKNOWN), Cause.UNKNOWN)
                if cause is Cause.UNKNOWN and max(len(ours), len(theirs)) > 1:
                    cause = Cause.RELISTED
                differing.append(Difference(*key, cause))
        return differing

    @staticmethod
    def _meanings(world: World, bound: _Bound) -> dict[_Code, tuple[Hashable, ...]]:
        return {
            code: tuple(
                _what(world, bound, held.asset_id)
                for held in sorted(bindings, key=lambda held: str(held.listed_at or ""))
            )
            for code, bindings in world.bindings().items()
        }

    def _cause(self, code: _Code) -> Cause:
        if self._is_held(code):
            return Cause.HELD
        repeated = (self._tests.get(code[0], ""), code[1])
        means_two = any(len(world.bindings().get(repeated, ())) > 1 for world in self._worlds)
        if means_two or self._is_held(repeated):
            return Cause.REPEATED
        return Cause.ASKED if repeated[0] and self._is_asked(code, repeated) else Cause.UNKNOWN

    def _is_asked(self, code: _Code, repeated: _Code) -> bool:
        """Whether a registry asks whether a code is what the other one knows it to be."""
        for asking, knowing in (self._worlds, self._worlds[::-1]):
            known = {held.asset_id for held in knowing.bindings().get(code, ())}
            for finding in asking.open_findings():
                is_about_it = (finding.venue_id, finding.code) in (code, repeated)
                if is_about_it and finding.proposed_asset_id in known:
                    return True
        return False

    def _is_held(self, code: _Code) -> bool:
        return (code[0], code[1].upper()) in self._held


def _codes_of_assets(world: World) -> _Bound:
    found: defaultdict[str, set[_Code]] = defaultdict(set)
    for code, bindings in world.bindings().items():
        for held in bindings:
            found[held.asset_id].add(code)
    return {asset_id: frozenset(codes) for asset_id, codes in found.items()}


def _what(world: World, bound: _Bound, asset_id: str) -> Hashable:
    """What identifies an asset: its id, or of one that an import made, all codes that mean it."""
    asset = world.get(ASSET, asset_id)
    return (bound.get(asset_id) or asset.symbol) if asset.unverified else asset_id


def _held(world: World) -> set[_Code]:
    """Operator and code of findings REUSE."""
    operators = {v.venue_id: v.operator or v.venue_id for v in world.all(VENUE)}
    return {
        (operators[f.venue_id], f.code.upper())
        for f in world.all(FINDING)
        if f.kind == "REUSE" and f.venue_id and f.code
    }


def _production_of_tests() -> dict[str, str]:
    """Operator of a test environment -> the operator whose codes it repeats."""
    found = {}
    for venue_id, line in product_lines().items():
        if (production := production_operator(venue_id)) is not None:
            found[line.operator] = production
    return found


class _Period(NamedTuple):
    begun: str
    code: str
    what: Hashable


def _spellings(world: World) -> Iterator[tuple[tuple[str, str], list[_Period]]]:
    periods: defaultdict[tuple[str, str], list[_Period]] = defaultdict(list)
    for listing in world.all(VENUE_SYMBOL):
        base_id = world.get(SYMBOL, listing.symbol_id).base_asset_id
        asset = world.get(ASSET, base_id)
        begun = str(listing.listed_at or "")
        what = (asset.symbol, "made here") if asset.unverified else base_id
        periods[listing.venue_id, listing.venue_symbol].append(_Period(begun, asset.symbol, what))
    yield from ((key, sorted(found)) for key, found in periods.items())


def _sequence(periods: list[_Period] | tuple[()]) -> list[Hashable]:
    """The things in their order; two periods of one thing are one here."""
    return [what for what, _ in groupby(period.what for period in periods)]
