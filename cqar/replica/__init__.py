"""`cqar.Replica`: a resolver inside the program that asks.

`in_loop_transport` runs `cqar_resolver.app` in an event loop and answers the SDK's questions with
it. `async_replica` is that in the program's own loop, `threaded_replica` on a thread. `hit_cache`
keeps the results of the last moment.
"""

__all__ = ["hit_cache", "replica"]
