"""Makes docs/API.md: the protos' comments, and examples with what a running stack answered.

`contract` reads the protos, `examples` what is to be called, `running` calls it, `normal` takes
out what differs between two runs, `page` writes it all down.
"""
