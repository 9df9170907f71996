"""`obriy compare`: methods beside each other."""
