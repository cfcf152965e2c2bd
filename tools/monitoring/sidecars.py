"""Resolvers, sidecars or not: what they answer, how fast, and how far they may be trusted."""

from __future__ import annotations

from typing import Final

from tools.monitoring.panels import Dashboard, panel, quantiles

RESOLVERS: Final = '{job="cqar-resolver"}'

DASHBOARD: Final = Dashboard(
    "cqar-sidecars",
    "CQAR resolvers",
    (
        panel(
            "Lookups by tier",
            "ops",
            ("sum by (tier) (rate(cqar_resolver_lookups_total[2m]))", "{{tier}}"),
            says="Anything but memory is for a resolver that loads, and for what was archived.",
        ),
        panel(
            "Lookups by RPC and result",
            "ops",
            (
                "sum by (rpc, result) (rate(cqar_resolver_lookups_total[2m]))",
                "{{rpc}} {{result}}",
            ),
        ),
        panel(
            "Time of a lookup, without gRPC",
            "s",
            *quantiles("cqar_resolver_lookup_seconds", "tier", 0.5, 0.99),
        ),
        panel(
            "Time of a call (p99)",
            "s",
            ('max by (method) (cqar:call_seconds:p99_5m{job="cqar-resolver"})', "{{method}}"),
            limit=0.05,
        ),
        panel(
            "Time of a call (p50)",
            "s",
            ('max by (method) (cqar:call_seconds:p50_5m{job="cqar-resolver"})', "{{method}}"),
            limit=0.01,
        ),
        panel(
            "State",
            "short",
            ("sum by (cqar_resolver_state) (cqar_resolver_state)", "{{cqar_resolver_state}}"),
            says="How many resolvers say which. All but LIVE deny to open.",
        ),
        panel(
            "Staleness",
            "ms",
            ("cqar_resolver_staleness_ms", "{{instance}}"),
            says="An upper bound. It goes to a second or so between two probes.",
            limit=5000,
        ),
        panel(
            "Lag",
            "short",
            ("cqar_resolver_lag_revisions", "{{instance}}"),
            ("max(cqar_writer_revision) - min(cqar_resolver_revision)", "slowest behind the head"),
        ),
        panel(
            "Memory",
            "bytes",
            (f"process_resident_memory_bytes{RESOLVERS}", "{{instance}}"),
        ),
        panel(
            "Entities",
            "short",
            ("max by (kind) (cqar_resolver_entities)", "{{kind}}"),
        ),
        panel(
            "Change sets applied",
            "ops",
            ("sum by (source) (rate(cqar_resolver_applied_total[2m]))", "from the {{source}}"),
        ),
        panel(
            "Time to apply one",
            "s",
            *quantiles("cqar_resolver_apply_seconds", "", 0.5, 0.99),
        ),
        panel(
            "Trouble in following",
            "short",
            ("sum(increase(cqar_resolver_gaps_total[5m]))", "gaps"),
            ("sum(increase(cqar_resolver_catch_ups_total[5m]))", "reads of the outbox"),
            ("sum by (cause) (increase(cqar_resolver_rehydrates_total[5m]))", "anew: {{cause}}"),
            ("sum(increase(cqar_resolver_epochs_total[5m]))", "epochs"),
            ("sum(increase(cqar_resolver_bump_requests_total[5m]))", "asked for an epoch"),
            ("sum(increase(cqar_resolver_foreign_messages_total[5m]))", "foreign messages"),
            (
                "sum by (source) (increase(cqar_resolver_earlier_term_total[5m]))",
                "earlier database, from {{source}}",
            ),
            (
                (
                    "sum by (answered_by)"
                    ' (increase(cqar_resolver_probes_total{answered_by!="group"}[5m]))'
                ),
                "probes answered by {{answered_by}}",
            ),
            says="Within five minutes. A gap is caught up; starting over reads everything.",
        ),
        panel(
            "Time to load everything",
            "s",
            (
                (
                    "histogram_quantile(0.99, sum by (source, le)"
                    " (cqar_resolver_hydrate_seconds_bucket))"
                ),
                "{{source}} p99, since its start",
            ),
        ),
        panel(
            "Verdicts that deny opening",
            "ops",
            ("sum by (reason) (rate(cqar_resolver_denied_total[2m]))", "{{reason}}"),
        ),
        panel(
            "Watchers",
            "short",
            ("cqar_resolver_watchers", "{{instance}}"),
        ),
        panel(
            "Last good file",
            "short",
            (
                (
                    "cqar_resolver_revision - cqar_resolver_kept_revision"
                    " and cqar_resolver_kept_revision > 0"
                ),
                "{{instance}}: revisions behind",
            ),
            ("sum(increase(cqar_resolver_keep_failures_total[1h]))", "failures within an hour"),
        ),
        panel(
            "Time to keep it",
            "s",
            *quantiles("cqar_resolver_keep_seconds", "", 0.99),
        ),
        panel(
            "Published replica",
            "short",
            (
                (
                    "cqar_resolver_revision - cqar_resolver_published_revision"
                    " and cqar_resolver_published_revision > 0"
                ),
                "{{instance}}: revisions behind",
            ),
            says="For cqar.LocalReplica, where replica_path is set.",
        ),
        panel(
            "Time to publish it",
            "s",
            *quantiles("cqar_resolver_publish_seconds", "", 0.99),
        ),
    ),
)
