"""The registry: what is written, published and read at the writers."""

from __future__ import annotations

from typing import Final

from tools.monitoring.panels import Dashboard, panel, quantiles

DASHBOARD: Final = Dashboard(
    "cqar-registry",
    "CQAR registry",
    (
        panel(
            "Changes by outcome",
            "ops",
            ("sum by (result) (rate(cqar_mutations_total[2m]))", "{{result}}"),
            says="Entities, not calls: one Apply makes up to 5,000.",
        ),
        panel(
            "Changes by kind",
            "ops",
            ("sum by (kind) (rate(cqar_mutations_total[2m]))", "{{kind}}"),
        ),
        panel(
            "Time to commit",
            "s",
            *quantiles("cqar_mutation_seconds", "", 0.5, 0.99),
            says="Mutations are serial: whoever holds the head's lock holds up all others.",
        ),
        panel(
            "Revisions",
            "short",
            ("max(cqar_writer_revision)", "committed"),
            ("max(cqar_relay_published_revision)", "published"),
            ("max(cqar_image_revision)", "image in Redis"),
        ),
        panel(
            "Outbox lag",
            "short",
            ("max by (instance) (cqar_outbox_lag_revisions)", "{{instance}}"),
            says="Committed and not published. It should be 0 a moment after each commit.",
        ),
        panel(
            "Relay leader",
            "bool",
            ("cqar_relay_leader", "{{instance}}"),
            ("cqar_writer_answers_probes", "{{instance}} answers probes"),
            ("cqar_writer_fenced", "{{instance}} is FENCED"),
            says="One leads; the others publish only what it leaves lying for half a second. A"
            " writer that cannot read the head answers no probe.",
        ),
        panel(
            "Domain events",
            "ops",
            ("sum by (event_type) (rate(cqar_event_published_total[2m]))", "{{event_type}}"),
        ),
        panel(
            "Epochs and resets",
            "short",
            ("max(cqar_writer_epoch)", "epoch"),
            ("min(cqar_resolver_epoch)", "epoch at the last resolver"),
            ("sum(increase(cqar_epoch_bumps_total[1h]))", "begun within an hour"),
            ("sum(increase(cqar_relay_resets_total[1h]))", "RESETs within an hour"),
            says="An epoch begins when commits may have been lost.",
        ),
        panel(
            "Writers' calls",
            "ops",
            ('sum by (method) (rate(cqar_grpc_calls_total{job="cqar-writer"}[2m]))', "{{method}}"),
        ),
        panel(
            "Writers' call times (p99)",
            "s",
            ('max by (method) (cqar:call_seconds:p99_5m{job="cqar-writer"})', "{{method}}"),
            limit=0.05,
        ),
        panel(
            "Failed calls",
            "percentunit",
            ("max by (job) (cqar:failures:ratio5m)", "{{job}}, 5 min"),
            ("max by (job) (cqar:failures:ratio1h)", "{{job}}, 1 h"),
            says="Of all but Watch, those whose status is ours. The budget is 0.1 %.",
            limit=0.001,
        ),
        panel(
            "Reads that Redis answered",
            "percentunit",
            (
                (
                    "sum by (entity) (rate(cqar_cache_hit_total[2m])) / (sum by (entity)"
                    " (rate(cqar_cache_hit_total[2m])) + sum by (entity)"
                    " (rate(cqar_cache_miss_total[2m])))"
                ),
                "{{entity}}",
            ),
            ("max(cqar:cache_hits:ratio15m)", "all, 15 min"),
            limit=0.8,
        ),
        panel(
            "Redis",
            "short",
            ("sum(increase(cqar_cache_unavailable_total[5m]))", "asked in vain"),
            ("sum(increase(cqar_cache_generations_total[5m]))", "all forgotten"),
            ("sum(increase(cqar_images_total[5m]))", "images published"),
            ("sum(increase(cqar_archived_total[5m]))", "archived"),
            says="Within five minutes. What is removed from a list makes all be forgotten.",
        ),
        panel(
            "Callers refused for their key",
            "ops",
            ("sum by (job, reason) (rate(cqar_auth_refused_total[2m]))", "{{job}} {{reason}}"),
        ),
    ),
)
