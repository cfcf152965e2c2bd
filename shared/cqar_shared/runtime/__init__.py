"""What a service process needs besides its work: settings, logs, metrics, tasks and limits.

Nothing here knows the registry. `config` reads the settings, `telemetry` and `tracing` tell others
what happens, `tasks` keeps loops running, and the rest limits or protects one resource each.
"""

__all__ = [
    "circuit_breaker",
    "config",
    "event_loop",
    "fair_queue",
    "fast_histogram",
    "key_masking",
    "optional_extras",
    "outages",
    "process_memory",
    "slots",
    "tasks",
    "tcp_keepalive",
    "telemetry",
    "token_bucket",
    "tracing",
    "version",
]
