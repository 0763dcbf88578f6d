"""The machinery that turns records into objects: fields, relations, state, saving."""
