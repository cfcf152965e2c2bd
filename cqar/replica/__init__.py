"""`cqar.Replica`: a resolver inside the program that asks.

It runs `cqar_resolver.app` in the program's own event loop or in a thread, and answers with the
SDK's results. `hit_cache` keeps results of the last moment.
"""

__all__ = ["hit_cache", "replica"]
