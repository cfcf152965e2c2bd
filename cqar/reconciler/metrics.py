"""Everything the reconciler measures. Its venues are those of its configuration: 500 at most."""

from __future__ import annotations

from typing import Final

from prometheus_client import Counter, Gauge, Histogram

#: Seconds since 1970; `time()` less this is the age. 0 until there was one.
GOOD_ANSWER: Final = Gauge(
    "cqar_reconciler_good_answer_timestamp_seconds",
    "When the venue's answers were taken that were applied last.",
    ["venue"],
)
FAILURES: Final = Gauge(
    "cqar_reconciler_venue_failures", "Rounds in a row that failed at the venue.", ["venue"]
)
#: `outcome` is APPLIED, READ_MEANWHILE, FETCH_FAILED, UNUSABLE, OLD_ANSWER, MASS_CHANGE,
#: WRITER_FAILED or ERROR.
ROUNDS: Final = Counter(
    "cqar_reconciler_rounds_total", "Rounds by how they ended.", ["venue", "outcome"]
)
ROUND_SECONDS: Final = Histogram(
    "cqar_reconciler_round_seconds",
    "From a round's first request to its end.",
    buckets=(0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600),
)
#: `outcome` is MARKET, UNSUPPORTED or UNREADABLE; they add up to the records there were.
ROWS: Final = Gauge(
    "cqar_reconciler_rows", "Records of the last answers, by outcome.", ["venue", "outcome"]
)
NEW_FIELDS: Final = Gauge(
    "cqar_reconciler_new_fields",
    "Fields that the venue sends and its reader does not know.",
    ["venue"],
)
#: `age` is under_1h, under_1d, under_7d or older.
FINDINGS: Final = Gauge(
    "cqar_reconciler_findings_open",
    "Findings that wait for people, of the venues that this process asks.",
    ["kind", "age"],
)
#: `change` is LISTED, CHANGED, ENDED, DOUBTED, NEW_ASSET, NEW_SYMBOL or REJECTED.
CHANGES: Final = Counter(
    "cqar_reconciler_changes_total", "Changes that were applied.", ["venue", "change"]
)
#: `kind` is a finding's, such as STEPS_COARSER, or OTHER.
FOUND: Final = Counter("cqar_reconciler_findings_total", "Findings that were made.", ["kind"])
#: `result` is OK, or what was wrong with the answer.
FETCHES: Final = Counter("cqar_reconciler_fetches_total", "Requests to venues.", ["result"])
ANSWER_BYTES: Final = Gauge(
    "cqar_reconciler_answer_store_bytes", "What the kept answers take, compressed."
)
ANSWER_BYTES_MAX: Final = Gauge(
    "cqar_reconciler_answer_store_bytes_max", "What they may take before the oldest go."
)
ANSWER_ROUNDS: Final = Gauge(
    "cqar_reconciler_answer_store_rounds", "Rounds whose answers are kept."
)
PRODUCT_LOADS: Final = Gauge(
    "cqar_reconciler_registry_loads", "Times that the registry's products were loaded whole."
)

#: `result` is TAKEN, FAILED (and tried again, or given up) or DEAD (given up).
WEBHOOKS: Final = Counter(
    "cqar_reconciler_webhooks_total", "Posts to webhooks.", ["endpoint", "result"]
)
WEBHOOK_DEAD: Final = Gauge(
    "cqar_reconciler_webhook_dead_letters", "Notices that were given up and kept.", ["endpoint"]
)
WEBHOOK_REVISION: Final = Gauge(
    "cqar_reconciler_webhook_revision", "The revision up to which all was told.", ["endpoint"]
)
