"""Every reader: the product line of a venue id, and the reader of a registered venue."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Mapping
from functools import lru_cache
from types import ModuleType
from typing import Any, Final, cast

from cqar.importer import readers
from cqar.importer.readers.product_line import ProductLine
from cqar_shared.domain.kinds.venue import EnvironmentCode

#: In a venue's metadata: the product line whose reader reads it, where its id is another.
PRODUCT_LINE: Final = "product_line"


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


@lru_cache(256)
def production_operator(venue_id: str) -> str | None:
    """The operator whose codes a test environment of a product line repeats; None without one."""
    line = product_line_of(venue_id)
    if line is None or line.environment is EnvironmentCode.PRODUCTION:
        return None
    found = {
        other.operator
        for other in product_lines().values()
        if other.forms[0].record is line.forms[0].record
        and other.environment is EnvironmentCode.PRODUCTION
        and other.region is None
    }
    return found.pop() if len(found) == 1 else None


def reader_of(venue_id: str, metadata: Mapping[str, Any] | None) -> ProductLine | None:
    """The reader of a registered venue; None if it has none.

    It is that of the venue's id, or of `product_line` in its metadata, or of its `ccxt_id` where
    one product line alone is asked through that exchange of ccxt.
    """
    noted = metadata or {}
    line = product_line_of(str(noted.get(PRODUCT_LINE) or venue_id))
    if line is not None or PRODUCT_LINE in noted:
        return line
    ccxt_id = noted.get("ccxt_id")
    same = [line for line in product_lines().values() if ccxt_id and line.ccxt_id == ccxt_id]
    return same[0] if len(same) == 1 else None
