"""The lab's own suite runs against a deployed machine, not as a test of ours."""

collect_ignore = ["lab"]
