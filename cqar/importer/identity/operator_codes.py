"""An operator's codes as the registry has them, and as an import leaves them. Pure."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Iterator, Mapping

import msgspec

from cqar.importer.identity.asset_index import AssetIndex
from cqar.importer.identity.codes import imported_id
from cqar.importer.identity.ladder import Candidate, EvidenceKind
from cqar.importer.registry_state import RegistryState
from cqar_shared.domain.kinds.venue_asset import (
    EVIDENCE_MAX,
    OTHER_CODES_MAX,
    VENUE_ASSET,
    BindingEvidence,
    VenueAsset,
)

#: In a venue asset's metadata: what an import before CQAR kept evidence bound its code by.
BOUND_BY, TICKER = "bound_by", "ticker"
_ORDER: Mapping[str, int] = {kind: place for place, kind in enumerate(EvidenceKind)}


class OperatorCodes:
    """What an operator's codes mean at one instant.

    Args:
        holder: The venue whose codes apply: the operator, where it is a venue.
        at: The instant of the answers.
        is_newest: Whether no newer answers are known. Then a code that was entered after the
            answers were taken means what it says, too.
        plain_code: The code that another one is a form of; by itself, the code.
        makers: Operators by whose names an import makes assets of the codes, beside the holder.
    """

    def __init__(
        self,
        state: RegistryState,
        index: AssetIndex,
        holder: str,
        at: dt.datetime,
        *,
        is_newest: bool = True,
        plain_code: Callable[[str], str] = str,
        makers: Iterable[str] = (),
    ) -> None:
        self._state = state
        self._at = at
        self._changed: dict[str, VenueAsset] = {}
        self.holder = holder
        self._makers = frozenset((holder, *makers))
        self._held: dict[str, VenueAsset] = {}
        self._meant: dict[str, str] = {}
        self._by_letters: dict[str, set[str]] = {}
        self._plain_code = plain_code
        self._by_plain: dict[str, list[str]] = {}
        self._code_of: dict[str, str] = {}
        self._over: dict[str, list[VenueAsset]] = {}
        later: dict[str, VenueAsset] = {}
        for held in state.all(VENUE_ASSET):
            if held.venue_id != holder:
                continue
            for code in held.codes:
                if _holds_at(held, at):
                    self._held.setdefault(code, held)
                elif is_newest and _goes_on(index, code, held, at):
                    later.setdefault(code, held)
                else:
                    self._over.setdefault(code, []).append(held)
        self._held = {**later, **self._held}
        for code, held in self._held.items():
            if (asset := index.get(held.asset_id)) is not None:
                self._mean(code, asset.asset_id)

    @property
    def meanings(self) -> Mapping[str, str]:
        """Code -> asset id, of codes that are bound or were bound just now."""
        return self._meant

    def code_of(self, asset_id: str) -> str | None:
        """A code that means the asset."""
        return self._code_of.get(asset_id)

    def in_any_case(self, code: str) -> set[str]:
        """The assets of codes that differ from it in case alone."""
        found = self._by_letters.get(code.casefold(), set())
        return {self._meant[one] for one in found if one in self._meant}

    def other_form(self, code: str) -> str | None:
        """The asset of a code that is a form of the same: BTC, and BTCF0 of its derivatives."""
        forms = self._by_plain.get(self._plain_code(code), ())
        return next((self._meant[f] for f in forms if f != code and f in self._meant), None)

    def _mean(self, code: str, asset_id: str) -> None:
        self._meant[code] = asset_id
        self._code_of.setdefault(asset_id, code)
        self._by_letters.setdefault(code.casefold(), set()).add(code)
        self._by_plain.setdefault(self._plain_code(code), []).append(code)

    def held(self, code: str) -> VenueAsset | None:
        return self._held.get(code)

    def ended(self, code: str) -> list[VenueAsset]:
        """What the code meant at other times."""
        return self._over.get(code, [])

    def next_start(self, code: str) -> dt.datetime | None:
        """When the code began to mean something else, after the instant."""
        starts = (held.listed_at for held in self._over.get(code, ()))
        return min((s for s in starts if s is not None and s > self._at), default=None)

    def is_reviewed(self, code: str) -> bool:
        """Whether a person or a list said what the code means, and no import found it."""
        held = self._held.get(code)
        if held is None:
            return False
        if not held.evidence:
            return not self.is_made(code, held.asset_id) and BOUND_BY not in (held.metadata or {})
        return any(
            e.kind == EvidenceKind.REVIEWED and e.code in (None, code) for e in held.evidence
        )

    def is_made(self, code: str, asset_id: str) -> bool:
        """Whether an import made the asset for the code."""
        return any(asset_id == imported_id("asset", maker, code) for maker in self._makers)

    # ------------------------------------------------------------ what changes

    def changes(self) -> Iterator[VenueAsset]:
        """The venue's assets that change: those that lose a code first."""
        yield from sorted(self._changed.values(), key=lambda held: held.delisted_at is None)

    def free(self, code: str, at: dt.datetime) -> None:
        """Take a code from the asset that it means: from then on it may mean another one."""
        held = self._held.pop(code, None)
        meant = self._meant.pop(code, None)
        if meant is not None and self._code_of.get(meant) == code:
            del self._code_of[meant]
        if held is None:
            return
        held = self._changed.get(held.asset_id, held)
        left = [one for one in held.codes if one != code]
        if left:
            after = msgspec.structs.replace(
                held, venue_asset_symbol=left[0], other_codes=tuple(left[1:])
            )
        else:
            after = msgspec.structs.replace(held, delisted_at=at, trading_enabled=False)
        self._changed[held.asset_id] = after
        self._over.setdefault(code, []).append(held)

    def bind(
        self,
        code: str,
        asset_id: str,
        evidence: Iterable[BindingEvidence] = (),
        *,
        name: str | None = None,
        since: dt.datetime | None = None,
        until: dt.datetime | None = None,
    ) -> None:
        """Note a code as the asset's; where the asset has one here, as a further one.

        Args:
            since, until: From when and to when it means it, if that is known.
        """
        self._mean(code, asset_id)
        if until is None and self.next_start(code) is not None:
            # What is said of the time after the answers stands: this is no code of now.
            return
        key = f"{self.holder}/{asset_id}"
        before = self._changed.get(asset_id) or self._state.get(VENUE_ASSET.name, key)
        found = tuple(evidence)
        if before is None:
            self._changed[asset_id] = VenueAsset(
                venue_id=self.holder,
                asset_id=asset_id,
                venue_asset_symbol=code,
                trading_enabled=True if until is None else None,
                listed_at=since or self._known_before(code),
                delisted_at=until,
                name=name,
                evidence=_bounded(found),
            )
        elif before.delisted_at is not None and until is None:
            self._changed[asset_id] = msgspec.structs.replace(
                before,
                venue_asset_symbol=code,
                other_codes=(),
                trading_enabled=True,
                listed_at=since or self._at,
                delisted_at=None,
                name=name or before.name,
                evidence=_bounded((*found, *(before.evidence or ()))),
            )
        elif code not in before.codes and len(before.other_codes) < OTHER_CODES_MAX:
            self._changed[asset_id] = msgspec.structs.replace(
                before,
                other_codes=(*before.other_codes, code),
                evidence=_bounded((*(before.evidence or ()), *found)),
            )

    def rename(self, code: str, name: str) -> None:
        """Note the venue's full name of what a code means."""
        held = self._held.get(code)
        if held is not None and held.venue_asset_symbol == code and held.name != name:
            before = self._changed.get(held.asset_id, held)
            self._changed[held.asset_id] = msgspec.structs.replace(before, name=name)

    def _known_before(self, code: str) -> dt.datetime | None:
        """Unknown, unless the code meant another asset before: then it means this one from now."""
        return self._at if self._over.get(code) else None


def _goes_on(index: AssetIndex, code: str, held: VenueAsset, at: dt.datetime) -> bool:
    """Whether a code that was entered later may have meant the same at an instant."""
    return held.delisted_at is None and not index.was_anothers(code, held.asset_id, at)


def _holds_at(held: VenueAsset, at: dt.datetime) -> bool:
    begun = held.listed_at is None or held.listed_at <= at
    return begun and (held.delisted_at is None or held.delisted_at > at)


def binding_evidence(
    candidate: Candidate, code: str, taken_at: dt.datetime
) -> Iterator[BindingEvidence]:
    """What of a candidate's evidence is kept with the binding: what counts, the strongest first."""
    found = [e for e in candidate.evidence if not e.is_against and e.is_enough]
    for one in sorted(found, key=lambda e: _ORDER[e.kind]):
        if one.kind is not EvidenceKind.TICKER:
            yield BindingEvidence(kind=one.kind, code=code, detail=one.detail, taken_at=taken_at)


def _bounded(evidence: Iterable[BindingEvidence]) -> tuple[BindingEvidence, ...] | None:
    return tuple(dict.fromkeys(evidence))[:EVIDENCE_MAX] or None
