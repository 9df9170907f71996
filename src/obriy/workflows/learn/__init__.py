"""`obriy train`: what maps other images."""
