"""`cqar asset add` and the like: a table of nouns and verbs, and the code that runs any of them.

A verb is one RPC of AssetRegistry. `assets` and `markets` name it and its arguments. The rest is
read from the descriptors of request and response: options (`parameters`, named by `field_names`,
parsed by `values`), ids instead of tickers (`id_lookup`) and the rows of a table (`rows`). So a
field that the contract gains is an option at once; a test fails until `field_names` describes it.
"""

__all__ = ["id_labels", "id_lookup", "registry"]
