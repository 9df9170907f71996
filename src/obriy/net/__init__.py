"""The network: one HTTP client, files read by ranges, and what is kept of them on disk.

`client.client()` asks a server; `remote.remote_file()` is a file of which only the bytes that are
needed are fetched, and kept (`cache`). Nothing else of Obriy sends a request, but for the SDKs of
providers in their own sources.
"""
