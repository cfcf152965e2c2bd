"""Reference lists: token lists, chains, Cosmos assets, collections, identifiers, code maps.

A reader turns a file into rows; a planner says what the rows state in the registry's own terms;
the writer's rules judge that; a plan shows it row by row. No row is merged with anything by its
ticker. A place (an address on a chain) decides which asset is meant.
"""
