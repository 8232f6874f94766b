"""One file per stage: a function from values to events, and nothing of another stage."""
