"""Keys, signatures and seals: who may say what the registry contains.

`signatures` signs and verifies heads, `trusted_keys` follows which signing keys count, and `seals`
authenticates what is stored in Redis and in files. Keys come from files (`seal_keys`). Nothing
here opens a connection.
"""

__all__ = ["key_text", "seal_keys", "seals", "signatures", "trusted_keys"]
