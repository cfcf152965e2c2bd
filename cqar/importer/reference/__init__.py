"""Reference lists: token lists, chains, Cosmos assets, collections, identifiers, code maps.

A reader turns a file into rows; a planner says what the rows state in the registry's own terms;
the writer's rules judge that; a plan shows it row by row. No row is merged with anything by its
ticker. A place (an address on a chain) decides which asset is meant.

list_file         a list in a file: bounded, hashed, decoded as JSON or CSV
reference_state   the part of the registry that lists are compared with, in memory
places            which chain and which deployment a list means
statements        what the rows of a list state, in the order of the rows
list_assets       which asset is at a place: a known one, or a new one
asset_refs        which asset a text names: a contract, an identifier, an id, a described code
token_list        token lists of the Uniswap standard
chain_list        the EVM chain list and the Cosmos chain registry
cosmos_records    the Cosmos registry's asset lists, read
cosmos_assets     their assets, denominations and traces
collection_list   collections of one coin's tokens, as groups
identifier_rows   lists of identifiers, each form read into the same rows
identifiers       other sources' names of assets
platforms         chains as other sources name them
code_map          maps of venues' codes to assets
code_bindings     codes that are bound as a reviewed list says
list_plan         what a list would change, judged by the writer's own rules
list_kinds        the kinds of lists: what each is compared with, and who plans it
"""

__all__ = [
    "asset_refs",
    "chain_list",
    "code_bindings",
    "code_map",
    "collection_list",
    "cosmos_assets",
    "cosmos_records",
    "identifier_rows",
    "identifiers",
    "list_assets",
    "list_file",
    "list_kinds",
    "list_plan",
    "places",
    "platforms",
    "reference_state",
    "statements",
    "token_list",
]
