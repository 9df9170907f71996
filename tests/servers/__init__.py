"""Servers on loopback that tests ask in place of the providers'."""
