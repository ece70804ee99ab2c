"""Tokens of every kind, good and bad."""

import json
import time
import uuid
from pathlib import Path

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

ISSUER_URL = "https://localhost/gracedb-sandbox"
SCOPES = "gracedb.read kafka.produce kafka.consume"


class Issuer:
    """Signs tokens as an issuer would; every claim can be made wrong."""

    def __init__(self, url: str, key: ec.EllipticCurvePrivateKey, key_id: str):
        self.url = url
        self._key = key
        self.key_id = key_id

    @classmethod
    def from_state_dir(cls, folder: Path) -> "Issuer":
        """The issuer whose keys gracedb-sandbox made in `folder`."""
        key = serialization.load_pem_private_key((folder / "signing-key.pem").read_bytes(), None)
        (public,) = json.loads((folder / "jwks.json").read_text())["keys"]
        return cls(ISSUER_URL, key, public["kid"])

    @property
    def public_key(self) -> ec.EllipticCurvePublicKey:
        return self._key.public_key()

    def impostor(self) -> "Issuer":
        """Another who claims to be this issuer, but has another key."""
        return Issuer(self.url, ec.generate_private_key(ec.SECP256R1()), self.key_id)

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
        return jwt.encode(content, self._key, "ES256", {"kid": self.key_id})

    def mint_unsigned(self, subject: str = "pipeline") -> str:
        """A token with alg=none."""
        claims = jwt.decode(self.mint(subject=subject), options={"verify_signature": False})
        return jwt.encode(claims, None, "none")
