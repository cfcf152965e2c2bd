"""Every reader: the product line of a venue id, and the reader of a registered venue."""

from __future__ import annotations

import importlib
import pkgutil
from functools import lru_cache
from types import ModuleType
from typing import cast

from cqar.importer import readers
from cqar.importer.readers.product_line import ProductLine


@lru_cache(1)
def reader_modules() -> tuple[ModuleType, ...]:
    """The modules of this package that read a venue: those that declare product lines."""
    names = sorted(module.name for module in pkgutil.iter_modules(readers.__path__))
    own = __name__.rpartition(".")[2]
    found = (importlib.import_module(f"{__package__}.{name}") for name in names if name != own)
    return tuple(module for module in found if hasattr(module, "PRODUCT_LINES"))


@lru_cache(1)
def product_lines() -> dict[str, ProductLine]:
    """All product lines, by venue id."""
    found: dict[str, ProductLine] = {}
    for module in reader_modules():
        for line in module.PRODUCT_LINES:
            # A part of a reader beside its first module may declare lines that the first one has.
            if found.setdefault(line.venue_id, line) is not line:
                message = f"two readers have the venue id {line.venue_id}"
                raise ValueError(message)
    return found


@lru_cache(256)
def product_line_of(venue_id: str) -> ProductLine | None:
    """The reader of a venue; None if it has none.

    A module whose venue has lines of any number (Hyperliquid's exchanges of builders) makes them
    by `product_line_of`.
    """
    if found := product_lines().get(venue_id):
        return found
    for module in reader_modules():
        make = getattr(module, "product_line_of", None)
        if make is not None and (line := make(venue_id)) is not None:
            return cast("ProductLine", line)
    return None
