"""Reads what venues list: one module a venue, each with its product lines.

product_line   what a reader declares: requests, record, rows, a pure function
fields         exact numbers, instants and known words of raw records
registry       every reader, by venue id
"""

from __future__ import annotations

__all__ = ["fields", "product_line", "registry"]
