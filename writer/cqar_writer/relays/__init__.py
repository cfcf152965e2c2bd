"""Loops that carry committed revisions out of PostgreSQL, in order and at least once.

The leader reads the outbox and publishes change sets, then events, to NATS; it also fills the
cache and publishes images. Each relay reads a position, asks `protocol` for the next step, and
takes it. Nothing here changes an entity.
"""

__all__ = ["cache_relay", "image_publisher", "publisher"]
