"""Whether this writer's database is the registry's, and commits that rely on it.

`primary` and `fencing` find out whether another database has taken over; `epoch_lock` and
`confirmed_commit` let a change commit only while none has. `head` reads the registry's head and
`head_signer` signs it.
"""

__all__ = [
    "confirmed_commit",
    "epoch_lock",
    "fencing",
    "head",
    "head_signer",
    "newest_position",
    "primary",
]
