"""`obriy ice`: granules and images to maps of sea ice."""
