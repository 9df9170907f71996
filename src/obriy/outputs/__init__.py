"""Any noun to files."""
