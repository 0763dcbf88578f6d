"""Saving and destroying one record."""
