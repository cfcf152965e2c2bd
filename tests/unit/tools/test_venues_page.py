"""docs/VENUES.md is what the readers make of the files, and no difference is left unexplained."""

from __future__ import annotations

import msgspec
import pytest

from tests.readers.test_readers import FILES, reading_of
from tools.venues.__main__ import PAGE
from tools.venues.beside import beside_part
from tools.venues.causes import NoCause, cause_of
from tools.venues.ccxt_comparison import NOTHING, Disagreement, compare
from tools.venues.one_registry import chosen
from tools.venues.page import ccxt_part, files_part, unused_causes, venues_part
from tools.venues.readings import FileReading, read_files


@pytest.fixture(scope="module")
def files() -> list[FileReading]:
    return read_files()


def test_the_committed_page_has_what_readers_and_oracles_say_today(
    files: list[FileReading],
) -> None:
    page = PAGE.read_text(encoding="utf-8")
    for part in (venues_part(files), files_part(files), beside_part()):
        missing = [line for line in part.splitlines() if line not in page]
        assert missing == [], "run `make venues`, and read what it changes"


def test_every_record_of_every_file_is_counted_and_no_field_is_wrong(
    files: list[FileReading],
) -> None:
    assert len(files) == len(FILES)
    for file in files:
        assert sum(file.reading.outcomes.values()) == file.reading.records
    assert sum(file.wrong for file in files) == 0


def test_a_disagreement_with_ccxt_that_nobody_explained_stops_the_page() -> None:
    known = Disagreement("upbit", "tick_size", "KRW-BTC", NOTHING, "0.00000001", "a file")
    assert cause_of("upbit", known).right == "CQAR"
    assert cause_of("upbit-testnet", known) == cause_of("upbit", known)
    for unknown in (known._replace(field="strike"), known._replace(ours="1")):
        with pytest.raises(NoCause, match=r"add \('upbit', '(strike|tick_size)'"):
            cause_of("upbit", unknown)


def test_ccxt_reads_a_file_as_an_import_would_and_what_differs_is_told() -> None:
    (listing,) = (file for file in FILES if file.file == "upbit/market_all_2021-04-17.json")
    ours = reading_of(listing).markets
    compared = compare(listing, ours)
    assert compared is not None
    assert (compared.markets, compared.refused) == (len(ours), "")
    assert {found.field for found in compared.disagreements} == {"tick_size", "lot_size", "status"}
    part = ccxt_part([compared], "1.2.3")
    assert "Upbit lists names alone" in part
    assert ("upbit", "status", "adds") not in unused_causes([compared])
    assert unused_causes([]) != []
    wrong = [msgspec.structs.replace(market, strike=market.tick_size) for market in ours[1:]]
    lacking = compare(listing, wrong)
    assert lacking is not None
    assert [found.spelling for found in lacking.disagreements if found.field == "record"] == [
        ours[0].spelling
    ]


def test_of_each_venue_the_newest_whole_files_are_imported(files: list[FileReading]) -> None:
    found = chosen(files)
    assert len({file.listing.venue_id for file in found}) >= 30
    assert not any(file.listing.venue_id.endswith("-testnet") for file in found)
    of_binance = [f.listing.file for f in found if f.listing.venue_id == "binance"]
    assert of_binance == ["binance/spot_exchangeInfo_2025-08-07_25symbols.json"]
    dates = [file.date for file in found if file.date[0].isdigit()]
    assert dates == sorted(dates)
