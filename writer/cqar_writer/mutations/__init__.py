"""One change, from decoded items to a committed revision.

`pipeline` opens a transaction, has `evaluate` load what the rules ask for and run them, takes the
next revision and writes entities, outbox and the stored answer together. A repeated request gets
its first answer (`idempotency`). No gRPC and no SQL text is here.
"""

__all__ = ["idempotency", "pipeline", "stored_answers"]
