"""The report: one HTML file that needs nothing beside it.

A view for each job (`water`, `series`, `ice`, `landcover`, `comparison`) says what stands on the
page: a first screen and sections of parts. `page` puts the frame around it and renders; `cells`
writes every number; `parts` are what a section may hold.
"""
