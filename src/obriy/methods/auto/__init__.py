"""`auto`, the default for water: all bands together, adapted to the scene, without labels.

1. *Evidence* (`evidence`, `spectral`). Each pixel gets the log-odds of water as a sum of bounded,
   monotone ramps of a few ratios and reflectances (``tables/auto_water.toml``, fitted once, the
   same for every scene).
2. *Scene* (`sample`, `scene`). A hash-thinned sample tells which pixels are surely water and surely
   land, and how hazy the scene is. From them come the mixing axis (the sum of bands along which
   this scene's water and land differ most, shrunk towards a fixed one) and, where two populations
   are there, a bounded shift of the threshold.
3. *Place* (`place`). Pixels near probable water are unmixed along that axis, between the pure water
   and the pure land around them; elsewhere the fraction is the evidence itself.

`method` ties the three to the engine. How it was made, what was tried and where it fails:
``docs/design/0005-auto.md``.
"""
