"""How fast CQAR is here, each subject beside its peers: `python -m bench`.

Nothing here is a test: a timing is measured and written down, never asserted.
"""
