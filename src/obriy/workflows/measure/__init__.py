"""`obriy measure`: areas of maps that somebody else made, and what became of them."""
