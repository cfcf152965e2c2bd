"""Makes docs/VENUES.md: what readers make of the venues' files, and where ccxt reads otherwise.

readings     every file of tests/readers, read and compared with its oracle
ccxt_page    the same files as ccxt reads them, compared field by field
causes       why ccxt differs, and who is right
imports      files of 30 venues imported into one registry
page         the page's parts
"""

from __future__ import annotations
