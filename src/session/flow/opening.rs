//! How a session comes to be open: the hello, the check of its credential, the claim of its device.
//! Must never take what was refused for what failed: the peer is told which.

use packetboat_proto::code::{CloseCode, RejectCode};
use packetboat_proto::limits::{HEARTBEAT_MS_HIGHEST, HEARTBEAT_MS_LOWEST};
use packetboat_proto::packet::{Hello, Packet};
use packetboat_proto::time::Time;

use super::Flow;
use crate::session::bookends::{claim, limits, welcome};
use crate::session::desk::Desk;
use crate::session::port::{Action, Guest, Ticket, Work};
use crate::session::state::State;
use crate::store::{Claimed, StoreError};

impl Flow {
    pub(super) fn hello(&mut self, hello: Hello, out: &mut Vec<Action>) {
        let wanted = hello.wanted;
        // An entry fills a body to the limit: who takes less could not be sent every entry.
        if wanted.max_body != 0 && wanted.max_body < self.rules.max_body {
            let reason = format!("bodies have up to {} bytes here", self.rules.max_body);
            return self.close(CloseCode::LimitsTooLow, &reason, out);
        }
        if wanted.window != 0 {
            self.window = self.window.min(wanted.window);
        }
        if wanted.heartbeat_ms != 0 {
            self.heartbeat_ms =
                wanted.heartbeat_ms.clamp(HEARTBEAT_MS_LOWEST, HEARTBEAT_MS_HIGHEST);
        }
        out.push(Action::Check(hello.clone()));
        self.state = State::Checking(Box::new(hello));
    }

    pub(super) fn checked(
        &mut self,
        result: Result<Guest, (CloseCode, String)>,
        out: &mut Vec<Action>,
    ) {
        let State::Checking(hello) = &self.state else { return };
        match result {
            Err((code, reason)) => {
                match code {
                    CloseCode::AnotherDevice => self.metrics.devices_refused.one(),
                    _ => self.metrics.credentials_refused.one(),
                }
                self.close(code, &reason, out);
            }
            Ok(guest) => {
                let claim = claim(hello, self.session, &guest);
                out.push(Action::Start(Work::Claim(claim, guest.admitted)));
                self.state = State::Claiming;
            }
        }
    }

    pub(super) fn claimed(
        &mut self,
        now: Time,
        result: Result<(Claimed, Ticket), StoreError>,
        now_ms: u64,
        out: &mut Vec<Action>,
    ) {
        let State::Claiming = self.state else { return };
        let (claimed, ticket) = match result {
            Ok(claimed) => claimed,
            Err(StoreError::Refused(refusal)) if refusal.code == RejectCode::LimitReached => {
                self.metrics.devices_refused.one();
                return self.close(CloseCode::TooManyDevices, &refusal.reason, out);
            }
            Err(StoreError::Refused(refusal)) => {
                self.metrics.credentials_refused.one();
                return self.close(CloseCode::BadTicket, &refusal.reason, out);
            }
            Err(error) => return self.close(CloseCode::Internal, &error.to_string(), out),
        };
        self.state = State::Open;
        self.was_open = true;
        self.heard = now;
        if claimed.has_chats {
            self.desk = Some(Box::new(Desk::new(now, &self.rules, self.window)));
        }
        self.metrics.sessions_opened.one();
        out.push(Action::SetBodyMax(self.rules.max_body));
        let mut limits = limits(&self.rules);
        (limits.window, limits.heartbeat_ms) = (self.window, self.heartbeat_ms);
        let welcome = welcome(self.session, limits, ticket, now_ms, claimed.new_device);
        out.push(Action::Write(Packet::Welcome(welcome)));
    }
}
