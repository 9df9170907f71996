"""Sentences: compose stages, own no arithmetic."""
