"""Calls to the writer and checks of its history, as the command line and the importer need them.

`connection` calls any RPC, `pagination` reads all pages of a list, `entity_lists` all of a kind,
`rpc_catalog` knows the contract's methods, and `audit` replays the history and compares it with
what is stored.
"""

__all__ = ["audit", "audit_signatures", "connection", "entity_lists", "pagination", "rpc_catalog"]
