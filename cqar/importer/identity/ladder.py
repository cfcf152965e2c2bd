"""What a code is, given its candidates and what speaks for and against each: a table. Pure.

A ticker is no evidence. A candidate is bound where a row of `RULES` fits it, nothing that the row
heeds speaks against it, and whatever speaks for another one that fits a row of the same rank speaks
for it, too, and more. As much is enough against a placeholder: what an import made for a code that
it could not decide would else decide about the codes of those who are read later. Otherwise nobody
is bound: the code gets an asset of its own, unverified, and a person decides.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable
from typing import Final

import msgspec


class EvidenceKind(enum.StrEnum):
    """What may speak for or against a candidate, the strongest first."""

    #: A person said so, the catalogue, or an imported list that was reviewed.
    REVIEWED = "REVIEWED"
    #: The venue names network and contract, and the registry has that deployment.
    CONTRACT = "CONTRACT"
    #: The operator uses the code for it elsewhere, for the same class, in overlapping periods.
    OPERATOR_CODE = "OPERATOR_CODE"
    #: The venue's full name and ticker are the asset's, or its former ones.
    NAME = "NAME"
    #: Prices of the same minute are within 2 %, on two quotes or at two times.
    PRICE = "PRICE"
    #: The catalogue says that nothing else of its class trades under the ticker.
    CATALOGUE_TICKER = "CATALOGUE_TICKER"
    #: The tickers are equal, or were: for people to read. It decides nothing.
    TICKER = "TICKER"
    #: Only against: another class of things, such as a share; and a listing that began after the
    #: code's meaning had ended.
    CLASS = "CLASS"
    DATE = "DATE"


class Evidence(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that speaks for a candidate, or against it.

    Attributes:
        detail: For people.
        is_enough: False of what is too thin to count, such as a price on one quote at one time.
    """

    kind: EvidenceKind
    is_against: bool = False
    detail: str | None = None
    is_enough: bool = True


class Candidate(msgspec.Struct, frozen=True):
    """An asset that a code may mean.

    Attributes:
        is_placeholder: An import made it for a code that it could not decide: nothing is known of
            it but what a venue calls it.
    """

    asset_id: str
    evidence: tuple[Evidence, ...] = ()
    is_placeholder: bool = False

    @property
    def supports(self) -> frozenset[EvidenceKind]:
        """The kinds that speak for it and count."""
        return frozenset(e.kind for e in self.evidence if not e.is_against and e.is_enough)

    @property
    def contradictions(self) -> frozenset[EvidenceKind]:
        return frozenset(e.kind for e in self.evidence if e.is_against and e.is_enough)


class Rule(msgspec.Struct, frozen=True, kw_only=True):
    """A row of the table.

    Attributes:
        rank: Of candidates that fit rows, those of the lowest rank count.
        needs: Kinds that speak for a candidate, all of them.
        unless: Kinds of which none may speak against it.
    """

    name: str
    rank: int
    needs: frozenset[EvidenceKind]
    unless: frozenset[EvidenceKind]

    def fits(self, candidate: Candidate) -> bool:
        return self.needs <= candidate.supports and not self.unless & candidate.contradictions


_K = EvidenceKind
_ALL: Final = frozenset(_K)
RULES: Final = (
    Rule(name="reviewed", rank=1, needs=frozenset({_K.REVIEWED}), unless=frozenset({_K.REVIEWED})),
    Rule(
        name="contract",
        rank=2,
        needs=frozenset({_K.CONTRACT}),
        unless=frozenset({_K.REVIEWED, _K.CONTRACT, _K.CLASS}),
    ),
    # A relisting is dated after the end of the old listing; these say that it is the same coin.
    Rule(
        name="operator's code",
        rank=3,
        needs=frozenset({_K.OPERATOR_CODE}),
        unless=_ALL - {_K.DATE},
    ),
    Rule(name="name and ticker", rank=3, needs=frozenset({_K.NAME}), unless=_ALL - {_K.DATE}),
    Rule(
        name="price and the catalogue's ticker",
        rank=4,
        needs=frozenset({_K.PRICE, _K.CATALOGUE_TICKER}),
        unless=_ALL - {_K.DATE},
    ),
    Rule(
        name="the catalogue's ticker",
        rank=4,
        needs=frozenset({_K.CATALOGUE_TICKER}),
        unless=_ALL,
    ),
)


class BindingVerdict(enum.Enum):
    BIND = enum.auto()
    #: There are candidates, and nothing or too much says that it is one of them.
    UNDECIDED = enum.auto()
    #: There is no candidate.
    NEW = enum.auto()


class BindingDecision(msgspec.Struct, frozen=True, kw_only=True):
    """What a code is.

    Attributes:
        candidate: The one that it is bound to; only of BIND.
        rule: The row that decided.
        candidates: All of them, by asset id.
    """

    verdict: BindingVerdict
    candidate: Candidate | None = None
    rule: str | None = None
    candidates: tuple[Candidate, ...] = ()


def decide(candidates: Iterable[Candidate]) -> BindingDecision:
    """Decide by the table; the order of the candidates does not matter."""
    known = tuple(sorted(candidates, key=lambda c: c.asset_id))
    if not known:
        return BindingDecision(verdict=BindingVerdict.NEW)
    fitting = [(rule, c) for rule in RULES for c in known if rule.fits(c)]
    best = min((rule.rank for rule, _ in fitting), default=0)
    first = {c.asset_id: (rule, c) for rule, c in reversed(fitting) if rule.rank == best}
    supported = [
        (rule, candidate)
        for rule, candidate in first.values()
        if all(o is candidate or _is_behind(o, candidate) for _, o in first.values())
    ]
    if not supported:
        return BindingDecision(verdict=BindingVerdict.UNDECIDED, candidates=known)
    ((rule, candidate),) = supported
    return BindingDecision(
        verdict=BindingVerdict.BIND, candidate=candidate, rule=rule.name, candidates=known
    )


def _is_behind(other: Candidate, candidate: Candidate) -> bool:
    """Whether less speaks for another candidate, or as much, and it only stands in for a coin."""
    if other.supports < candidate.supports:
        return True
    is_same = other.supports == candidate.supports
    return is_same and other.is_placeholder and not candidate.is_placeholder


def proposed(decision: BindingDecision) -> str | None:
    """The asset to propose to a person: the only candidate that nothing contradicts."""
    free = [c.asset_id for c in decision.candidates if not c.contradictions]
    return free[0] if len(free) == 1 else None
