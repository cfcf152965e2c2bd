"""Whose listings are read by a reviewed reading, and whose by ccxt unreviewed.

ccxt reads every venue. Of those named here what it reads was compared, record by record, with an
independent reading of the venue's own files, and what it drops or misreads is corrected
(`corrections`). `test_reviewed_venues.py` compares them again. Any other venue, and any
other type of product of these, nobody has looked at: its rows are imported, and said to be
unreviewed.
"""

from __future__ import annotations

from typing import Final

from cqar_shared.domain.kinds.symbol import SymbolTypeCode

_SPOT: Final = frozenset({SymbolTypeCode.SPOT})
_CONTRACTS: Final = frozenset({SymbolTypeCode.PERPETUAL, SymbolTypeCode.FUTURE})

#: By ccxt's id: types of which tick, lot, minimum and status were compared.
REVIEWED: Final[dict[str, frozenset[SymbolTypeCode]]] = {
    "binance": _SPOT,  # four files of 2021 to 2025, 5,092 records
    "binancecoinm": _CONTRACTS,  # two of 2021 and 2025, 61
    "binanceus": _SPOT,  # one of 2021, 121
    "binanceusdm": _CONTRACTS,  # two of 2021 and 2025, 147
    "coinbaseexchange": _SPOT,  # one of 2021, 162
    "gate": _SPOT,  # one of 2021, 1,458
    "htx": _SPOT,  # one of 2021, 938
    "kraken": _SPOT,  # two of 2021 and 2025, 1,346
    "kucoin": _SPOT,  # one of 2021, 634
    "okx": _SPOT | _CONTRACTS,  # three of 2022, 783
}
#: In a venue's metadata, by type of product, and in that of a listing that was read unreviewed.
READER: Final = "reader"
CCXT_REVIEWED: Final = "ccxt, reviewed"
CCXT_UNREVIEWED: Final = "ccxt, unreviewed"


def is_reviewed(ccxt_id: str, symbol_type: SymbolTypeCode) -> bool:
    return symbol_type in REVIEWED.get(ccxt_id, ())
