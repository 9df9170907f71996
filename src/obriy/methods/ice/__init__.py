"""Scene to a map of sea ice: water, ice and cloud; land is put in by the land mask afterwards.

Methods that learn of the scene (thresholds, clusters, tie-points) leave out what the land mask
calls land: a snowy coast is no ice of the sea. `spec` knows all of them by name.
"""
