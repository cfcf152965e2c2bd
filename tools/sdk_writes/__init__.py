"""Writes the typed methods of `cqar.Writer` and `cqar.AsyncWriter` from the contract."""

__all__ = ["methods"]
