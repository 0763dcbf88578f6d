"""Conditions, orders, collections and searches, and their records as plain rows and data frames."""
