"""OAuth 2: signing users in, and connections whose access tokens are replaced in time."""

from backpack_orm.connection.oauth.accounts import OAuthAccount
from backpack_orm.connection.oauth.app import OAuthApp
from backpack_orm.connection.oauth.grant import Grant

__all__ = ["Grant", "OAuthAccount", "OAuthApp"]
