"""Reported staleness bounds the true one, whatever happens to probes; the clock is injected."""

from __future__ import annotations

from cqc.resolver.v1 import resolver_pb2 as pb
from hypothesis import given, settings
from hypothesis import strategies as st

from cqar_resolver.replication.freshness import DRIFT, Probe, StalenessBound
from cqar_resolver.replication.replica_state import ReplicaState
from cqar_shared.replication.positions import LogPosition
from tests.support.change_set_builders import head_of, hydrated
from tests.support.entity_builders import NOW

LIVE, STALE = pb.SNAPSHOT_STATE_LIVE, pb.SNAPSHOT_STATE_STALE
LAST_GOOD = pb.SNAPSHOT_STATE_LAST_GOOD


class Clock:
    """A clock that goes only when told to."""

    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


def at(revision: int, epoch: int = 1, chain: bytes = b"") -> LogPosition:
    return LogPosition(epoch, revision, chain or bytes([revision]) * 32)


def test_nothing_confirmed_is_last_good_and_of_unknown_age() -> None:
    freshness = StalenessBound(5, Clock())
    assert (freshness.state, freshness.staleness_ms) == (LAST_GOOD, None)


def test_age_counts_from_when_the_probe_was_sent_with_drift_added() -> None:
    clock = Clock()
    freshness = StalenessBound(5, clock)
    clock.now_s += 0.5
    freshness.note_probe(Probe(1000.0, at(3)), at(3))
    assert freshness.state == LIVE
    assert freshness.staleness_ms == int(500 * DRIFT) + 1
    clock.now_s += 2
    assert freshness.staleness_ms == int(2500 * DRIFT) + 1


def test_the_state_turns_stale_at_the_bound_and_live_again_when_confirmed() -> None:
    clock = Clock()
    freshness = StalenessBound(5, clock)
    freshness.confirm(clock())
    clock.now_s += 4.9
    assert freshness.state == LIVE
    clock.now_s += 0.1
    assert freshness.state == STALE
    freshness.note_probe(Probe(clock(), at(1)), at(1))
    assert freshness.state == LIVE


def test_a_probe_whose_head_is_not_reached_counts_only_when_it_is() -> None:
    clock = Clock()
    freshness = StalenessBound(5, clock)
    freshness.confirm(clock())
    clock.now_s += 3
    freshness.note_probe(Probe(clock(), at(7)), at(5))
    assert freshness.is_behind
    assert freshness.staleness_ms == int(3000 * DRIFT) + 1
    freshness.note_position(at(6))
    assert freshness.staleness_ms == int(3000 * DRIFT) + 1
    freshness.note_position(at(7))
    assert (freshness.is_behind, freshness.staleness_ms) == (False, 1)


def test_a_forged_head_is_forgotten_with_the_next_true_one() -> None:
    clock = Clock()
    freshness = StalenessBound(5, clock)
    freshness.note_probe(Probe(clock(), at(2**63, chain=b"f" * 32)), at(5))
    assert freshness.is_behind
    clock.now_s += 1
    freshness.note_probe(Probe(clock(), at(5)), at(5))
    assert (freshness.is_behind, freshness.newest_revision) == (False, 5)
    assert freshness.state == LIVE


def test_a_snapshot_that_went_by_the_probes_head_has_reached_it() -> None:
    clock = Clock()
    freshness = StalenessBound(5, clock)
    freshness.note_probe(Probe(clock(), at(7)), at(5))
    for revision in (6, 7, 8):
        freshness.note_position(at(revision))
    freshness.note_probe(Probe(clock(), at(7)), at(8))
    assert (freshness.is_behind, freshness.state) == (False, LIVE)


def test_a_snapshot_that_was_loaded_beyond_the_probes_head_is_confirmed_by_the_next() -> None:
    """It may be of another history, as where a PostgreSQL was read that is not the writer's."""
    clock = Clock()
    freshness = StalenessBound(5, clock)
    freshness.note_probe(Probe(clock(), at(7)), at(5))
    freshness.note_position(at(9))
    assert (freshness.is_behind, freshness.state) == (False, LAST_GOOD)
    freshness.note_probe(Probe(clock(), at(9)), at(9))
    assert freshness.state == LIVE


def test_another_history_is_never_reached_by_its_number_alone() -> None:
    for mine in (at(7, chain=b"x" * 32), at(8, epoch=2), at(9, epoch=0)):
        freshness = StalenessBound(5, Clock())
        freshness.note_probe(Probe(1000.0, at(7)), mine)
        assert freshness.staleness_ms is None, mine


def test_a_head_that_was_passed_on_another_chain_is_not_reached() -> None:
    """The database lost 6 and 7 and made another 6; the old ones were still in the stream."""
    for passed_first in (True, False):
        freshness = StalenessBound(5, Clock())
        freshness.note_position(at(5))
        probe = Probe(1000.0, at(6, chain=b"x" * 32))
        if not passed_first:
            freshness.note_probe(probe, at(5))
        freshness.note_position(at(6))
        freshness.note_position(at(7))
        if passed_first:
            freshness.note_probe(probe, at(7))
        assert (freshness.is_behind, freshness.staleness_ms) == (False, None)


def test_a_late_answer_to_an_old_probe_takes_nothing_back() -> None:
    clock = Clock()
    freshness = StalenessBound(5, clock)
    freshness.confirm(1000.0)
    freshness.note_probe(Probe(990.0, at(1)), at(1))
    assert freshness.staleness_ms == 1


def test_doubt_is_stale_however_recent_until_confirmed() -> None:
    clock = Clock()
    freshness = StalenessBound(5, clock)
    freshness.confirm(clock())
    freshness.mark_stale("why")
    assert (freshness.state, freshness.staleness_ms) == (STALE, 1)
    freshness.confirm(clock())
    assert freshness.state == LIVE


def test_a_forgotten_history_leaves_no_probe_waiting_and_no_lag() -> None:
    clock = Clock()
    freshness = StalenessBound(5, clock)
    freshness.note_probe(Probe(clock(), at(90)), at(5))
    assert freshness.newest_revision == 90
    freshness.forget()
    assert (freshness.is_behind, freshness.newest_revision) == (False, 0)
    freshness.note_position(at(90))
    assert freshness.staleness_ms is None


def test_the_newest_revision_heard_of_never_falls_within_a_history() -> None:
    freshness = StalenessBound(5, Clock())
    freshness.note_head(at(9))
    freshness.note_head(at(4))
    freshness.note_position(at(6))
    assert freshness.newest_revision == 9


STEPS = st.lists(
    st.tuples(st.sampled_from(["commit", "probe", "answer", "apply", "wait"]), st.integers(1, 3)),
    max_size=40,
)


@settings(max_examples=200)
@given(STEPS)
def test_true_staleness_never_exceeds_the_reported_one(steps: list[tuple[str, int]]) -> None:
    """Commits, probes in flight, answers of any age in any order, applies: the bound holds."""
    clock = Clock()
    freshness = StalenessBound(5, clock)
    committed_s = [clock()]  # when each revision was committed
    mine = 0
    in_flight: list[tuple[float, int]] = []
    freshness.confirm(clock())
    for action, size in steps:
        clock.now_s += size / 8
        if action == "commit":
            committed_s += [clock()] * size
        elif action == "probe":
            in_flight.append((clock(), len(committed_s) - 1))
        elif action == "answer" and in_flight:
            sent_s, revision = in_flight.pop(size % len(in_flight))
            freshness.note_probe(Probe(sent_s, at(revision)), at(mine))
        elif action == "apply" and mine < len(committed_s) - 1:
            mine = min(len(committed_s) - 1, mine + size)
            freshness.note_position(at(mine))
        missing = committed_s[mine + 1 : mine + 2]
        true_s = clock() - missing[0] if missing else 0.0
        assert freshness.staleness_ms is not None
        assert true_s * 1000 <= freshness.staleness_ms


# ---------------------------------------------------------------- as answers tell it


def test_a_view_without_a_snapshot_says_hydrating_and_nothing_of_revisions() -> None:
    view = ReplicaState(StalenessBound(5, Clock()))
    message = view.freshness_message()
    assert message == pb.Freshness(state=pb.SNAPSHOT_STATE_HYDRATING)
    assert not message.HasField("revision")
    assert view.lag == 0


def test_a_view_tells_where_it_stands_and_how_far_behind() -> None:
    clock = Clock()
    view = ReplicaState(StalenessBound(5, clock))
    view.replace(hydrated({}, 4), "postgres", NOW)
    view.freshness.confirm(clock())
    head = head_of({}, 9)
    view.freshness.note_head(LogPosition(head.epoch, head.revision, head.chain))
    expected = pb.Freshness(revision=4, epoch=1, state=LIVE, staleness_ms=1)
    assert view.freshness_message() == expected
    assert view.lag == 5


def test_what_came_from_elsewhere_is_not_confirmed_by_what_was_served_before() -> None:
    """Commits were lost; what an image holds of them is newer, and lacks what was confirmed."""
    clock = Clock()
    freshness = StalenessBound(5, clock)
    freshness.note_probe(Probe(clock(), at(2)), at(2))
    freshness.note_probe(Probe(clock(), at(3)), at(2))
    assert freshness.state == LIVE
    freshness.unconfirm()
    freshness.note_position(at(3, chain=b"lost"))
    assert (freshness.state, freshness.staleness_ms) == (LAST_GOOD, None)
    assert (freshness.is_confirmed, freshness.is_behind) == (True, False)
    freshness.note_probe(Probe(clock(), at(4)), at(4))
    assert (freshness.state, freshness.staleness_ms) == (LIVE, 1)
