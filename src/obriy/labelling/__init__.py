"""Scene and numbered ClassMap to named clusters."""
