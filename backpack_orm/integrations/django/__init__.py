"""An application for Django: connections from the settings, current in each request."""

from backpack_orm.integrations.django.connections import connections as connections

__all__ = ["connections"]
