"""Translates between messages and entities, and checks what requests contain. Pure.

A message is decoded into an entity (`entity_codec`, by the fields that `field_map` reads off both
declarations), and an entity is encoded with the same bytes each time. `events` builds the domain
event of a change. What the values may be is a rule of `domain`, not of this package.
"""

__all__ = ["entity_codec", "events", "field_map", "request_validation"]
