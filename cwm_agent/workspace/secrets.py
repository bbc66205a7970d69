"""Which file names are well-known stores of secrets. Pure: only the name counts."""

from __future__ import annotations

import re

_HARMLESS = re.compile(rb"(?i)\.env\.(example|sample|template|dist|defaults?|schema)$")
_NAMES = re.compile(
    rb"""(?ix) (?:
      \.env | \.env\..+ | .+\.env | \.envrc
    | id_(?:rsa|dsa|ecdsa|ed25519)(?:_sk)?(?:[._-](?!pub$).*)? | .+\.(?:pem|key|p12|pfx|jks|keystore|kdbx|ppk|asc|gpg)
    | [._]netrc | \.pypirc | \.npmrc | \.yarnrc\.yml | \.pgpass | \.my\.cnf | \.htpasswd | \.git-credentials
    | \.dockercfg | \.dockerconfigjson | \.s3cfg | \.boto | \.vault-token | \.terraformrc
    | (?:aws[_-])?credentials(?:\.(?:json|ya?ml|toml|ini|csv))? | application_default_credentials\.json
    | secrets?\.(?:json|ya?ml|toml|ini|env) | service[_-]?account.*\.json | client_secret.*\.json
    | .+\.tfstate(?:\.backup)? | .+\.tfvars
    )""",
)
_PATHS = re.compile(rb"(?:^|/)(?:\.ssh/(?!config$|known_hosts$)[^/]+|\.docker/config\.json|\.kube/config|\.gnupg/.+)$")


def is_secret(path: bytes) -> bool:
    """Whether a file by this path most likely holds a password, a token or a private key."""
    name = path.rpartition(b"/")[2]
    if _PATHS.search(path):
        return True
    return _NAMES.fullmatch(name) is not None and _HARMLESS.search(name) is None
