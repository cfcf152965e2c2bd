"""`python -m cqar`: the command line."""

from cqar.cli import main

main()
