"""An extension for Flask, and a blueprint that signs users in."""

from backpack_orm.integrations.flask.extension import Backpack as Backpack
from backpack_orm.integrations.flask.sign_in import sign_in_blueprint as sign_in_blueprint
from backpack_orm.integrations.flask.sign_in import sign_in_required as sign_in_required

__all__ = ["Backpack", "sign_in_blueprint", "sign_in_required"]
