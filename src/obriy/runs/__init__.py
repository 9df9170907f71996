"""The run folder: config, ledger, resume, atomic writes."""
