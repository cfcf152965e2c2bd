"""Which asset a venue's code means, by evidence. Pure: no I/O, no clock.

ladder  what a code is, given its candidates and what speaks for and against each
"""
