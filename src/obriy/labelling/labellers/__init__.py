"""Who can be asked: by name, through a provider, from a sheet, from a record."""
