"""Protocols of everything that touches the world, two to five verbs each.

The law of every call, tested by each port's contract suite over every driver: it takes a
`Deadline`; calling twice equals calling once; it may be killed at any point and called again; it
re-reads the state that it set; it returns values and raises only `model.errors`; no secret shows
in argv, repr, log or event.
"""
