"""Real PostgreSQL, NATS JetStream and Valkey servers from wheels, and the stack on top of them.

Nothing here knows what a symbol is: the writer, the resolvers and the migrations are started as
subprocesses, by their command lines, exactly as an operator would. This package may import the
standard library and msgspec only.
"""
