"""Load as CQAR's users make it: locust, over real gRPC, at a rate that does not wait for answers.

Importing locust changes the standard library of the whole process (gevent). `users`,
`locustfile` and `changing` do; everything else here must not, so that it can start a stack.
"""
