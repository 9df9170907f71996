"""Parse, call a workflow, show."""
