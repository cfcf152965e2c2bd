"""What the services stand on, as they see it themselves: no exporters are needed for this."""

from __future__ import annotations

from typing import Final

from tools.monitoring.panels import Dashboard, panel

OURS: Final = '{job=~"cqar-writer|cqar-resolver"}'

DASHBOARD: Final = Dashboard(
    "cqar-infrastructure",
    "CQAR infrastructure",
    (
        panel(
            "Processes that answer",
            "short",
            (f"sum by (job) (up{OURS})", "{{job}}"),
            (f"count by (job) (up{OURS})", "{{job}}, wanted"),
        ),
        panel(
            "Reached",
            "bool",
            ("min by (job, dependency) (cqar_dependency_up)", "{{job}}: {{dependency}}"),
            says="0 as soon as one process does not reach it. Resolvers look at NATS only.",
        ),
        panel(
            "Breakers open",
            "bool",
            ("max by (job) (cqar_cache_breaker_open)", "{{job}}: redis"),
            ("max by (job, tier) (cqar_resolver_breaker_open)", "{{job}}: {{tier}}"),
        ),
        panel(
            "Alerts that fire",
            "short",
            ('count by (alertname, severity) (ALERTS{alertstate="firing"})', "{{alertname}}"),
        ),
        panel(
            "Streams",
            "bytes",
            ("max by (stream) (cqar_stream_bytes)", "{{stream}}"),
        ),
        panel(
            "Streams, of their limit",
            "percentunit",
            (
                "max by (stream) (cqar_stream_bytes / cqar_stream_bytes_max)",
                "{{stream}}",
            ),
            ("max(cqar_jetstream_bytes / cqar_jetstream_bytes_max)", "the account"),
            limit=0.8,
        ),
        panel(
            "Messages in streams",
            "short",
            ("max by (stream) (cqar_stream_messages)", "{{stream}}"),
            says="CQAR_CHANGES keeps a minute of heartbeats, one a second.",
        ),
        panel(
            "JetStream files",
            "bytes",
            ("max(cqar_jetstream_bytes)", "the account"),
        ),
        panel(
            "CPU",
            "short",
            (f"rate(process_cpu_seconds_total{OURS}[2m])", "{{job}} {{instance}}"),
            says="Cores. Each process has one event loop: near 1 it is at its limit.",
            limit=1,
        ),
        panel(
            "Memory",
            "bytes",
            (f"process_resident_memory_bytes{OURS}", "{{job}} {{instance}}"),
        ),
        panel(
            "Open files",
            "percentunit",
            (f"process_open_fds{OURS} / process_max_fds{OURS}", "{{job}} {{instance}}"),
            limit=0.8,
        ),
        panel(
            "Loops that failed",
            "short",
            (
                "sum by (job, task) (increase(cqar_task_failures_total[5m])) > 0",
                "{{job}}: {{task}}",
            ),
            says="Within five minutes; each is run again.",
        ),
        panel(
            "Ends in days",
            "d",
            (
                "(min by (job, file) (cqar_certificate_expiry_timestamp_seconds) - time()) / 86400",
                "{{job}}: {{file}}",
            ),
            (
                "(min(cqar_api_key_expiry_timestamp_seconds) - time()) / 86400 < 10000",
                "the first API key",
            ),
            says="Certificates, where there are any, and the first key that ends.",
            limit=14,
        ),
        panel(
            "Versions",
            "short",
            ("count by (job, version) (cqar_build_info)", "{{job}} {{version}}"),
        ),
    ),
)
