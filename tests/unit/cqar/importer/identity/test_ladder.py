"""The ladder of evidence: each row of the table, and laws that hold whatever the candidates."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cqar.importer.identity.ladder import (
    RULES,
    BindingVerdict,
    Candidate,
    Evidence,
    EvidenceKind,
    decide,
    proposed,
)

K = EvidenceKind


def a_candidate(asset_id: str, *supports: K, against: tuple[K, ...] = ()) -> Candidate:
    return Candidate(
        asset_id,
        (
            *(Evidence(kind=kind) for kind in supports),
            *(Evidence(kind=kind, is_against=True) for kind in against),
        ),
    )


#: What speaks for a candidate, what against it, and the row that binds it.
ROWS = (
    ((K.REVIEWED,), (), "reviewed"),
    ((K.REVIEWED,), (K.NAME, K.PRICE, K.CONTRACT, K.DATE), "reviewed"),
    ((K.CONTRACT,), (), "contract"),
    ((K.CONTRACT, K.TICKER), (K.NAME, K.PRICE, K.DATE), "contract"),
    ((K.CONTRACT,), (K.CLASS,), None),
    ((K.CONTRACT,), (K.REVIEWED,), None),
    ((K.OPERATOR_CODE,), (), "operator's code"),
    ((K.OPERATOR_CODE,), (K.DATE,), "operator's code"),
    ((K.OPERATOR_CODE,), (K.NAME,), None),
    ((K.OPERATOR_CODE,), (K.PRICE,), None),
    ((K.OPERATOR_CODE,), (K.CLASS,), None),
    ((K.OPERATOR_CODE,), (K.CONTRACT,), None),
    ((K.NAME, K.TICKER), (), "name and ticker"),
    ((K.NAME, K.TICKER), (K.DATE,), "name and ticker"),
    ((K.NAME, K.TICKER), (K.PRICE,), None),
    ((K.NAME, K.TICKER), (K.CONTRACT,), None),
    ((K.NAME, K.TICKER), (K.CLASS,), None),
    ((K.CATALOGUE_TICKER, K.TICKER), (), "the catalogue's ticker"),
    ((K.CATALOGUE_TICKER, K.TICKER), (K.NAME,), None),
    ((K.CATALOGUE_TICKER, K.TICKER), (K.DATE,), None),
    ((K.CATALOGUE_TICKER, K.PRICE), (K.DATE,), "price and the catalogue's ticker"),
    ((K.CATALOGUE_TICKER, K.PRICE), (K.CLASS,), None),
    ((K.PRICE,), (), None),
    ((K.PRICE, K.TICKER), (), None),
    ((K.TICKER,), (), None),
    ((), (), None),
)


@pytest.mark.parametrize(("supports", "against", "rule"), ROWS)
def test_one_candidate_is_bound_by_the_row_that_fits_it(
    supports: tuple[K, ...], against: tuple[K, ...], rule: str | None
) -> None:
    decision = decide([a_candidate("a", *supports, against=against)])
    assert decision.rule == rule
    assert decision.verdict is (BindingVerdict.BIND if rule else BindingVerdict.UNDECIDED)


def test_every_row_of_the_table_decides_something() -> None:
    assert {rule for _, _, rule in ROWS if rule} == {rule.name for rule in RULES}


def test_of_two_that_fit_the_one_for_which_all_of_the_others_speaks_and_more_is_bound() -> None:
    catalogued = a_candidate("a", K.NAME, K.CATALOGUE_TICKER, K.TICKER)
    namesake = a_candidate("b", K.NAME, K.TICKER)
    for candidates in ([catalogued, namesake], [namesake, catalogued]):
        assert decide(candidates).candidate == catalogued
    used_here = a_candidate("c", K.OPERATOR_CODE, K.TICKER)
    assert decide([catalogued, used_here]).verdict is BindingVerdict.UNDECIDED


def test_what_an_import_made_for_an_undecided_code_is_no_rival_of_a_known_asset() -> None:
    known = a_candidate("a", K.NAME, K.TICKER)
    made = Candidate("b", a_candidate("b", K.NAME, K.TICKER).evidence, is_placeholder=True)
    assert decide([known, made]).candidate == known
    assert decide([made, Candidate("c", made.evidence, is_placeholder=True)]).candidate is None
    used_here = Candidate("b", a_candidate("b", K.OPERATOR_CODE).evidence, is_placeholder=True)
    assert decide([known, used_here]).candidate is None


def test_without_candidates_a_code_is_new() -> None:
    assert decide([]).verdict is BindingVerdict.NEW


@pytest.mark.parametrize(
    ("first", "second", "bound"),
    [
        ((K.REVIEWED,), (K.CONTRACT,), "a"),
        ((K.CONTRACT,), (K.NAME,), "a"),
        ((K.NAME,), (K.CATALOGUE_TICKER,), "a"),
        ((K.TICKER,), (K.NAME,), "b"),
        ((K.NAME,), (K.OPERATOR_CODE,), None),
        ((K.NAME,), (K.NAME,), None),
        ((K.REVIEWED,), (K.REVIEWED,), None),
        ((K.TICKER,), (K.TICKER,), None),
    ],
)
def test_of_two_candidates_the_stronger_is_bound_and_of_equals_none(
    first: tuple[K, ...], second: tuple[K, ...], bound: str | None
) -> None:
    decision = decide([a_candidate("a", *first), a_candidate("b", *second)])
    assert (decision.candidate and decision.candidate.asset_id) == bound


def test_a_price_on_one_quote_is_told_and_does_not_count() -> None:
    thin = Evidence(kind=K.PRICE, is_enough=False)
    candidate = Candidate("a", (thin, *a_candidate("a", K.CATALOGUE_TICKER).evidence))
    late = Evidence(kind=K.DATE, is_against=True)
    assert decide([Candidate("a", (*candidate.evidence, late))]).verdict is BindingVerdict.UNDECIDED


def test_the_only_candidate_that_nothing_contradicts_is_proposed() -> None:
    free = a_candidate("a", K.TICKER)
    other = a_candidate("b", K.TICKER, against=(K.NAME,))
    assert proposed(decide([free, other])) == "a"
    assert proposed(decide([free, a_candidate("c", K.TICKER)])) is None
    assert proposed(decide([other])) is None


EVIDENCE = st.builds(
    Evidence, kind=st.sampled_from(EvidenceKind), is_against=st.booleans(), is_enough=st.booleans()
)
CANDIDATES = st.lists(
    st.builds(Candidate, st.sampled_from("abcd"), st.lists(EVIDENCE, max_size=5).map(tuple)),
    max_size=4,
    unique_by=lambda c: c.asset_id,
)


@given(CANDIDATES, st.randoms())
def test_the_order_of_candidates_does_not_matter(
    candidates: list[Candidate], random: object
) -> None:
    shuffled = candidates[:]
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert decide(shuffled) == decide(candidates)


@given(CANDIDATES)
def test_what_is_bound_is_one_candidate_and_a_ticker_or_a_price_alone_never_binds(
    candidates: list[Candidate],
) -> None:
    decision = decide(candidates)
    bound = decision.candidate
    assert (bound is not None) == (decision.verdict is BindingVerdict.BIND)
    if bound is not None:
        assert bound in candidates
        assert bound.supports - {K.TICKER, K.PRICE, K.CLASS, K.DATE}


@given(CANDIDATES)
def test_a_contradiction_never_binds_but_what_decides_by_itself(
    candidates: list[Candidate],
) -> None:
    bound = decide(candidates).candidate
    if bound is not None and not bound.supports & {K.REVIEWED, K.CONTRACT}:
        assert bound.contradictions <= {K.DATE}


@given(CANDIDATES, EVIDENCE)
def test_what_speaks_against_a_candidate_never_makes_it_the_one(
    candidates: list[Candidate], more: Evidence
) -> None:
    """It may free another one; the one that it speaks of was bound before, or is not."""
    if not candidates:
        return
    against = Evidence(kind=more.kind, is_against=True)
    first, *others = candidates
    worse = Candidate(first.asset_id, (*first.evidence, against))
    after = decide([worse, *others]).candidate
    if after is not None and after.asset_id == first.asset_id:
        before = decide(candidates).candidate
        assert before is not None
        assert before.asset_id == first.asset_id
