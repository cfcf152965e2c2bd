"""Benchmarks of CQAR, each case beside its peers: `python -m bench`.

A timing is measured and written down, never asserted. The data flow: `benchmarks` lists the cases,
`runner` measures them in random order on the registries of `stack`, functions of `probes` do the
measuring in processes of their own, `results` keeps the figures as JSON, `goals` judges them, and
`document` writes the table into docs/PERFORMANCE.md.
"""
