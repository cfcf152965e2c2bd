"""Binance.US: Binance's spot answer of its own host."""

from __future__ import annotations

import functools
from typing import Final

from tests.readers.oracles.binance import of_spot
from tests.readers.oracles.plain import Expect

_FILE: Final = "binanceus/spot_exchangeInfo_2021-10-12.json"
EXPECT: Final[Expect] = {_FILE: functools.partial(of_spot, _FILE)}
