"""Scene to Scene: what can be seen, on which grid."""
