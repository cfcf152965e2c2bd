"""Adapters to other libraries. Each module is for one library and imports it when it is used."""

__all__ = ["ccxt", "nautilus"]
