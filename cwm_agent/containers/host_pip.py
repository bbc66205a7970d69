"""How the user's own pip reaches its packages: index, proxy and certificates, for the project's set-up alone."""

from __future__ import annotations

import configparser
import os
from pathlib import Path

import platformdirs
from msgspec import Struct

_OPTIONS = ("index-url", "extra-index-url", "trusted-host", "timeout", "retries", "proxy")
_PROXIES = ("http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY")
_BUNDLES = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
)
_NAMED = ("PIP_CERT", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
_BUNDLE_LIMIT = 8 * 1024 * 1024

BUNDLE = "/tmp/certificates.pem"
"""Where the certificates stand inside the container."""


class HostPip(Struct, frozen=True):
    """`environment` for pip in the container, which may hold passwords, and the host's certificates, or nothing."""

    environment: dict[str, str]
    certificates: bytes


def host_pip() -> HostPip:
    """Read pip's files and variables as pip does, later ones winning; what names a place of this machine stays here."""
    options: dict[str, str] = {}
    for path in _files():
        parser = configparser.RawConfigParser(strict=False)
        try:
            parser.read(path, encoding="utf-8")
        except (OSError, UnicodeDecodeError, configparser.Error):
            continue
        for section in ("global", "install"):
            if parser.has_section(section):
                options |= dict(parser[section])
    options |= {
        name.removeprefix("PIP_").lower().replace("_", "-"): value
        for name, value in os.environ.items()
        if name.startswith("PIP_")
    }
    environment = {
        f"PIP_{name.upper().replace('-', '_')}": value
        for name in _OPTIONS
        if (value := " ".join(word for word in options.get(name, "").split() if not _is_local(word)))
    }
    environment |= {name: os.environ[name] for name in _PROXIES if name in os.environ}
    certificates = _certificates(options.get("cert", ""))
    if certificates:
        environment |= dict.fromkeys((*_NAMED, "GIT_SSL_CAINFO"), BUNDLE)
    return HostPip(environment, certificates)


def _files() -> list[Path]:
    if os.environ.get("PIP_CONFIG_FILE"):
        return [] if os.environ["PIP_CONFIG_FILE"] == os.devnull else [Path(os.environ["PIP_CONFIG_FILE"])]
    return [
        Path("/etc/pip.conf"),
        Path.home() / ".pip" / "pip.conf",
        Path(platformdirs.user_config_dir("pip")) / "pip.conf",
    ]


def _is_local(word: str) -> bool:
    return word.startswith(("file:", "/", "~", "."))


def _certificates(configured: str) -> bytes:
    """The bundle that pip or a variable names, or else the system's; empty where there is none."""
    named = [configured, *(os.environ.get(name, "") for name in _NAMED)]
    for path in (*named, *_BUNDLES):
        try:
            if path and Path(path).stat().st_size <= _BUNDLE_LIMIT:
                return Path(path).read_bytes()
        except OSError:
            continue
    return b""
