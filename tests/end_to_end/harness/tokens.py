"""Tokens of every kind, good and bad."""

import time
import uuid
from pathlib import Path

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

SCOPES = "gracedb.read kafka.produce kafka.consume"


class Issuer:
    """Signs tokens as an issuer would; every claim can be made wrong."""

    def __init__(self, url: str, key: ec.EllipticCurvePrivateKey, key_id: str):
        self.url = url
        self._key = key
        self._key_id = key_id

    @classmethod
    def from_key_file(cls, url: str, path: Path, key_id: str) -> "Issuer":
        return cls(url, serialization.load_pem_private_key(path.read_bytes(), None), key_id)

    def impostor(self) -> "Issuer":
        """Another who claims to be this issuer, but has another key."""
        return Issuer(self.url, ec.generate_private_key(ec.SECP256R1()), self._key_id)

    def mint(
        self,
        *,
        subject: str = "pipeline",
        audience: str | list[str] = "ANY",
        scope: str = SCOPES,
        lifetime: float = 3600,
        **claims: object,
    ) -> str:
        """A token that ends `lifetime` seconds from now; further claims replace what it would hold."""
        now = time.time()
        issued = int(min(now, now + lifetime) - 60)
        content = {
            "ver": "scitoken:2.0",
            "iss": self.url,
            "sub": subject,
            "aud": audience,
            "scope": scope,
            "iat": issued,
            "nbf": issued,
            "exp": int(now + lifetime),
            "jti": str(uuid.uuid4()),
        } | claims
        return jwt.encode(content, self._key, "ES256", {"kid": self._key_id})

    def mint_unsigned(self, subject: str = "pipeline") -> str:
        """A token with alg=none."""
        claims = jwt.decode(self.mint(subject=subject), options={"verify_signature": False})
        return jwt.encode(claims, None, "none")
