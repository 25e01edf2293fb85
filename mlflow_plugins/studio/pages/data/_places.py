"""Addresses of the data pages, and the kind of asset that they show."""

LIST, NEW, DETAIL = "/data", "/data/new", "/data/asset/<name>"
IMPORT = "/data/new/<token>"
COMPARE = "/data/asset/<name>/compare"
DATA = "data"
