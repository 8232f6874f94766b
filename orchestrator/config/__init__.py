"""The lab file, lab.toml: `labfile` reads it; the other modules read its parts."""
