"""Which database is the registry's; the clock is injected."""

from __future__ import annotations

from cqc.replication.v1.replication_pb2 import Head

from cqar_resolver.metrics import EARLIER_TERM
from cqar_resolver.replication.known_terms import UNHEARD_S, KnownTerms

OLD = Head(timeline=1)
NEW = Head(timeline=2, promoted_at_us=1_000_000)
SILENT = Head(epoch=1)


class Clock:
    now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


def test_once_a_later_database_was_heard_an_earlier_one_is_not_used_and_that_is_counted() -> None:
    terms = KnownTerms(Clock())
    before = EARLIER_TERM.labels("stream")._value.get()
    assert terms.takes(OLD, "postgres")
    assert terms.takes(OLD, "stream")
    assert terms.takes(NEW, "probe")
    assert not any(terms.takes(OLD, said) for said in ("postgres", "probe", "stream"))
    assert terms.takes(NEW, "postgres")
    assert EARLIER_TERM.labels("stream")._value.get() == before + 1


def test_the_stream_tells_of_no_database() -> None:
    """It holds what was published long ago, and by anybody who may publish."""
    terms = KnownTerms(Clock())
    assert terms.takes(NEW, "stream")
    assert terms.takes(OLD, "probe")


def test_who_states_none_is_used_and_changes_nothing() -> None:
    terms = KnownTerms(Clock())
    assert terms.takes(NEW, "probe")
    assert terms.takes(SILENT, "probe")
    assert not terms.takes(OLD, "probe")


def test_a_term_that_is_not_heard_again_is_forgotten() -> None:
    """No signature covers it: a forged one must not last."""
    clock = Clock()
    terms = KnownTerms(clock)
    assert terms.takes(NEW, "probe")
    clock.now_s += UNHEARD_S / 2
    assert not terms.takes(OLD, "probe")
    assert terms.takes(NEW, "probe")
    clock.now_s += UNHEARD_S - 0.1
    assert not terms.takes(OLD, "probe")
    clock.now_s += 0.1
    assert terms.takes(OLD, "probe")
    assert terms.takes(NEW, "probe")
