"""ClassMap and Reference to Scores."""
