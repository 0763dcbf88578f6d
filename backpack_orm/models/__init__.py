"""The resources of the API: one resource, one file."""
