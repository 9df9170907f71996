"""`obriy landcover`: clusters that a panel names."""
