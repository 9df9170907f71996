"""The only code that imports torch (extra ``deep``)."""
