"""From a venue's own listing to a plan, and from the plan to the registry.

answers     the venue's answers: saved files by request, or the venue itself
reading     ccxt turns answers into markets; every raw record is accounted for
traces      whether a number stands in the venue's own record
tracing     what of ccxt's market counts: what stands there
corrections what ccxt drops or misreads, per venue, each with its case
reviewed    which readings were compared with the venues' records
state       the registry's part that concerns the venue, in memory
identity    which asset a venue's code means
plan        what would change; judged by the very rules of the writer
applying    the plan, in batches
"""
