"""The configuration of each job: command line, page and config.yaml are all made from it."""
