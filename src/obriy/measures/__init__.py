"""ClassMaps to areas."""
