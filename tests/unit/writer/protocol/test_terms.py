"""Which of the databases that answer is the registry's as it stands."""

from __future__ import annotations

import pytest

from cqar_shared.replication.positions import NO_TERM, LogPosition, Term
from cqar_writer.protocol.epoch_rules import max_position
from cqar_writer.protocol.log_rows import HeadRow
from cqar_writer.protocol.terms import (
    ObservedTerm,
    Remedy,
    Verdict,
    is_later,
    judge,
    needs_chain_check,
    remedy,
)

A, B = b"a" * 32, b"b" * 32
OLD, NEW = Term(0, 1), Term(9, 2)
SEEN = ObservedTerm(b"r", LogPosition(2, 10, A), NEW)


def head(
    epoch: int, revision: int, chain: bytes = A, term: Term = NEW, *, is_changed: bool = False
) -> HeadRow:
    found = term.timeline + is_changed
    numbers = (7, term.timeline, 7, found)
    row = HeadRow(b"r", epoch, revision, chain, 0, b"", 3, *numbers)
    return row._replace(promoted_at_us=term.promoted_at_us)


@pytest.mark.parametrize(
    ("said", "verdict"),
    [
        pytest.param(head(2, 10), Verdict.CURRENT, id="what is known"),
        pytest.param(head(2, 11, B), Verdict.CURRENT, id="a revision on"),
        pytest.param(head(3, 4, B), Verdict.CURRENT, id="an epoch on"),
        pytest.param(head(2, 10, term=Term(10, 2)), Verdict.CURRENT, id="promoted again"),
        pytest.param(head(2, 9), Verdict.BEHIND, id="a revision back"),
        pytest.param(head(1, 12), Verdict.BEHIND, id="an epoch back"),
        pytest.param(head(2, 10, B), Verdict.BEHIND, id="another chain"),
        pytest.param(head(2, 12, term=OLD), Verdict.OLDER, id="replaced, and went on"),
        pytest.param(head(2, 10, term=Term(9, 1)), Verdict.OLDER, id="promoted at once, before"),
        pytest.param(
            head(1, 9, term=OLD, is_changed=True), Verdict.CHANGED, id="promoted just now"
        ),
        pytest.param(head(2, 12, is_changed=True), Verdict.CHANGED, id="changed, nothing lost"),
        pytest.param(head(1, 1)._replace(registry_id=b"s"), Verdict.CURRENT, id="another registry"),
    ],
)
def test_a_database_is_judged_by_where_it_is_and_since_when_it_is_the_registrys(
    said: HeadRow, verdict: Verdict
) -> None:
    assert judge(SEEN, said) is verdict


def test_before_anything_was_seen_every_database_is_the_registrys() -> None:
    assert judge(ObservedTerm(), head(1, 0, term=OLD)) is Verdict.CURRENT


def test_an_unknown_chain_says_nothing() -> None:
    seen = ObservedTerm().with_position(LogPosition(2, 10, b""))
    assert judge(seen, head(2, 10, B)) is Verdict.CURRENT
    assert seen.with_position(LogPosition(2, 10, A)).position.chain == A


@pytest.mark.parametrize(
    ("said", "compared"),
    [
        (head(2, 11), True),
        (head(2, 10), False),
        (head(3, 12), False),
        (head(2, 11)._replace(compacted_revision=10), False),
        (head(2, 11)._replace(registry_id=b"s"), False),
    ],
)
def test_the_outbox_is_asked_where_numbers_do_not_tell(said: HeadRow, *, compared: bool) -> None:
    assert needs_chain_check(SEEN, said) is compared


def test_what_is_seen_only_ever_moves_on() -> None:
    assert SEEN.with_position(LogPosition(1, 99, B)) == SEEN
    assert SEEN.with_head(head(2, 9, term=OLD)) == SEEN
    assert SEEN.with_head(head(3, 1, B, Term(12, 3))) == ObservedTerm(
        b"r", LogPosition(3, 1, B), Term(12, 3)
    )
    other = head(1, 1, B, OLD)._replace(registry_id=b"s")
    assert SEEN.with_head(other) == ObservedTerm(b"s", LogPosition(1, 1, B), OLD)


@pytest.mark.parametrize(
    ("verdict", "old", "fresh"),
    [
        (Verdict.CURRENT, Remedy.USE, Remedy.USE),
        (Verdict.CHANGED, Remedy.RENEW, Remedy.RENEW),
        (Verdict.BEHIND, Remedy.LEAVE, Remedy.RENEW),
        (Verdict.OLDER, Remedy.LEAVE, Remedy.FENCE),
    ],
)
def test_a_connection_that_was_kept_is_left_before_anything_else_follows(
    verdict: Verdict, old: Remedy, fresh: Remedy
) -> None:
    assert remedy(verdict, is_fresh=False) is old
    assert remedy(verdict, is_fresh=True) is fresh


def test_of_two_databases_the_one_that_was_promoted_later_is_the_registrys() -> None:
    assert is_later(head(5, 90, term=OLD), head(1, 1, term=NEW))
    assert not is_later(head(1, 1, term=NEW), head(5, 90, term=OLD))
    assert not is_later(head(1, 1, term=NEW), head(2, 1, term=NEW))
    assert is_later(head(1, 1, term=NO_TERM), head(1, 1, term=OLD))


def test_an_epoch_begins_beyond_all_that_was_seen_anywhere() -> None:
    seen = (LogPosition(2, 10, A), LogPosition(1, 12, B), LogPosition(3, 4, A))
    assert max_position(*seen) == LogPosition(3, 12, b"")
