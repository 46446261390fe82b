"""Reports as one HTML file each: no network, no JavaScript needed for reading. Imported only where one is asked for.

Each family (`plan`, `report`, `validation`, `failure`) turns its value into a view of frozen values, and a template of
the same name lays that out. Every value that a template shows passes through `page`, which escapes it.
"""
