//! Anybody is who they say. Must never be reachable from outside the machine: the rules of the
//! configuration allow it on loopback only (`config::check`).

use std::future::ready;

use packetboat_proto::id::{DeviceId, UserId};
use packetboat_proto::packet::Credential;

use crate::auth::{Answer, AuthError, Authenticator, Vouched, kind_of};

/// Takes the open credential of anybody.
#[derive(Clone, Copy, Debug, Default)]
pub struct Open;

impl Authenticator for Open {
    fn name(&self) -> &'static str {
        "open"
    }

    fn check<'a>(
        &'a self,
        _user: &'a UserId,
        _device: &'a DeviceId,
        credential: &'a Credential,
    ) -> Answer<'a, Vouched> {
        Box::pin(ready(match credential {
            Credential::Open => Ok(Vouched::default()),
            other => Err(AuthError::WrongKind { got: kind_of(other), wanted: "open" }),
        }))
    }

    fn generation<'a>(&'a self, _user: &'a UserId) -> Answer<'a, Option<u64>> {
        Box::pin(ready(Ok(Some(0))))
    }
}
