"""The part of docs/VENUES.md on what is read beside listings: currencies and prices."""

from __future__ import annotations

from cqar.importer.market import Code, Market
from cqar.importer.readers.product_line import ProductLine, Request
from cqar.importer.readers.registry import product_line_of, product_lines
from cqar.importer.saved_answers import DecodedAnswer, SavedResponse, decode_file, match_answers
from cqar.importer.side_answers import first_answered, read_currencies, read_prices
from cqar_shared.domain.kinds.symbol import SymbolTypeCode
from tests.readers.listing_files import VENUES
from tests.readers.side_files import CURRENCIES, TICKERS, SideFile
from tools.reference.markdown_table import table


def beside_part() -> str:
    """What venues say of their codes and prices, and what is read of the files that we have."""
    lines = [line for line in product_lines().values() if line.currencies or line.prices]
    rows = [
        (f"`{line.venue_id}`", _currencies(line), _prices(line))
        for line in lines
        if not line.venue_id.endswith("-testnet")
    ]
    currencies = [_file_row(side, _currency_counts(side)) for side in CURRENCIES]
    prices = [_file_row(side, _price_counts(side)) for side in TICKERS]
    names = ("file", "venue", "request")
    return (
        "## Beside the listings\n\nEvidence of which coin a code is: a venue's list of currencies"
        " (names, networks, contracts), and last prices. *listing*: the answer to a request of the"
        " listing says it, too. *key*: the venue answers only those who sign.\n\n"
        + table(("venue", "currencies (`--file`)", "last prices (`--prices`)"), rows)
        + "\nEvery record of the files that we have is read:\n\n"
        + table((*names, "currencies", "with a name", "networks", "with a chain"), currencies)
        + "\n"
        + table((*names, "tickers", "with a price", "zero or none", "of another time"), prices)
    )


def _file_row(side: SideFile, counts: tuple[int, ...]) -> tuple[str, ...]:
    named = (f"`{side.file}`", f"`{side.venue_id}`", f"`{side.request}`")
    return (*named, *(f"{count:,}" for count in counts))


def _currencies(line: ProductLine) -> str:
    return ", ".join(
        _named(line, request, is_private=form.is_private)
        for form in line.currencies
        for request in form.requests
    )


def _prices(line: ProductLine) -> str:
    requests = (request for form in line.prices for request in form.requests)
    return ", ".join(_named(line, request, is_private=False) for request in requests)


def _named(line: ProductLine, request: Request, *, is_private: bool) -> str:
    remarks = {"listing": request in line.requests, "key": is_private, "former": request.is_former}
    told = ", ".join(word for word, holds in remarks.items() if holds)
    return f"`{line.file_name(request)}`" + (f" ({told})" if told else "")


def _currency_counts(side: SideFile) -> tuple[int, ...]:
    line, answers = _line(side), _answer(side)
    matched, _ = match_answers([answers], (*line.requests, *line.currency_requests))
    form = first_answered(line.currencies, matched)
    found = read_currencies(form, matched).found.values() if form is not None else ()
    networks = [network for currency in found for network in currency.networks]
    named = sum(currency.name is not None for currency in found)
    known = sum(network.chain_id is not None for network in networks)
    return len(found), named, len(networks), known


def _price_counts(side: SideFile) -> tuple[int, ...]:
    line, answers = _line(side), _answer(side)
    matched, _ = match_answers([answers], line.ticker_requests)
    form = first_answered(line.prices, matched)
    if form is None:
        return ()
    # As if the venue listed whatever has a ticker.
    kind, code = SymbolTypeCode.SPOT, Code("?")
    markets = [
        Market(spelling=row.name, symbol_type=kind, base=code, quote=code)
        for row in form.rows(matched)
    ]
    found = read_prices(form, matched, markets).outcomes
    return len(markets), *(found[name] for name in ("PRICED", "NO_PRICE", "IDLE"))


def _line(side: SideFile) -> ProductLine:
    line = product_line_of(side.venue_id)
    if line is None:
        message = f"no reader reads {side.file}"
        raise ValueError(message)
    return line


def _answer(side: SideFile) -> DecodedAnswer:
    return decode_file(SavedResponse(side.request, VENUES / side.file))
