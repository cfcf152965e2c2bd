"""`python -m cqar`: the command line."""

from cqar.program import main

main()
