//! Tokens: JWTs that somebody else signs, by HS256 or `EdDSA` as the operator chose. Must never
//! take the algorithm, the key or the user from the token itself.
//!
//! `exp` and `sub` are required, `sub` is the user of the `Hello`; `nbf` is honoured; `aud` must
//! name the configured audience, and where none is configured a token that names one is refused:
//! it is meant for another service (RFC 7519, 4.1.3).

use std::fs::File;
use std::future::ready;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use packetboat_proto::id::{DeviceId, UserId};
use packetboat_proto::limits::TOKEN_BYTES_MAX;
use packetboat_proto::packet::Credential;
use ring::digest;
use serde::Deserialize;
use thiserror::Error;

use crate::auth::{Answer, AuthError, Authenticator, TokenFault, Vouched, kind_of};
use crate::config::settings::TokenAlgorithm;

/// Bytes of an HS256 secret, at least: as many as the digest has (RFC 7518, 3.2).
pub const SECRET_BYTES_MIN: usize = 32;
/// Bytes of a key file.
pub const KEY_FILE_BYTES_MAX: usize = 16 * 1024;

/// Why there is no key.
#[derive(Debug, Error)]
pub enum KeyError {
    /// The file cannot be read.
    #[error("the token key {} cannot be read: {source}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file has more bytes than any key.
    #[error("the token key {} has more than {KEY_FILE_BYTES_MAX} bytes", path.display())]
    TooLong {
        /// The file.
        path: PathBuf,
    },
    /// The secret can be guessed.
    #[error(
        "the token key {} has {bytes} bytes, and HS256 needs at least {SECRET_BYTES_MIN}: \
         make one with `openssl rand -out FILE 32`", path.display()
    )]
    TooShort {
        /// The file.
        path: PathBuf,
        /// The bytes that it has.
        bytes: usize,
    },
    /// The file is of another kind.
    #[error("the token key {} is no Ed25519 public key in PEM form", path.display())]
    NotAPublicKey {
        /// The file.
        path: PathBuf,
    },
    /// A public key as a shared secret would let everybody sign.
    #[error("the token key {} is a PEM file, and HS256 needs a secret: EdDSA is meant?",
        path.display())]
    NotASecret {
        /// The file.
        path: PathBuf,
    },
    /// The token cannot be signed.
    #[error("the token cannot be signed: {0}")]
    Sign(#[source] jsonwebtoken::errors::Error),
}

/// What is read of a token beside what `jsonwebtoken` checks.
#[derive(Deserialize)]
struct Claims {
    #[serde(default)]
    exp: serde_json::Value,
}

/// Checks tokens by one key and one algorithm.
pub struct Tokens {
    key: DecodingKey,
    validation: Validation,
    /// Of the key, the algorithm and the audience: changing one of them ends the tickets.
    generation: u64,
}

impl Tokens {
    /// Reads the key from a file: the bytes of the secret, or a public key in PEM form.
    pub fn from_file(
        algorithm: TokenAlgorithm,
        path: &Path,
        audience: Option<&str>,
        leeway_s: u32,
    ) -> Result<Self, KeyError> {
        let bytes = read_key(path)?;
        let (algorithm, key) = match algorithm {
            TokenAlgorithm::Hs256 => {
                (Algorithm::HS256, DecodingKey::from_secret(as_secret(&bytes, path)?))
            }
            TokenAlgorithm::EdDsa => (Algorithm::EdDSA, as_public_key(&bytes, path)?),
        };
        let mut validation = Validation::new(algorithm);
        validation.leeway = leeway_s.into();
        validation.validate_nbf = true;
        let required: &[&str] =
            if audience.is_some() { &["exp", "sub", "aud"] } else { &["exp", "sub"] };
        validation.set_required_spec_claims(required);
        validation.aud = audience.map(|audience| [audience.to_owned()].into());
        let generation = fingerprint(algorithm, &bytes, audience);
        Ok(Self { key, validation, generation })
    }

    fn verify(&self, user: &UserId, token: &str) -> Result<Vouched, TokenFault> {
        if token.len() > TOKEN_BYTES_MAX {
            return Err(TokenFault::Malformed);
        }
        let validation = Validation { sub: Some(user.to_string()), ..self.validation.clone() };
        let decoded = jsonwebtoken::decode::<Claims>(token, &self.key, &validation);
        let claims = decoded.map_err(|error| fault(error.kind()))?.claims;
        let exp = claims.exp.as_f64().ok_or(TokenFault::Claim)?;
        Ok(Vouched { generation: self.generation, until_ms: Some(as_ms(exp)) })
    }
}

impl Authenticator for Tokens {
    fn name(&self) -> &'static str {
        "token"
    }

    fn check<'a>(
        &'a self,
        user: &'a UserId,
        _device: &'a DeviceId,
        credential: &'a Credential,
    ) -> Answer<'a, Vouched> {
        Box::pin(ready(match credential {
            Credential::Token(token) => self.verify(user, token).map_err(AuthError::BadToken),
            other => Err(AuthError::WrongKind { got: kind_of(other), wanted: "token" }),
        }))
    }

    fn generation<'a>(&'a self, _user: &'a UserId) -> Answer<'a, Option<u64>> {
        Box::pin(ready(Ok(Some(self.generation))))
    }
}

/// Signs an HS256 token for `user`, good from `now_s` for `ttl_s` seconds: for trying out, the
/// operator's own service signs them otherwise.
pub fn sign(
    key_file: &Path,
    user: &UserId,
    audience: Option<&str>,
    now_s: u64,
    ttl_s: u64,
) -> Result<String, KeyError> {
    let bytes = read_key(key_file)?;
    let key = EncodingKey::from_secret(as_secret(&bytes, key_file)?);
    let mut claims = serde_json::json!({
        "sub": user.as_str(), "iat": now_s, "nbf": now_s, "exp": now_s.saturating_add(ttl_s),
    });
    if let Some(audience) = audience {
        claims["aud"] = audience.into();
    }
    jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &key).map_err(KeyError::Sign)
}

fn read_key(path: &Path) -> Result<Vec<u8>, KeyError> {
    let unreadable = |source| KeyError::Unreadable { path: path.to_owned(), source };
    let file = File::open(path).map_err(unreadable)?;
    let mut bytes = Vec::new();
    file.take(KEY_FILE_BYTES_MAX as u64 + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    if bytes.len() > KEY_FILE_BYTES_MAX {
        return Err(KeyError::TooLong { path: path.to_owned() });
    }
    Ok(bytes)
}

fn as_secret<'a>(bytes: &'a [u8], path: &Path) -> Result<&'a [u8], KeyError> {
    let path = path.to_owned();
    if bytes.starts_with(b"-----BEGIN ") {
        return Err(KeyError::NotASecret { path });
    }
    if bytes.len() < SECRET_BYTES_MIN {
        return Err(KeyError::TooShort { path, bytes: bytes.len() });
    }
    Ok(bytes)
}

fn as_public_key(bytes: &[u8], path: &Path) -> Result<DecodingKey, KeyError> {
    /// Bytes of an Ed25519 public key. `jsonwebtoken` panics on a shorter one.
    const PUBLIC_KEY_BYTES: usize = 32;
    let key = DecodingKey::from_ed_pem(bytes).ok().filter(|key| {
        key.try_get_as_bytes().is_ok_and(|bytes| bytes.len() == PUBLIC_KEY_BYTES)
            && jsonwebtoken::crypto::verify("", b"", key, Algorithm::EdDSA).is_ok()
    });
    key.ok_or_else(|| KeyError::NotAPublicKey { path: path.to_owned() })
}

fn fingerprint(algorithm: Algorithm, key: &[u8], audience: Option<&str>) -> u64 {
    let mut context = digest::Context::new(&digest::SHA256);
    context.update(format!("{algorithm:?} {audience:?} ").as_bytes());
    context.update(key);
    let digest = context.finish();
    let head = digest.as_ref().first_chunk().expect("SHA-256 has more than 8 bytes");
    u64::from_be_bytes(*head)
}

/// Unix seconds, which may have a fraction, as milliseconds; beyond all time is the end of time.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a cast from f64 saturates, and the time has been checked to be positive"
)]
fn as_ms(seconds: f64) -> u64 {
    (seconds * 1000.0) as u64
}

fn fault(kind: &ErrorKind) -> TokenFault {
    match kind {
        ErrorKind::InvalidAlgorithm | ErrorKind::InvalidAlgorithmName => TokenFault::Algorithm,
        ErrorKind::InvalidSignature => TokenFault::Signature,
        ErrorKind::ExpiredSignature => TokenFault::Expired,
        ErrorKind::ImmatureSignature => TokenFault::NotYet,
        ErrorKind::InvalidAudience => TokenFault::Audience,
        ErrorKind::InvalidSubject => TokenFault::Subject,
        ErrorKind::MissingRequiredClaim(_) | ErrorKind::InvalidClaimFormat(_) => TokenFault::Claim,
        _ => TokenFault::Malformed,
    }
}

#[cfg(test)]
mod tests;
