"""What each file of tickers and of currencies says, worked out apart from the readers.

`tickers.TICKERS` and `currencies.CURRENCIES` name, of each file, the product line and the request
that it answers, how the venue's own envelope is restored where the source changed it, and a plain
function from the decoded JSON, numbers as texts, to what every record says.
"""
