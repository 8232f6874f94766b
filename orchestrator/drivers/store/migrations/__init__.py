"""The schema's revisions; `ddl.py` says how to write one."""
