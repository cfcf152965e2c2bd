"""What each file says, worked out apart from the readers and without having seen them.

A module is named after a venue's folder in `data/venues` and has `EXPECT`: name of a listing
(`Listing.name`) -> function from {file: decoded JSON}, numbers as texts, of the listing and the
files beside it, to (number of raw records, {spelling: expectation}). An expectation has fields of
`Market` in plain forms; one that it lacks is expected to be None, () or False. A record that is
understood and not expressible is `{"unsupported": reason}`, one that cannot be read
`{"unreadable": reason}`. Keys of unreadable ones are what the record is called.

Plain forms: decimals are Decimal, instants aware datetimes, codes of an enumeration their names, a
Code (venue, ticker, name), aliases a set of (spelling, channel or None), a band
(from price, tick), a phase (status, start, end), a leg (spelling, ratio), a scheduled change
(instant, field, value).
"""
