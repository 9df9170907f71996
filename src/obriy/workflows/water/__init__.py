"""`obriy water`: one image, or a series of dates."""
