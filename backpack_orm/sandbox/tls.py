"""TLS with a temporary CA, which only clients that are configured for it trust."""

from __future__ import annotations

import ssl

try:
    import trustme
except ModuleNotFoundError as missing:
    raise ImportError(
        f'https requires {missing.name}, part of an extra: pip install "backpack_orm[tls]"'
    ) from missing


def temporary_ca(host: str) -> tuple[ssl.SSLContext, trustme.Blob]:
    """Return the TLS context of a server and the certificate of its CA.

    The certificate of the server is valid for the host and all loopback names. The private key of
    the CA is not stored.
    """
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    names = {host, "localhost", "127.0.0.1", "::1"}
    authority.issue_cert(*sorted(names)).configure_cert(context)
    return context, authority.cert_pem
