"""Answers while the snapshot cannot: before it is loaded, or for what it does not hold.

`single_flight` shares one run among all who ask the same, and bounds what each caller may ask;
`stores` reads Redis and PostgreSQL until the query has all that it asks for. Answers from here are
never cached.
"""

__all__ = ["single_flight", "stores"]
