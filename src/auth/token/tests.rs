//! Every fault that a token can have, and that none of them comes in. Must never sign by the code
//! under test where a fault is wanted.

use std::time::{SystemTime, UNIX_EPOCH};

use rcgen::{KeyPair, PKCS_ECDSA_P256_SHA256, PKCS_ED25519};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::*;
use crate::auth::doorman::Doorman;
use crate::auth::ticket::Bearer;

const SECRET: &[u8; 32] = b"0123456789abcdef0123456789abcdef";
const LEEWAY_S: u32 = 10;

fn now_s() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

fn key_file(bytes: &[u8]) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("key");
    std::fs::write(&path, bytes).unwrap();
    (folder, path)
}

fn tokens(algorithm: TokenAlgorithm, key: &[u8], audience: Option<&str>) -> Tokens {
    let (_folder, path) = key_file(key);
    Tokens::from_file(algorithm, &path, audience, LEEWAY_S).unwrap()
}

fn hs256(audience: Option<&str>) -> Tokens {
    tokens(TokenAlgorithm::Hs256, SECRET, audience)
}

fn ann() -> UserId {
    UserId::new("ann").unwrap()
}

fn verify(tokens: &Tokens, token: &str) -> Result<Vouched, TokenFault> {
    tokens.verify(&ann(), token)
}

fn signed_by(algorithm: Algorithm, claims: &Value, secret: &[u8]) -> String {
    let key = EncodingKey::from_secret(secret);
    jsonwebtoken::encode(&Header::new(algorithm), claims, &key).unwrap()
}

fn signed(claims: &Value) -> String {
    signed_by(Algorithm::HS256, claims, SECRET)
}

fn good() -> Value {
    json!({ "sub": "ann", "exp": now_s() + 600 })
}

fn with(claim: &str, value: impl Into<Value>) -> Value {
    let mut claims = good();
    claims[claim] = value.into();
    claims
}

fn without(claim: &str) -> Value {
    let mut claims = good();
    claims.as_object_mut().unwrap().remove(claim);
    claims
}

#[test]
fn a_token_is_good_for_its_subject_until_it_expires() {
    let claims = good();
    let vouched = verify(&hs256(None), &signed(&claims)).unwrap();
    assert_eq!(vouched.until_ms, Some(claims["exp"].as_u64().unwrap() * 1000));
    let bob = UserId::new("bob").unwrap();
    let verdict = hs256(None).verify(&bob, &signed(&claims));
    assert_eq!(verdict, Err(TokenFault::Subject));
}

#[test]
fn each_claim_is_checked() {
    let now = now_s();
    let faults = [
        (with("exp", now - 60), TokenFault::Expired),
        (without("exp"), TokenFault::Claim),
        (with("exp", "tomorrow"), TokenFault::Claim),
        (with("exp", -5), TokenFault::Claim),
        (with("nbf", now + 60), TokenFault::NotYet),
        (with("nbf", "tomorrow"), TokenFault::Claim),
        (with("sub", "bob"), TokenFault::Subject),
        (with("sub", 7), TokenFault::Claim),
        (without("sub"), TokenFault::Claim),
        (with("aud", "elsewhere"), TokenFault::Audience),
        (with("aud", json!(["here", "elsewhere"])), TokenFault::Audience),
    ];
    for (claims, fault) in faults {
        assert_eq!(verify(&hs256(None), &signed(&claims)), Err(fault), "{claims}");
    }
}

#[test]
fn the_clocks_may_be_a_little_apart() {
    let now = now_s();
    for claims in [with("exp", now - 2), with("nbf", now + 8)] {
        assert!(verify(&hs256(None), &signed(&claims)).is_ok(), "{claims}");
    }
}

#[test]
fn a_configured_audience_must_be_named() {
    let tokens = hs256(Some("here"));
    for aud in [json!("here"), json!(["elsewhere", "here"])] {
        assert!(verify(&tokens, &signed(&with("aud", aud))).is_ok());
    }
    let elsewhere = verify(&tokens, &signed(&with("aud", "elsewhere")));
    assert_eq!(elsewhere, Err(TokenFault::Audience));
    assert_eq!(verify(&tokens, &signed(&good())), Err(TokenFault::Claim));
}

#[test]
fn the_algorithm_is_the_operators_and_not_the_tokens() {
    let other = signed_by(Algorithm::HS512, &good(), SECRET);
    assert_eq!(verify(&hs256(None), &other), Err(TokenFault::Algorithm));

    let pair = KeyPair::generate_for(&PKCS_ED25519).unwrap();
    let public = pair.public_key_pem();
    let by_public_key = signed_by(Algorithm::HS256, &good(), public.as_bytes());
    let eddsa = tokens(TokenAlgorithm::EdDsa, public.as_bytes(), None);
    assert_eq!(verify(&eddsa, &by_public_key), Err(TokenFault::Algorithm));
}

/// A token with that head, which is not signed at all: `base64url` of its parts.
fn unsigned(head: &str) -> String {
    let part = |text: &str| {
        const LETTERS: &[u8; 64] =
            b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
        let bit =
            |at: usize| text.as_bytes().get(at / 8).map_or(0, |byte| byte >> (7 - at % 8) & 1);
        let sextet = |from: usize| (from..from + 6).fold(0, |sum, at| sum << 1 | bit(at));
        let letters = (0..text.len() * 8).step_by(6).map(sextet);
        letters.map(|sextet| char::from(LETTERS[usize::from(sextet)])).collect::<String>()
    };
    format!("{}.{}.", part(head), part(&good().to_string()))
}

#[test]
fn a_token_that_is_not_signed_is_refused() {
    for head in [r#"{"alg":"none"}"#, r#"{"alg":"None","typ":"JWT"}"#, "{}"] {
        assert!(verify(&hs256(None), &unsigned(head)).is_err(), "{head}");
    }
    let bare = unsigned(r#"{"typ":"JWT","alg":"HS256"}"#);
    assert_eq!(verify(&hs256(None), &bare), Err(TokenFault::Signature));
}

#[test]
fn a_token_by_another_key_or_changed_on_its_way_is_refused() {
    let forged = signed_by(Algorithm::HS256, &good(), &[9; 32]);
    assert_eq!(verify(&hs256(None), &forged), Err(TokenFault::Signature));
    let (head, rest) = signed(&good()).split_once('.').map(own).unwrap();
    let (_, signature) = rest.split_once('.').map(own).unwrap();
    let (_, others) = signed(&with("exp", now_s() + 9_999)).split_once('.').map(own).unwrap();
    let (claims, _) = others.split_once('.').map(own).unwrap();
    let mixed = format!("{head}.{claims}.{signature}");
    assert_eq!(verify(&hs256(None), &mixed), Err(TokenFault::Signature));
}

fn own((one, other): (&str, &str)) -> (String, String) {
    (one.to_owned(), other.to_owned())
}

#[test]
fn garbage_is_no_token() {
    let long = format!("{}.x.y", "a".repeat(TOKEN_BYTES_MAX));
    for text in ["", ".", "..", "a.b.c", "a.b.c.d", "\0", "é.é.é", long.as_str()] {
        assert!(verify(&hs256(None), text).is_err(), "{text}");
    }
    assert_eq!(verify(&hs256(None), &long), Err(TokenFault::Malformed));
}

#[test]
fn a_token_signed_by_ed25519_is_taken_with_its_public_key_only() {
    let pair = KeyPair::generate_for(&PKCS_ED25519).unwrap();
    let key = EncodingKey::from_ed_pem(pair.serialize_pem().as_bytes()).unwrap();
    let token = jsonwebtoken::encode(&Header::new(Algorithm::EdDSA), &good(), &key).unwrap();
    let public = pair.public_key_pem();
    let own = tokens(TokenAlgorithm::EdDsa, public.as_bytes(), None);
    assert!(verify(&own, &token).is_ok());
    let other = KeyPair::generate_for(&PKCS_ED25519).unwrap().public_key_pem();
    let others = tokens(TokenAlgorithm::EdDsa, other.as_bytes(), None);
    assert_eq!(verify(&others, &token), Err(TokenFault::Signature));
    assert_eq!(verify(&hs256(None), &token), Err(TokenFault::Algorithm));
}

#[test]
fn a_key_file_of_the_wrong_kind_is_told_by_what_is_wrong() {
    let load = |algorithm, bytes: &[u8]| {
        let (_folder, path) = key_file(bytes);
        Tokens::from_file(algorithm, &path, None, 0).err().unwrap()
    };
    let pair = KeyPair::generate_for(&PKCS_ED25519).unwrap();
    let p256 = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap().public_key_pem();
    let public = pair.public_key_pem();
    let (hs256, eddsa) = (TokenAlgorithm::Hs256, TokenAlgorithm::EdDsa);
    assert!(matches!(load(hs256, b"short"), KeyError::TooShort { bytes: 5, .. }));
    assert!(matches!(load(hs256, &vec![0; KEY_FILE_BYTES_MAX + 1]), KeyError::TooLong { .. }));
    assert!(matches!(load(hs256, public.as_bytes()), KeyError::NotASecret { .. }));
    // An Ed25519 key with a bit string of 3 bytes, and one of 32 that are no point of the curve.
    let short = "-----BEGIN PUBLIC KEY-----\nMA0wBQYDK2VwAwQAAQID\n-----END PUBLIC KEY-----\n";
    let off = "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEA\
               AgAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n-----END PUBLIC KEY-----\n";
    let private = pair.serialize_pem();
    for text in [&private, &p256, short, off, "", "0123456789abcdef0123456789abcdef"] {
        let bytes = text.as_bytes();
        assert!(matches!(load(eddsa, bytes), KeyError::NotAPublicKey { .. }));
    }
    let gone = Tokens::from_file(hs256, Path::new("/nowhere/key"), None, 0);
    assert!(matches!(gone, Err(KeyError::Unreadable { .. })));
}

#[test]
fn a_token_for_trying_out_is_taken() {
    let (_folder, path) = key_file(SECRET);
    let plain = sign(&path, &ann(), None, now_s(), 60).unwrap();
    assert!(verify(&hs256(None), &plain).is_ok());
    let named = sign(&path, &ann(), Some("here"), now_s(), 60).unwrap();
    assert!(verify(&hs256(Some("here")), &named).is_ok());
    let old = sign(&path, &ann(), None, now_s() - 600, 60).unwrap();
    assert_eq!(verify(&hs256(None), &old), Err(TokenFault::Expired));
}

#[tokio::test]
async fn a_tokens_ticket_ends_with_the_token_or_with_the_key() {
    const HOUR_MS: u64 = 3_600_000;
    let device = DeviceId::new("phone").unwrap();
    let doorman = |tokens| Doorman::new(Box::new(tokens), &[1; 32], HOUR_MS);
    let claims = good();
    let token = Credential::Token(signed(&claims));
    let now_ms = now_s() * 1000;
    let ann = ann();
    let hs = doorman(hs256(None));
    let admitted = hs.admit(&ann, &device, &token, now_ms).await.unwrap();
    let bearer = Bearer { user: &ann, device: &device };
    let ticket = hs.ticket(bearer, admitted, 1, now_ms).unwrap();
    assert_eq!(ticket.expires_ms, claims["exp"].as_u64().unwrap() * 1000);

    let shown = Credential::Ticket(ticket.bytes);
    assert!(doorman(hs256(None)).admit(&ann, &device, &shown, now_ms).await.is_ok());
    let new_key = tokens(TokenAlgorithm::Hs256, &[9; 32], None);
    for changed in [new_key, hs256(Some("here"))] {
        let verdict = doorman(changed).admit(&ann, &device, &shown, now_ms).await;
        assert_eq!(verdict, Err(AuthError::BadTicket));
    }
    let verdict = doorman(hs256(None)).admit(&ann, &device, &Credential::Open, now_ms).await;
    assert_eq!(verdict, Err(AuthError::WrongKind { got: "open", wanted: "token" }));
}
