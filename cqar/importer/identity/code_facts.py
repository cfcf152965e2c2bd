"""What a venue's answers say of each of its codes. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from cqar.importer.identity.codes import is_no_coin
from cqar.importer.identity.names import is_name
from cqar.importer.market import Code, Currency, Market
from cqar_shared.domain.kinds.symbol import UnderlyingClassCode


class CodeFacts(msgspec.Struct, frozen=True, kw_only=True):
    """A code, and what is said of it.

    Attributes:
        names: Full names, those that say more than the ticker.
        currency: What the venue's list of currencies says of it.
        kind: What the record says that it is; None of a coin or a currency.
        is_token: It trades itself, and what `kind` says stands behind it: a share's token.
        is_quote: Other assets are valued in it.
        spelling: The first market of which it is the base, or else that names it.
    """

    code: Code
    names: tuple[str, ...] = ()
    currency: Currency | None = None
    kind: UnderlyingClassCode | None = None
    is_token: bool = False
    is_quote: bool = False
    spelling: str = ""

    @property
    def name(self) -> str | None:
        """The first of the full names."""
        return self.names[0] if self.names else None


def own_codes(market: Market) -> list[Code]:
    """The codes that are their coins' own: a multiple's is not, nor a share's."""
    is_own = market.multiple_of is None and not is_no_coin(market)
    found = (market.base if is_own else None, market.quote, market.settlement, market.price)
    return [code for code in found if code is not None]


def facts_of_codes(
    markets: Iterable[Market], currencies: Mapping[str, Currency]
) -> dict[str, CodeFacts]:
    """Venue's code -> what is said of it."""
    found: dict[str, Code] = {}
    names: dict[str, dict[str, None]] = {}
    bases: dict[str, str] = {}
    spellings: dict[str, str] = {}
    quotes: set[str] = set()
    for market in markets:
        for code in own_codes(market):
            found.setdefault(code.venue, code)
            names.setdefault(code.venue, {}).update({code.name: None} if code.name else {})
            where = bases if code.venue == market.base.venue else spellings
            where.setdefault(code.venue, market.spelling)
        quotes.add(market.quote.venue)
    return {
        venue_code: code_facts(
            code,
            currencies.get(venue_code),
            names[venue_code],
            is_quote=venue_code in quotes,
            spelling=bases.get(venue_code) or spellings[venue_code],
        )
        for venue_code, code in found.items()
    }


def code_facts(
    code: Code, currency: Currency | None = None, names: Iterable[str] = (), **more: Any
) -> CodeFacts:
    """What is said of a code: by its markets, and in the venue's list of currencies.

    Args:
        more: Further fields of the facts.
    """
    stated = [*names, *([code.name] if code.name else [])]
    stated += [currency.name] if currency is not None and currency.name else []
    return CodeFacts(
        code=code,
        names=tuple(n for n in dict.fromkeys(stated) if is_name(n, code.ticker)),
        currency=currency,
        **more,
    )
