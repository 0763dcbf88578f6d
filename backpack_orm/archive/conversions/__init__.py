"""Conversions of a snapshot to other formats."""
