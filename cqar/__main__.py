from cqar.cli import main

main()
