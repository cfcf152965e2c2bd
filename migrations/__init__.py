"""The database's schema, step by step, and the rights of its accounts; run by Alembic.

`program` is `cqar-migrate`. A step that was released is never changed.
"""

__all__ = []
