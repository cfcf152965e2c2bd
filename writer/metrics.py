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
RELAY_ERRORS: Final = Counter("cqar_relay_errors_total", "Relay steps that failed.", ["relay"])
RESETS: Final = Counter("cqar_relay_resets_total", "RESET messages published.")

#: `event_type` is the subject without its prefix: a closed set of about forty.
EVENTS: Final = Counter("cqar_event_published_total", "Domain events published.", ["event_type"])

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

MUTATIONS: Final = Counter("cqar_mutations_total", "Changes by outcome.", ["kind", "result"])
ARCHIVED: Final = Counter("cqar_archived_total", "Entities taken out of snapshots.", ["kind"])
COMMIT_SECONDS: Final = Histogram(
    "cqar_mutation_seconds",
    "From a request's items to their commit.",
    buckets=(0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10),
)
