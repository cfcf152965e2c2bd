"""Bithumb: spot. Since its API 2.0 its list has the form of Upbit's: KRW-BTC, quote first.

`volume` of an order is in the base. Ticks follow from the price by a table of the documentation.
"""

from __future__ import annotations

from typing import Final

from cqar.importer.readers.product_line import ProductLine
from cqar.importer.readers.upbit import last_prices, market_list
from cqar_shared.domain.kinds.symbol import SymbolTypeCode

PRODUCT_LINES: Final = (
    ProductLine(
        venue_id="bithumb",
        name="Bithumb",
        operator="bithumb",
        forms=(market_list("api.bithumb.com"),),
        symbol_types=frozenset({SymbolTypeCode.SPOT}),
        prices=(last_prices("api.bithumb.com"),),
        region="kr",
        ccxt_id="bithumb",
        documentation=(
            "https://apidocs.bithumb.com/reference/거래대상-목록-조회",
            "https://apidocs.bithumb.com/reference/주문하기",
        ),
        website="https://www.bithumb.com",
    ),
)
