"""The migrations, one schema version each."""
