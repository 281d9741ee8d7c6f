//! Resume tickets: a signed note that a full check was made, which spares the next connection
//! another one. Opaque to the client; nothing of it is kept here. Must never read a clock.
//!
//! A ticket is `version u8, expires_ms u64, generation u64, device u64, HMAC-SHA256 [32]`,
//! big-endian. The signature covers these, the authenticator's name, the user and the device, so it
//! is good for that user on that device only, under the same kind of authentication. The device's
//! number ends it when the device is logged out.

use bytes::{BufMut, Bytes, BytesMut};
use packetboat_proto::id::{DeviceId, UserId};
use packetboat_proto::limits::TICKET_BYTES_MAX;
use ring::hmac;

/// 1 had no number of the device.
const VERSION: u8 = 2;
const NOTE_BYTES: usize = 1 + 8 + 8 + 8;
const SIGNATURE_BYTES: usize = 32;
const TICKET_BYTES: usize = NOTE_BYTES + SIGNATURE_BYTES;
const _: () = assert!(TICKET_BYTES <= TICKET_BYTES_MAX);

/// Keeps this use of the store's secret apart from any other.
const PURPOSE: &[u8] = b"packetboat resume ticket";

/// A ticket for the client.
#[derive(Clone, PartialEq, Eq)]
pub struct Ticket {
    /// What the client shows.
    pub bytes: Bytes,
    /// When it ends, in milliseconds of Unix time.
    pub expires_ms: u64,
}

impl std::fmt::Debug for Ticket {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "Ticket(secret, until {})", self.expires_ms)
    }
}

/// Whose a ticket is.
#[derive(Clone, Copy, Debug)]
pub struct Bearer<'a> {
    /// The user.
    pub user: &'a UserId,
    /// The device.
    pub device: &'a DeviceId,
}

/// What must be as it was for a ticket to be good still.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// The generation of the user's tickets.
    pub generation: u64,
    /// The number of the device.
    pub device: u64,
}

/// What a ticket says whose signature is right and whose time has not run out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Note {
    /// When it ends, in milliseconds of Unix time.
    pub expires_ms: u64,
    /// What it was given under.
    pub standing: Standing,
}

/// Signs tickets and checks them.
pub struct TicketOffice {
    key: hmac::Key,
    authenticator: &'static str,
    life_ms: u64,
}

impl TicketOffice {
    /// Tickets of `life_ms` under the authenticator of that name, signed by the store's secret.
    pub fn new(secret: &[u8; 32], authenticator: &'static str, life_ms: u64) -> Self {
        let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
        Self { key, authenticator, life_ms }
    }

    /// A ticket that ends after its life, or at `until_ms` if that is sooner.
    pub fn issue(
        &self,
        bearer: Bearer<'_>,
        standing: Standing,
        until_ms: Option<u64>,
        now_ms: u64,
    ) -> Ticket {
        let life_ends_ms = now_ms.saturating_add(self.life_ms);
        let expires_ms = until_ms.map_or(life_ends_ms, |until_ms| until_ms.min(life_ends_ms));
        let mut bytes = BytesMut::with_capacity(TICKET_BYTES);
        bytes.put_u8(VERSION);
        bytes.put_u64(expires_ms);
        bytes.put_u64(standing.generation);
        bytes.put_u64(standing.device);
        let signature = hmac::sign(&self.key, &self.signed(bearer, &bytes));
        bytes.put_slice(signature.as_ref());
        Ticket { bytes: bytes.freeze(), expires_ms }
    }

    /// What the ticket says, if it is one of `bearer`'s and has not ended.
    pub fn check(&self, bearer: Bearer<'_>, ticket: &[u8], now_ms: u64) -> Option<Note> {
        let (note, signature) = ticket.split_at_checked(NOTE_BYTES)?;
        hmac::verify(&self.key, &self.signed(bearer, note), signature).ok()?;
        let (version, rest) = note.split_first()?;
        let (numbers, _) = rest.as_chunks::<8>();
        let &[expires_ms, generation, device] = numbers else { return None };
        let [expires_ms, generation, device] =
            [expires_ms, generation, device].map(u64::from_be_bytes);
        let note = Note { expires_ms, standing: Standing { generation, device } };
        (*version == VERSION && now_ms < note.expires_ms).then_some(note)
    }

    fn signed(&self, bearer: Bearer<'_>, note: &[u8]) -> Vec<u8> {
        let names = [self.authenticator, bearer.user.as_str(), bearer.device.as_str()];
        let parts = [PURPOSE].into_iter().chain(names.map(str::as_bytes)).chain([note]);
        let mut signed = Vec::new();
        for part in parts {
            // With its length before it, no part can lend bytes to the next.
            signed.put_u64(part.len() as u64);
            signed.put_slice(part);
        }
        signed
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{any, proptest};

    use super::*;

    const SECRET: [u8; 32] = [7; 32];
    const NOW: u64 = 1_000_000;
    const LIFE: u64 = 500;
    const STANDING: Standing = Standing { generation: 3, device: 4 };

    fn office() -> TicketOffice {
        TicketOffice::new(&SECRET, "password", LIFE)
    }

    fn names(user: &str, device: &str) -> (UserId, DeviceId) {
        (UserId::new(user).unwrap(), DeviceId::new(device).unwrap())
    }

    fn check(office: &TicketOffice, user: &str, device: &str, ticket: &[u8]) -> Option<Note> {
        let (user, device) = names(user, device);
        office.check(Bearer { user: &user, device: &device }, ticket, NOW)
    }

    fn ticket() -> Ticket {
        let (user, device) = names("ann", "phone");
        office().issue(Bearer { user: &user, device: &device }, STANDING, None, NOW)
    }

    #[test]
    fn a_ticket_is_good_for_its_user_and_device_only() {
        let note = Some(Note { expires_ms: NOW + LIFE, standing: STANDING });
        assert_eq!(check(&office(), "ann", "phone", &ticket().bytes), note);
        let others = [("bob", "phone"), ("ann", "laptop"), ("annp", "hone"), ("an", "nphone")];
        for (user, device) in others {
            assert_eq!(check(&office(), user, device, &ticket().bytes), None);
        }
    }

    #[test]
    fn a_ticket_ends_with_its_life_or_with_its_credential() {
        let (user, device) = names("ann", "phone");
        let bearer = Bearer { user: &user, device: &device };
        for (until_ms, ends) in
            [(None, NOW + LIFE), (Some(NOW + 9), NOW + 9), (Some(u64::MAX), NOW + LIFE)]
        {
            let ticket = office().issue(bearer, STANDING, until_ms, NOW);
            assert_eq!(ticket.expires_ms, ends);
            assert!(office().check(bearer, &ticket.bytes, ends - 1).is_some());
            assert!(office().check(bearer, &ticket.bytes, ends).is_none());
        }
    }

    #[test]
    fn a_ticket_of_another_server_or_authenticator_is_not_good() {
        let elsewhere = TicketOffice::new(&[8; 32], "password", LIFE);
        assert_eq!(check(&elsewhere, "ann", "phone", &ticket().bytes), None);
        let otherwise = TicketOffice::new(&SECRET, "open", LIFE);
        assert_eq!(check(&otherwise, "ann", "phone", &ticket().bytes), None);
    }

    #[test]
    fn a_ticket_with_any_bit_flipped_is_not_good() {
        let good = ticket().bytes;
        for bit in 0..good.len() * 8 {
            let mut bad = good.to_vec();
            bad[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(check(&office(), "ann", "phone", &bad), None, "bit {bit}");
        }
    }

    #[test]
    fn a_ticket_of_another_length_is_not_good() {
        let good = ticket().bytes;
        for bytes in 0..good.len() {
            assert_eq!(check(&office(), "ann", "phone", &good[..bytes]), None);
        }
        let longer = [&good[..], &[0]].concat();
        assert_eq!(check(&office(), "ann", "phone", &longer), None);
    }

    #[test]
    fn a_ticket_is_not_in_what_is_printed() {
        assert_eq!(format!("{:?}", ticket()), "Ticket(secret, until 1000500)");
    }

    proptest! {
        #[test]
        fn no_bytes_but_a_ticket_are_one(bytes in any::<Vec<u8>>()) {
            assert_eq!(check(&office(), "ann", "phone", &bytes), None);
        }
    }
}
