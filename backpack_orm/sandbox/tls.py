"""TLS by a throw-away authority, which nobody trusts who was not told to."""

from __future__ import annotations

import ssl

try:
    import trustme
except ModuleNotFoundError as missing:
    raise ImportError(
        f'https needs {missing.name}, which its extra brings: pip install "backpack_orm[tls]"'
    ) from missing


def throw_away(host: str) -> tuple[ssl.SSLContext, trustme.Blob]:
    """What a server on this machine needs to speak TLS, and the certificate of its authority.

    The server's own certificate is for the host and for all names of this machine. The authority's
    key is forgotten at once.
    """
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    names = {host, "localhost", "127.0.0.1", "::1"}
    authority.issue_cert(*sorted(names)).configure_cert(context)
    return context, authority.cert_pem
