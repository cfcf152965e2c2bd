"""An answer that is remembered is the answer that would be made now, whatever changed since."""

from __future__ import annotations

import datetime as dt
from contextlib import ExitStack
from typing import Any

from cqc.resolver.v1 import resolver_pb2 as pb
from hypothesis import given, settings
from hypothesis import strategies as st

from cqar_resolver.cache.answer_cache import AnswerCache, VersionedReader
from cqar_resolver.cache.resolution_cache import (
    QUESTION_BYTES_MAX,
    FactsAges,
    ResolutionCache,
    batch_response,
    encode_freshness,
)
from cqar_resolver.queries.resolution import resolve_or_miss
from cqar_resolver.snapshot.change_tracker import TRACKED_MAX, ChangeTracker, dependency_key
from cqar_resolver.snapshot.planned_change import PlannedChange
from cqar_resolver.snapshot.snapshot import Snapshot
from cqar_shared.domain.instant import Instant
from cqar_shared.domain.kind import Entity
from cqar_shared.queries.query import QueryContext
from tests.support.change_set_builders import State, encoded, hydrated
from tests.support.entity_builders import (
    ETH,
    NOW,
    a_flag,
    a_symbol,
    a_venue,
    a_venue_asset,
    a_venue_facts,
    a_venue_symbol,
    an_asset,
    an_id,
)
from tests.support.memory_registry_view import Held, completed
from tests.unit.resolver.snapshot.test_pinned import apply

HOUR = dt.timedelta(hours=1)
ASSETS = (an_asset(), an_asset("USDT"), an_asset("ETH"))
SYMBOLS = tuple(completed(s, Held(*ASSETS)) for s in (a_symbol(), a_symbol(base_asset_id=ETH)))
MARKET = encoded(*ASSETS, *SYMBOLS, a_venue())
SPELLINGS = ("BTCUSDT", "XBTUSDT", "NONE")
TOLD = pb.Freshness(epoch=1, revision=7, state=pb.SNAPSHOT_STATE_LIVE, staleness_ms=300)


def question(spelling: str) -> bytes:
    return pb.VenueSymbolKey(venue_id="binance", venue_symbol=spelling).SerializeToString()


def periods() -> st.SearchStrategy[dict[str, Any]]:
    """When something is listed: in hours from now, each end known or not."""
    hours = st.none() | st.integers(-3, 3)
    return st.tuples(hours, hours).map(
        lambda ends: {
            name: NOW + hour * HOUR
            for name, hour in zip(("listed_at", "delisted_at"), ends, strict=True)
            if hour is not None
        }
    )


def entities() -> st.SearchStrategy[Entity]:
    """All that an answer may rest on."""
    names, symbol_ids = st.sampled_from("ab"), st.sampled_from([s.symbol_id for s in SYMBOLS])
    listings = st.builds(
        lambda name, symbol_id, spelling, period, alias_of: a_venue_symbol(
            listing_id=an_id(name),
            symbol_id=symbol_id,
            venue_symbol=spelling,
            alias_of=alias_of,
            **period,
        ),
        names,
        symbol_ids,
        st.sampled_from(SPELLINGS[:2]),
        periods(),
        st.sampled_from(("", "BTCUSDT")),
    )
    venue_assets = st.builds(
        lambda on, period: a_venue_asset(trading_enabled=on, **period), st.booleans(), periods()
    )
    flags = st.builds(
        lambda asset, over: a_flag(asset_id=asset.asset_id, **over),
        st.sampled_from(ASSETS),
        st.sampled_from(({}, {"resolved_at": NOW})),
    )
    symbols = st.builds(
        lambda symbol, expiry: completed(
            a_symbol(symbol_id=symbol.symbol_id, **expiry), Held(*ASSETS)
        ),
        st.sampled_from(SYMBOLS),
        st.integers(-3, 3).map(lambda hour: {"expiry": NOW + hour * HOUR}) | st.just({}),
    )
    venues = st.builds(
        lambda name, after_s: a_venue(name=name, facts_stale_after_s=after_s),
        st.sampled_from(("Binance", "Binance.com")),
        st.sampled_from((None, 3_600, 7_200)),
    )
    facts = st.integers(-4, 0).map(lambda hour: a_venue_facts(as_of=NOW + hour * HOUR))
    return st.one_of(listings, venue_assets, flags, symbols, venues, facts)


CHANGES = st.lists(st.tuples(entities(), st.booleans()), min_size=1, max_size=3)
#: A change set, and when everything is asked after it: in hours from now.
STEPS = st.tuples(CHANGES, st.sampled_from((0, 0, 0, -4, -1, 1, 2)))


@settings(max_examples=200)
@given(st.lists(STEPS, min_size=2, max_size=8), st.integers(0, 7))
def test_whatever_changes_and_whenever_it_is_asked(steps: list[Any], pinned_at: int) -> None:
    resolutions, state = ResolutionCache(), dict(MARKET)
    snapshot = hydrated(state)
    with ExitStack() as stack:
        pinned: VersionedReader = snapshot
        for number, (changes, hours) in enumerate(steps):
            if number == pinned_at:
                pinned = stack.enter_context(snapshot.pinned())
            state = changed(snapshot, state, changes)
            for spelling in SPELLINGS:
                for memory in (snapshot, pinned, snapshot):
                    require_as_if_made_now(resolutions, memory, spelling, NOW + hours * HOUR)


def changed(snapshot: Snapshot, state: State, changes: list[tuple[Entity, bool]]) -> State:
    made = {}
    for entity, ends in changes:
        ((ref, payload),) = encoded(entity).items()
        # What listings point at stays, as the writer's rules hold.
        made[ref] = None if ends and ref[0] not in ("symbol", "asset", "venue") else payload
    return apply(snapshot, state, made)


def require_as_if_made_now(
    resolutions: ResolutionCache, memory: VersionedReader, spelling: str, at: dt.datetime
) -> None:
    asked, now = question(spelling), Instant.of(at)
    made = resolutions.find(asked, memory, now.ns)
    made = made or resolutions.make(asked, memory, None, now.ns)
    key = pb.VenueSymbolKey.FromString(asked)
    anew = resolve_or_miss(QueryContext(memory), key.venue_id, key.venue_symbol, now)
    now_ms = now.ns // 1_000_000
    batch = pb.ResolveBatchResponse.FromString(batch_response([made], TOLD, now_ms))
    assert batch.resolutions == [anew]
    assert batch.freshness == TOLD
    assert made.is_found == (anew.status != pb.RESOLUTION_STATUS_NOT_FOUND)
    assert made.denials == tuple(reason.code for reason in anew.tradeable.open.reasons)
    if made.is_found:
        age = FactsAges(now_ms).to_append(made.facts_ms)
        alone = pb.ResolveResponse.FromString(
            made.encoded + age + encode_freshness(TOLD)
        ).resolution
        assert alone.freshness == TOLD
        alone.ClearField("freshness")
        assert alone == anew


# ---------------------------------------------------------------- what it is for


def listed() -> tuple[Snapshot, State]:
    state = dict(MARKET) | encoded(a_venue_symbol())
    return hydrated(state), state


def test_a_change_elsewhere_leaves_an_answer_as_it_is() -> None:
    resolutions, (snapshot, state) = ResolutionCache(), listed()
    now_ns = Instant.of(NOW).ns
    made = resolutions.make(question("BTCUSDT"), snapshot, None, now_ns)
    apply(snapshot, state, encoded(an_asset("DOGE"), a_venue("kraken")))
    assert resolutions.find(question("BTCUSDT"), snapshot, now_ns) is made


def test_a_change_of_what_it_rests_on_ends_it() -> None:
    resolutions, (snapshot, state) = ResolutionCache(), listed()
    now_ns = Instant.of(NOW).ns
    made = resolutions.make(question("BTCUSDT"), snapshot, None, now_ns)
    assert made.is_found
    apply(snapshot, state, encoded(a_flag()))
    assert resolutions.find(question("BTCUSDT"), snapshot, now_ns) is None


def test_what_may_be_stale_is_not_remembered() -> None:
    resolutions, (snapshot, _) = ResolutionCache(), listed()
    now_ns = Instant.of(NOW).ns
    stale = pb.Reason(code="STALE_SNAPSHOT")
    assert resolutions.make(question("BTCUSDT"), snapshot, stale, now_ns).denials[-1:] == (
        "STALE_SNAPSHOT",
    )
    assert resolutions.find(question("BTCUSDT"), snapshot, now_ns) is None


def test_another_snapshot_knows_nothing_of_what_was_answered_by_the_one_before() -> None:
    resolutions, (snapshot, _), (other, _) = ResolutionCache(), listed(), listed()
    now_ns = Instant.of(NOW).ns
    resolutions.make(question("BTCUSDT"), snapshot, None, now_ns)
    assert resolutions.find(question("BTCUSDT"), other, now_ns) is None


# ---------------------------------------------------------------- bounds


def test_of_too_many_answers_the_one_asked_for_longest_ago_goes() -> None:
    remembered, (snapshot, _) = AnswerCache(answers_max=2), listed()
    made = ResolutionCache().make(question("BTCUSDT"), snapshot, None, 0)
    for name in (b"one", b"two"):
        remembered.keep(name, snapshot, made)
    assert remembered.find(b"one", snapshot, 0) is made
    remembered.keep(b"three", snapshot, made)
    assert len(remembered) == 2
    assert remembered.find(b"two", snapshot, 0) is None
    assert remembered.find(b"one", snapshot, 0) is made


def test_what_is_forgotten_counts_as_changed() -> None:
    changed = ChangeTracker()
    many = [
        PlannedChange("asset", str(n), b"", b"", (), (), 0, 0, (dependency_key("asset", str(n)),))
        for n in range(TRACKED_MAX + 1)
    ]
    changed.note(1, many)
    assert changed.newest([0]) == 0
    changed.note(2, many[:1])
    assert changed.newest([0]) == 1


def asked(resolutions: ResolutionCache, key: bytes, memory: Snapshot) -> None:
    resolutions.answer(key, memory, None, Instant.of(NOW).ns)


def test_what_is_asked_in_words_that_are_not_known_answers_no_other_question() -> None:
    resolutions, memory = ResolutionCache(), hydrated(MARKET, 1)
    past = pb.ResolveRequest(venue_id="binance", venue_symbol="BTCUSDT")
    past.as_of.FromDatetime(NOW - HOUR)
    raw = past.SerializeToString()
    asked(resolutions, raw, memory)
    assert resolutions.find(raw, memory, Instant.of(NOW).ns) is None
    asked(resolutions, question("BTCUSDT"), memory)
    assert resolutions.find(question("BTCUSDT"), memory, Instant.of(NOW).ns) is not None


def test_what_is_remembered_is_bounded_in_bytes() -> None:
    resolutions, memory = ResolutionCache(), hydrated(MARKET, 1)
    asked(resolutions, question("X" * QUESTION_BYTES_MAX), memory)
    assert resolutions.find(question("X" * QUESTION_BYTES_MAX), memory, Instant.of(NOW).ns) is None
    one = resolutions.answer(question("A"), memory, None, Instant.of(NOW).ns)
    size = len(question("A")) + one.size_bytes
    assert one.size_bytes > len(one.encoded)
    few = AnswerCache(bytes_max=3 * size)
    for name in "ABCDCCC":
        few.keep(question(name), memory, one)
    held = [name for name in "ABCD" if few.find(question(name), memory, Instant.of(NOW).ns)]
    assert held == ["B", "C", "D"]
