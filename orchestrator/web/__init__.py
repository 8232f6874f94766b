"""The pages, the API and the boot server, over HTTP."""
