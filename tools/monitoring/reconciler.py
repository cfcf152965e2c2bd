"""The reconciler: whether the registry keeps up with its venues, and people with what is left."""

from __future__ import annotations

from typing import Final

from tools.monitoring.panels import Dashboard, panel, quantiles

DASHBOARD: Final = Dashboard(
    "cqar-reconciler",
    "CQAR reconciler",
    (
        panel(
            "Age of the last good answer",
            "s",
            (
                ("time() - (max by (venue) (cqar_reconciler_good_answer_timestamp_seconds) > 0)"),
                "{{venue}}",
            ),
            says="What the registry says of a venue is so old. A venue that was never read is not"
            " in it: CqarVenueNeverRead names it.",
            limit=3600,
        ),
        panel(
            "Rounds by how they ended",
            "ops",
            ("sum by (outcome) (rate(cqar_reconciler_rounds_total[5m]))", "{{outcome}}"),
        ),
        panel(
            "Failures in a row",
            "short",
            ("max by (venue) (cqar_reconciler_venue_failures) > 0", "{{venue}}"),
        ),
        panel(
            "Time of a round",
            "s",
            *quantiles("cqar_reconciler_round_seconds", "", 0.5, 0.99),
            limit=60,
        ),
        panel(
            "Records that cannot be read",
            "short",
            ('max by (venue) (cqar_reconciler_rows{outcome="UNREADABLE"}) > 0', "{{venue}}"),
            ("sum(max by (venue) (cqar_reconciler_new_fields))", "new fields"),
            says="Their listings deny opening. Fields that a reader does not know are no error:"
            " they say that a venue has something new.",
        ),
        panel(
            "Changes",
            "short",
            ("sum by (change) (increase(cqar_reconciler_changes_total[5m]))", "{{change}}"),
            says="Within five minutes.",
        ),
        panel(
            "Findings that wait for people",
            "short",
            ("sum by (kind) (cqar_reconciler_findings_open)", "{{kind}}"),
        ),
        panel(
            "How long they have waited",
            "short",
            ("sum by (age) (cqar_reconciler_findings_open)", "{{age}}"),
        ),
        panel(
            "Findings made",
            "short",
            ("sum by (kind) (increase(cqar_reconciler_findings_total[5m]))", "{{kind}}"),
            says="Within five minutes.",
        ),
        panel(
            "Requests to venues",
            "ops",
            ("sum by (result) (rate(cqar_reconciler_fetches_total[5m]))", "{{result}}"),
        ),
        panel(
            "Orders that venues refused, as reported",
            "short",
            ("sum by (reason) (increase(cqar_order_rejects_total[5m]))", "{{reason}}"),
            ("sum(increase(cqar_order_rejects_refused_total[5m]))", "not counted"),
            ("sum(increase(cqar_order_reject_findings_total[5m]))", "findings made"),
            says="Within five minutes.",
        ),
        panel(
            "Webhooks",
            "short",
            ("sum by (result) (increase(cqar_reconciler_webhooks_total[5m]))", "posts, {{result}}"),
            ("max(cqar_reconciler_webhook_dead_letters)", "dead letters, at most"),
            ("min(cqar_reconciler_webhook_revision)", "told up to, at least"),
        ),
        panel(
            "Answers kept",
            "bytes",
            ("max by (instance) (cqar_reconciler_answer_store_bytes)", "{{instance}}"),
            ("max(cqar_reconciler_answer_store_bytes_max)", "at most"),
        ),
        panel(
            "Rounds kept, and loads of the registry",
            "short",
            ("max by (instance) (cqar_reconciler_answer_store_rounds)", "{{instance}} rounds"),
            ("max by (instance) (cqar_reconciler_registry_loads)", "{{instance}} loads"),
        ),
    ),
)
