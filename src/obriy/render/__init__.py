"""Everything drawn: maps, plots, palettes."""
