"""A real nginx with TLS, with the configuration that the documentation advises."""

from __future__ import annotations

import re
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import trustme

from tests import programs

_DOCUMENTED = re.compile(r"```nginx\n(.*?)```", re.DOTALL)
_REST = """
daemon off;
master_process off;
pid nginx.pid;
events {{}}
http {{
    access_log off;
    client_body_temp_path body;
    fastcgi_temp_path fastcgi;
    proxy_temp_path proxy;
    scgi_temp_path scgi;
    uwsgi_temp_path uwsgi;
    {server}
}}
"""


def free_port() -> int:
    """Return a port that nothing listens on."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


@contextmanager
def running(folder: Path, port: int, upstream: int, *, headers: bool = True) -> Iterator[Path]:
    """Serve an upstream with TLS; yield the path of the certificate of the CA.

    Without `headers`, the proxy passes none of its own, as nginx does by default.
    """
    program = programs.require("nginx")
    authority = trustme.CA()
    leaf = authority.issue_cert("localhost", "127.0.0.1")
    leaf.cert_chain_pems[0].write_to_path(folder / "chain.pem")
    leaf.private_key_pem.write_to_path(folder / "key.pem")
    authority.cert_pem.write_to_path(folder / "ca.pem")
    found = _DOCUMENTED.search(Path("docs/sandbox.md").read_text("utf-8"))
    assert found
    server = found[1]
    for documented, here in {
        "listen 443 ssl": f"listen 127.0.0.1:{port} ssl",
        "/etc/ssl/backpack.pem": "chain.pem",
        "/etc/ssl/backpack.key": "key.pem",
        "127.0.0.1:8137": f"127.0.0.1:{upstream}",
        "backpack.example": "localhost",
    }.items():
        assert documented in server
        server = server.replace(documented, here)
    if not headers:
        server = re.sub(r" *proxy_set_header .*\n", "", server)
    (folder / "nginx.conf").write_text(_REST.format(server=server), "utf-8")
    process = subprocess.Popen(
        [program, "-p", str(folder), "-c", "nginx.conf", "-e", "stderr"], stderr=subprocess.PIPE
    )
    try:
        _wait_for(port, process)
        yield folder / "ca.pem"
    finally:
        process.terminate()
        process.communicate(timeout=60)


def _wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    while process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except ConnectionRefusedError:
            continue
        return
    raise RuntimeError(f"nginx has ended: {process.communicate()[1].decode()}")
