"""The formats that carry the registry to its copies, and positions in its history. Pure.

`positions` says where in a history something is, `hash_chain` whether two histories are the same.
`image` is the whole registry as sealed chunks, `frames` separates the parts of a file or message,
and `replica_layout` is the published LMDB environment. Nothing here reads or writes a file.
"""

__all__ = ["frames", "hash_chain", "image", "positions", "replica_layout"]
