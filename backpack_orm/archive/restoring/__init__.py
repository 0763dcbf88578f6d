"""Restoring: a snapshot's pages into another account."""
