"""Everything a resolver measures. One module, so a dashboard author reads one file."""

from __future__ import annotations

from collections import Counter as Tally
from collections.abc import Callable, Iterable
from functools import cache
from typing import Final, Literal, get_args

from prometheus_client import Counter, Enum, Gauge, Histogram

from cqar_shared.runtime.fast_histogram import FastHistogram

#: Compare with cqar_writer_revision: the difference is this resolver's lag, in revisions.
REVISION: Final = Gauge("cqar_resolver_revision", "Revision of the served snapshot.")
EPOCH: Final = Gauge("cqar_resolver_epoch", "Epoch of the served snapshot.")
LAG: Final = Gauge("cqar_resolver_lag_revisions", "Revisions behind the newest head heard of.")
#: Infinite where no bound is known.
STALENESS_MS: Final = Gauge("cqar_resolver_staleness_ms", "Upper bound on the true staleness.")
STATE: Final = Enum(
    "cqar_resolver_state",
    "1 for the state that answers tell.",
    states=["HYDRATING", "LIVE", "STALE", "LAST_GOOD"],
)
ENTITIES: Final = Gauge("cqar_resolver_entities", "Live entities in the snapshot.", ["kind"])

APPLIED: Final = Counter("cqar_resolver_applied_total", "Change sets applied.", ["source"])
APPLY_SECONDS: Final = Histogram(
    "cqar_resolver_apply_seconds",
    "Applying one change set.",
    buckets=(0.0001, 0.0005, 0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1),
)
HYDRATE_SECONDS: Final = Histogram(
    "cqar_resolver_hydrate_seconds",
    "Loading a whole snapshot.",
    ["source"],
    buckets=(0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60),
)
KEPT_REVISION: Final = Gauge("cqar_resolver_kept_revision", "Revision of the last good file.")
KEEP_SECONDS: Final = Histogram(
    "cqar_resolver_keep_seconds",
    "Bringing the last good file up to date.",
    buckets=(0.001, 0.01, 0.1, 0.5, 1, 5, 10),
)
KEEP_FAILURES: Final = Counter("cqar_resolver_keep_failures_total", "Times that it failed.")
PUBLISHED_REVISION: Final = Gauge(
    "cqar_resolver_published_revision", "Revision of the published replica."
)
PUBLISH_SECONDS: Final = Histogram(
    "cqar_resolver_publish_seconds",
    "Bringing the published replica up to date.",
    buckets=(0.0001, 0.001, 0.01, 0.1, 1, 10, 60),
)
GAPS: Final = Counter(
    "cqar_resolver_gaps_total", "Messages that did not follow; each is caught up."
)
FOREIGN: Final = Counter(
    "cqar_resolver_foreign_messages_total", "Messages that no writer of this registry published."
)
#: `answered_by` is group (the one writer that was asked), everybody (one of all, since that one was
#: silent) or nobody.
PROBES: Final = Counter(
    "cqar_resolver_probes_total", "Writers asked for the head, by who answered.", ["answered_by"]
)
for _who in ("group", "everybody", "nobody"):
    PROBES.labels(_who)
#: `source` is where the head came from: three values.
EARLIER_TERM: Final = Counter(
    "cqar_resolver_earlier_term_total",
    "Heads not used, since they are of a database that is not the registry's any more.",
    ["source"],
)
for _said in ("postgres", "stream", "probe"):
    EARLIER_TERM.labels(_said)
CATCH_UPS: Final = Counter("cqar_resolver_catch_ups_total", "Reads of the outbox.")
Cause = Literal[
    "epoch", "lost_history", "no_way_forward", "poison", "registry", "stream", "unsigned"
]
REHYDRATES: Final = Counter("cqar_resolver_rehydrates_total", "Starts over, by cause.", ["cause"])
for _cause in get_args(Cause):
    REHYDRATES.labels(_cause)  # from 0 on: a first time is then an increase
#: `source` is where the head came from: six values.
UNSIGNED_REFUSED: Final = Counter(
    "cqar_resolver_unsigned_refused_total",
    "Heads refused for their signatures, where these are required.",
    ["source"],
)
for _source in ("postgres", "redis", "file", "stream", "outbox", "probe"):
    UNSIGNED_REFUSED.labels(_source)
WATCHERS: Final = Gauge("cqar_resolver_watchers", "Clients that watch.")
EPOCHS: Final = Counter("cqar_resolver_epochs_total", "New epochs followed.")
BUMP_REQUESTS: Final = Counter("cqar_resolver_bump_requests_total", "Asked for a new epoch.")

#: Asked only while memory cannot answer: 0 also where nobody asks.
BREAKER_OPEN: Final = Gauge(
    "cqar_resolver_breaker_open", "1 while a tier below memory is not asked.", ["tier"]
)

#: `tier` is memory, redis or postgres, the others have a handful of values too. Never label by
#: key, venue or symbol.
LOOKUP_SECONDS: Final = FastHistogram(
    "cqar_resolver_lookup_seconds",
    "From a lookup's question to its answer, without gRPC's part.",
    ["rpc", "tier"],
    buckets=(0.00001, 0.00002, 0.00005, 0.0001, 0.0002, 0.0005, 0.001, 0.005, 0.02, 0.1, 0.25),
)
#: `reason` is one of the codes that verdicts have: some twenty.
DENIED: Final = Counter(
    "cqar_resolver_denied_total", "Verdicts that do not allow to open, by reason.", ["reason"]
)
LOOKUPS: Final = Counter(
    "cqar_resolver_lookups_total", "Lookups served.", ["rpc", "result", "tier"]
)

_denied: Final = cache(DENIED.labels)


@cache
def counting(rpc: str, result: str, tier: str) -> Callable[[float], None]:
    """What counts lookups of these labels: to find a metric takes longer than to count by it."""
    observe, lookups = LOOKUP_SECONDS.of(rpc, tier), LOOKUPS.labels(rpc, result, tier)

    def count(seconds: float) -> None:
        observe(seconds)
        lookups.inc()

    return count


def count_lookup(rpc: str, result: str, tier: str, seconds: float) -> None:
    counting(rpc, result, tier)(seconds)


def count_denials(reasons: Iterable[str]) -> None:
    """Of one answer, or of many."""
    for reason, times in Tally(reasons).items():
        _denied(reason).inc(times)
