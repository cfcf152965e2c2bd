"""`cqar asset add` and the like: a table of nouns and verbs, and the code that runs any of them.

A verb is one RPC of AssetRegistry. `assets` and `markets` list the verbs and their arguments. The
rest is derived from the descriptors of request and response: options (`parameters`, with names from
`field_names` and types from `field_types`), ids for tickers (`id_lookup`), table rows (`rows`). A
field that the contract gains becomes an option at once; a test fails until `field_names` has its
help text.
"""

__all__ = ["field_names", "id_labels", "id_lookup", "model", "noun_table"]
