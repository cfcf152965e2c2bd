"""What the writer sends to NATS and Redis from the outbox; no mutation waits for it.

- `publisher` runs all that needs NATS, while NATS is there.
- `change_relay` publishes change sets on CQAR_CHANGES, `event_relay` domain events on CQC_EVENTS;
  `event_tail` finds the newest event there, `foreign_messages` reports what is not this registry's.
- `cache_relay` writes changed values to Redis, `image_publisher` an image of the registry.
- `head_responder` answers resolvers' probes, `epoch_bump_responder` their claims of lost commits.
- `leadership` says which writer's change relay leads.

The decisions are in `cqar_writer.protocol`, which is pure.
"""

__all__ = ["cache_relay", "image_publisher", "publisher"]
