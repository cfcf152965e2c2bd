"""`cqar asset add` and its like: a table of nouns and verbs, and one piece of code that runs it.

A verb is one RPC of AssetRegistry. `assets` and `markets` say which, and what is an argument;
everything else is read off the request's and the answer's descriptors: options (`asking`, by the
names in `names` and the values in `values`), ids for tickers (`references`), rows of a table
(`showing`). So a field that the contract gains is an option at once, and a test fails until
`names` says what it means.
"""
