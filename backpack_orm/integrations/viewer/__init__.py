"""A web application that shows an account or an archive, and changes accounts.

It is started with `backpack serve` and `backpack archive serve`, and is an example of an
application with the extension for Flask.
"""

from importlib.util import find_spec

for _library in ("flask", "jinja2", "nh3", "textile", "waitress"):
    if find_spec(_library) is None:
        raise ImportError(f'the viewer needs {_library}: pip install "backpack_orm[viewer]"')

from backpack_orm.integrations.viewer.admission import Admission as Admission  # noqa: E402 - above
from backpack_orm.integrations.viewer.app import create_app as create_app  # noqa: E402 - see above

__all__ = ["Admission", "create_app"]
