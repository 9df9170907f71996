"""Nouns: values under checked contracts; no files, no network."""
