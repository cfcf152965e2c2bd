"""Changes to the registry: one request, one transaction, at most one revision.

- `pipeline` orders the steps, from the write lock to the commit.
- `evaluate` loads what the registry's rules look at and judges each item of a request.
- `commit` builds the revision of a judged request and writes its rows.
- `unarchive` adds archived entities that changed ones refer to.
- `idempotency` stores answers, so that a request that is sent again changes nothing.
"""

from cqar_writer.mutations.commit import AppliedMutation, Cause, EncodeAnswer, no_answer
from cqar_writer.mutations.idempotency import (
    IdempotencyKey,
    delete_expired_answers,
    idempotency_key_of,
)
from cqar_writer.mutations.pipeline import ITEMS_MAX, Mutations, require_past

__all__ = [
    "ITEMS_MAX",
    "AppliedMutation",
    "Cause",
    "EncodeAnswer",
    "IdempotencyKey",
    "Mutations",
    "delete_expired_answers",
    "idempotency_key_of",
    "no_answer",
    "require_past",
]
