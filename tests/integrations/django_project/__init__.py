"""A project of Django that uses the application."""
