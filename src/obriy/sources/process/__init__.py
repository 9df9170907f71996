"""Images that a Process API makes: the days of an area, cut into requests, joined on one grid."""
