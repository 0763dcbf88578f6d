"""Bytes to records and back: pure functions, no input or output."""
