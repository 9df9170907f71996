"""Scene to ClassMap."""
