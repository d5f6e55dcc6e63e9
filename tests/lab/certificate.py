"""Certificates for TLS listeners, made by Debian's openssl."""
import os

from processes import run


class Certificate:
    """A self-signed certificate and its key, as PEM files in a directory."""

    def __init__(self, directory, name="10.77.0.2", key="rsa:2048"):
        self.certificate = os.path.join(directory, f"{name}.pem")
        self.key = os.path.join(directory, f"{name}.key")
        curve = ["-pkeyopt", "ec_paramgen_curve:P-256"] if key == "ec" else []
        run(["openssl", "req", "-x509", "-newkey", key, *curve, "-nodes", "-days", "30", "-subj", f"/CN={name}",
             "-keyout", self.key, "-out", self.certificate], timeout_s=60)
