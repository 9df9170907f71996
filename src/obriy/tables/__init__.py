"""Facts as data: sensors, indices, thresholds, legends, quality bits; loaded and checked once."""
