"""Everything the writer measures. One module, so a dashboard author reads one file."""

from __future__ import annotations

from typing import Final

from prometheus_client import Counter, Gauge, Histogram

REVISION: Final = Gauge("cqar_writer_revision", "Revision of the registry's head.")
EPOCH: Final = Gauge("cqar_writer_epoch", "Epoch of the registry's head.")
EPOCH_BUMPS: Final = Counter("cqar_epoch_bumps_total", "Histories begun by this writer.")

#: Compare with cqar_resolver_revision: the difference is a resolver's lag, in revisions.
PUBLISHED: Final = Gauge("cqar_relay_published_revision", "Newest revision in CQAR_CHANGES.")
OUTBOX_LAG: Final = Gauge("cqar_outbox_lag_revisions", "Committed and not yet published.")
LEADER: Final = Gauge("cqar_relay_leader", "1 where this writer's relay leads.")
FENCED: Final = Gauge(
    "cqar_writer_fenced", "1 while this writer's PostgreSQL is not the registry's any more."
)
ANSWERS_PROBES: Final = Gauge(
    "cqar_writer_answers_probes", "1 while this writer can read the head that resolvers ask for."
)
RESETS: Final = Counter("cqar_relay_resets_total", "RESET messages published.")

#: `stream` is CQAR_CHANGES or CQC_EVENTS.
FOREIGN: Final = Counter(
    "cqar_foreign_messages_total", "Messages that no writer of ours published.", ["stream"]
)
for _stream in ("CQAR_CHANGES", "CQC_EVENTS"):
    FOREIGN.labels(_stream)
#: Like CQAR_CHANGES', in revisions; those that announce nothing count as told once looked through.
EVENTS_LAG: Final = Gauge(
    "cqar_event_lag_revisions", "Committed, and their domain events not yet published."
)

#: `event_type` is the subject without its prefix: a closed set of about forty.
EVENTS: Final = Counter("cqar_event_published_total", "Domain events published.", ["event_type"])

#: `reason` is one of RejectReason's.
REJECTS_REPORTED: Final = Counter(
    "cqar_order_rejects_total", "Orders that venues refused, as reported.", ["reason"]
)
for _reason in (
    "TICK",
    "LOT",
    "SIZE",
    "NOTIONAL",
    "PRICE",
    "UNKNOWN_SYMBOL",
    "NOT_TRADING",
    "OTHER",
):
    REJECTS_REPORTED.labels(_reason)
REJECTS_REFUSED: Final = Counter(
    "cqar_order_rejects_refused_total", "Such reports that were not counted: too many of one actor."
)
REJECTS_DOUBTING: Final = Counter(
    "cqar_order_reject_findings_total", "Findings that reports of refused orders made."
)

#: `entity` is the prefix of a key in Redis: six values.
CACHE_HITS: Final = Counter("cqar_cache_hit_total", "Reads that Redis answered.", ["entity"])
CACHE_MISSES: Final = Counter("cqar_cache_miss_total", "Reads that it did not.", ["entity"])
CACHE_UNAVAILABLE: Final = Counter(
    "cqar_cache_unavailable_total", "Times that Redis was down, too slow or not asked any more."
)
CACHE_BREAKER_OPEN: Final = Gauge("cqar_cache_breaker_open", "1 while Redis is not asked.")
CACHE_GENERATIONS: Final = Counter(
    "cqar_cache_generations_total", "Times that all cached values ceased to count."
)

#: A resolver without PostgreSQL starts from here: the head's revision less this is what it lacks.
IMAGE_REVISION: Final = Gauge("cqar_image_revision", "Revision of the image published last.")
IMAGES: Final = Counter("cqar_images_total", "Images of the registry published in Redis.")

#: Infinite where there is no limit. At its limit a stream drops its oldest messages.
STREAM_BYTES: Final = Gauge("cqar_stream_bytes", "What a stream holds.", ["stream"])
STREAM_BYTES_MAX: Final = Gauge("cqar_stream_bytes_max", "What it may hold.", ["stream"])
STREAM_MESSAGES: Final = Gauge("cqar_stream_messages", "Messages in a stream.", ["stream"])
#: At its limit an account's streams take no more.
STORAGE_BYTES: Final = Gauge("cqar_jetstream_bytes", "What our NATS account holds in files.")
STORAGE_BYTES_MAX: Final = Gauge("cqar_jetstream_bytes_max", "What it may hold.")

#: Of a writer that has a signing key, while that is not in use.
UNSIGNED: Final = Counter("cqar_unsigned_commits_total", "Revisions that could not be signed.")

#: Infinite where none ends.
KEY_END: Final = Gauge(
    "cqar_api_key_expiry_timestamp_seconds", "When the first of the keys that are valid ends."
)

MUTATIONS: Final = Counter("cqar_mutations_total", "Changes by outcome.", ["kind", "result"])
ARCHIVED: Final = Counter("cqar_archived_total", "Entities taken out of snapshots.", ["kind"])
# A counter that begins with its first event hides it from whoever looks at increases.
for _kind in ("symbol", "venue_symbol"):
    ARCHIVED.labels(_kind)
COMMIT_SECONDS: Final = Histogram(
    "cqar_mutation_seconds",
    "From a request's items to their commit.",
    buckets=(0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10),
)


class Progress:
    """Measures how far publication is behind commits, whoever reports either.

    While NATS is away no relay runs; the dependency monitor then reports commits.
    """

    def __init__(self) -> None:
        self._committed = 0
        self._published: int | None = None
        self._announced: int | None = None

    def committed(self, epoch: int, revision: int) -> None:
        self._committed = revision
        REVISION.set(revision)
        EPOCH.set(epoch)
        self._update()

    def published(self, revision: int) -> None:
        self._published = revision
        PUBLISHED.set(revision)
        self._update()

    def announced(self, revision: int) -> None:
        """All events up to this revision are published."""
        self._announced = revision
        self._update()

    def _update(self) -> None:
        if self._announced is not None:
            EVENTS_LAG.set(max(0, self._committed - self._announced))
        if self._published is not None:
            OUTBOX_LAG.set(max(0, self._committed - self._published))


PROGRESS: Final = Progress()
