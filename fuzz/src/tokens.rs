//! Tickets and tokens from any bytes, and from good ones that were changed: only what the office
//! or the key made is taken, from whom it was made for, while it lasts. Must never wait.

use std::io::Write;
use std::sync::LazyLock;
use std::task::{Context, Poll, Waker};

use packetboat::auth::ticket::{Bearer, Standing, TicketOffice};
use packetboat::auth::token::{self, Tokens};
use packetboat::auth::{AuthError, Authenticator, Vouched};
use packetboat::config::settings::TokenAlgorithm;
use packetboat_proto::id::{DeviceId, UserId};
use packetboat_proto::packet::Credential;

use crate::choices::Choices;

const SECRET: [u8; 32] = *b"0123456789abcdef0123456789abcdef";
/// In seconds of Unix time: long ago, so that no clock of a test comes near.
const ISSUED_S: u64 = 1_600_000_000;
/// In seconds; beyond the life of this test.
const LIFE_S: u64 = 100 * 365 * 24 * 60 * 60;
const AUDIENCE: &str = "here";

/// What is checked against, made once.
struct Door {
    user: UserId,
    device: DeviceId,
    /// With an audience to be named, and without one.
    tokens: [Tokens; 2],
    good: [String; 2],
}

static DOOR: LazyLock<Door> = LazyLock::new(|| {
    let mut file = tempfile::NamedTempFile::new().expect("a place for a key");
    file.write_all(&SECRET).expect("a place for a key");
    let user = UserId::new("ann").expect("it is an id");
    let [some, none] = [Some(AUDIENCE), None].map(|audience| {
        let hs256 = TokenAlgorithm::Hs256;
        let tokens = Tokens::from_file(hs256, file.path(), audience, 10).expect("a good key");
        let good = token::sign(file.path(), &user, audience, ISSUED_S, LIFE_S);
        (tokens, good.expect("a good key signs"))
    });
    let device = DeviceId::new("phone").expect("it is an id");
    Door { user, device, tokens: [some.0, none.0], good: [some.1, none.1] }
});

/// Shows the bytes, and changed good ones, as tickets and as tokens.
pub fn run(data: &[u8]) {
    let mut choices = Choices::new(data);
    let way = choices.byte();
    tickets(way, choices);
    tokens(way, choices);
}

fn tickets(way: u8, mut choices: Choices<'_>) {
    let secret = if way & 1 == 0 { SECRET } else { [way; 32] };
    let (life_ms, now_ms) = (choices.number(), choices.number());
    let office = TicketOffice::new(&secret, "password", life_ms);
    let (user, device) = (choices.user(), choices.device());
    let bearer = Bearer { user: &user, device: &device };
    let standing = Standing { generation: choices.number(), device: choices.number() };
    let until_ms = choices.flag().then(|| choices.number());
    let ticket = office.issue(bearer, standing, until_ms, now_ms);
    let most = now_ms.saturating_add(life_ms).min(until_ms.unwrap_or(u64::MAX));
    assert_eq!(ticket.expires_ms, most, "a ticket ends with its life or its credential");
    let shown_ms = choices.number();
    let note = office.check(bearer, &ticket.bytes, shown_ms);
    assert_eq!(note.is_some(), shown_ms < most, "a ticket is good until it ends");
    if let Some(note) = note {
        assert_eq!((note.expires_ms, note.standing), (most, standing), "as it was made");
    }
    let (other, other_device) = (choices.user(), choices.device());
    let stranger = Bearer { user: &other, device: &other_device };
    let same = (&other, &other_device) == (&user, &device);
    let taken = office.check(stranger, &ticket.bytes, 0).is_some();
    assert_eq!(taken, same && most > 0, "a ticket is its bearer's alone");
    let elsewhere = TicketOffice::new(&secret, "token", life_ms);
    let taken = elsewhere.check(bearer, &ticket.bytes, 0).is_some();
    assert!(!taken, "a ticket is good under one authenticator");
    let changed = changed(&ticket.bytes, &mut choices);
    let taken = office.check(bearer, &changed, 0).is_some();
    assert_eq!(taken, changed == ticket.bytes && most > 0, "a changed ticket is none");
    let garbage = choices.rest();
    let taken = office.check(bearer, garbage, 0).is_some();
    assert_eq!(taken, garbage == ticket.bytes && most > 0, "garbage is no ticket");
}

fn tokens(way: u8, mut choices: Choices<'_>) {
    let door = &*DOOR;
    let (asked, shown) = (usize::from(way >> 1 & 1), usize::from(way >> 2 & 1));
    let good = &door.good[shown];
    let changed = changed(good.as_bytes(), &mut choices);
    let changed = String::from_utf8_lossy(&changed).into_owned();
    let same = changed == *good && asked == shown;
    let verdict = check(asked, &door.user, &changed);
    assert_eq!(verdict.is_ok(), same, "a token is taken as it was signed: {changed:?} {verdict:?}");
    let stranger = choices.user();
    if stranger != door.user {
        let verdict = check(asked, &stranger, good);
        assert!(verdict.is_err(), "a token is its user's alone");
    }
    let garbage = String::from_utf8_lossy(choices.rest()).into_owned();
    let verdict = check(asked, &door.user, &garbage);
    assert!(verdict.is_err() || door.good.contains(&garbage), "garbage is no token: {garbage:?}");
    let parts = good.rsplitn(2, '.').collect::<Vec<_>>();
    for forged in [format!("{garbage}.{}", parts[0]), format!("{}.{garbage}", parts[1])] {
        let verdict = check(asked, &door.user, &forged);
        let own = door.good.contains(&forged);
        assert!(verdict.is_err() || own, "a forged token is refused: {forged:?}");
    }
    signed_garbage(asked, garbage.as_bytes());
}

/// Claims of any bytes, with a right signature: an answer, never a panic, and no other user's.
fn signed_garbage(asked: usize, claims: &[u8]) {
    let Ok(serde_json::Value::Object(claims)) = serde_json::from_slice(claims) else { return };
    let head = jsonwebtoken::Header::new(jsonwebtoken::Algorithm::HS256);
    let key = jsonwebtoken::EncodingKey::from_secret(&SECRET);
    let Ok(signed) = jsonwebtoken::encode(&head, &claims, &key) else { return };
    if let Ok(vouched) = check(asked, &DOOR.user, &signed) {
        let named = claims.get("sub").and_then(|sub| sub.as_str());
        assert_eq!(named, Some(DOOR.user.as_str()), "a token names the user whom it lets in");
        assert!(vouched.until_ms.is_some() && claims.contains_key("exp"), "a token ends");
    }
}

fn check(asked: usize, user: &UserId, text: &str) -> Result<Vouched, AuthError> {
    let credential = Credential::Token(text.to_owned());
    let mut answer = DOOR.tokens[asked].check(user, &DOOR.device, &credential);
    match answer.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(verdict) => verdict,
        Poll::Pending => panic!("a token is checked without waiting"),
    }
}

/// Bytes with a few things done to them.
fn changed(good: &[u8], choices: &mut Choices<'_>) -> Vec<u8> {
    let mut bytes = good.to_vec();
    for _ in 0..choices.below(4) {
        let at = choices.below(bytes.len().max(1)).min(bytes.len());
        match choices.byte() % 5 {
            0 if at < bytes.len() => bytes[at] ^= 1 << choices.below(8),
            1 if at < bytes.len() => bytes[at] = choices.byte(),
            2 => bytes.truncate(at),
            3 => bytes.insert(at, choices.byte()),
            _ if at < bytes.len() => drop(bytes.remove(at)),
            _ => bytes.extend_from_slice(choices.some_bytes(8)),
        }
    }
    bytes
}
