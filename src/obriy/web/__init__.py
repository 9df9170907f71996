"""The page: parses what a browser or a program asks, calls a workflow, shows what it left."""
