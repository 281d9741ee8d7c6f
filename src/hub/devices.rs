//! What becomes of the sessions of a user's devices when another one comes, or when they are logged
//! out. Must never let two stay that the policy parts.

use packetboat_proto::code::CloseCode;
use packetboat_proto::id::{ChatId, DeviceId, SessionId, UserId};
use packetboat_proto::planted::{self, Bug};

use super::Hub;
use super::policy::{Connected, Wins};
use super::registry::Registry;

impl Hub {
    /// Whether a device is not to be let in, since another one stays that is connected.
    pub fn turns_away(&self, user: &UserId, who: Connected<'_>) -> bool {
        self.policy.wins == Wins::Oldest && self.registry().has_rival(user, who, self.policy)
    }

    /// The devices of a user that are connected.
    pub fn devices_of(&self, user: &UserId) -> Vec<DeviceId> {
        let registry = self.registry();
        let devices = registry.of_user(user.as_str()).filter_map(|mailbox| mailbox.device());
        devices.cloned().collect()
    }

    /// Whether a device of a user is connected.
    pub fn has_device(&self, user: &UserId, device: &DeviceId) -> bool {
        let registry = self.registry();
        let mut mailboxes = registry.of_user(user.as_str());
        mailboxes.any(|mailbox| mailbox.device() == Some(device))
    }

    /// A session has its device, and gets its seat; or it is too late: another device was first.
    pub(super) fn seat(
        &self,
        registry: &mut Registry,
        session: SessionId,
        user: &UserId,
        who: Connected<'_>,
        groups: Vec<ChatId>,
    ) {
        let Some(mailbox) = registry.standing(session) else { return };
        if registry.is_outdated(session, user, who.device) {
            self.metrics.sessions_replaced.one();
            mailbox.evict(CloseCode::Replaced);
            return;
        }
        if self.policy.wins == Wins::Oldest && registry.has_rival(user, who, self.policy) {
            self.metrics.devices_refused.one();
            mailbox.evict(CloseCode::AnotherDevice);
            return;
        }
        if let Some(older) = registry.seat(session, user, who, groups) {
            self.metrics.sessions_replaced.one();
            older.evict(CloseCode::Replaced);
        }
        while !planted::is(Bug::RivalStays)
            && let Some(other) = registry.oust_rival(user, who, self.policy)
        {
            self.metrics.sessions_displaced.one();
            other.evict(CloseCode::Displaced);
        }
        self.touch(user);
    }

    /// A device is gone: its session ends.
    pub(super) fn log_out(&self, registry: &mut Registry, user: &UserId, device: &DeviceId) {
        if let Some(mailbox) = registry.unseat_device(user, device) {
            self.metrics.sessions_logged_out.one();
            mailbox.evict(CloseCode::LoggedOut);
            self.touch(user);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::hub::HubOutlet;
    use crate::hub::mailbox::{Mailbox, MailboxLimits};
    use crate::hub::policy::{AtOnce, DevicePolicy};
    use crate::store::{Effect, Outlet};

    fn ann() -> UserId {
        UserId::new("ann").unwrap()
    }

    fn device(id: &str) -> DeviceId {
        DeviceId::new(id).unwrap()
    }

    fn hub(at_once: AtOnce, wins: Wins) -> Arc<Hub> {
        let limits = MailboxLimits { entries: 4, bytes: 1_000 };
        let hub = Hub::new(limits, Arc::default());
        Arc::new(hub.with_policy(DevicePolicy { at_once, wins }))
    }

    /// A session of Ann's on the device of that name and platform.
    fn connect(hub: &Arc<Hub>, number: u8, on: &str, platform: &str) -> Arc<Mailbox> {
        let session = SessionId::from([number; 16]);
        let mailbox = hub.enter(session);
        let (user, device, groups) = (ann(), device(on), Vec::new());
        let platform = platform.to_owned();
        let claimed =
            Effect::Claimed { user, device, session, platform, groups, blocked: Vec::new() };
        HubOutlet(Arc::clone(hub)).release(vec![claimed]);
        mailbox
    }

    #[test]
    fn the_newest_device_stays_and_the_others_are_told_why() {
        let hub = hub(AtOnce::OnePerPlatform, Wins::Newest);
        let old = connect(&hub, 1, "phone", "ios");
        let web = connect(&hub, 2, "browser", "web");
        let new = connect(&hub, 3, "tablet", "ios");
        assert_eq!(old.evicted(), Some(CloseCode::Displaced));
        assert_eq!((web.evicted(), new.evicted()), (None, None));
        assert_eq!(hub.devices_of(&ann()), [device("browser"), device("tablet")]);
        let again = connect(&hub, 4, "tablet", "ios");
        assert_eq!((new.evicted(), again.evicted()), (Some(CloseCode::Replaced), None));
    }

    #[test]
    fn the_oldest_device_stays_and_who_comes_is_told_why() {
        let hub = hub(AtOnce::One, Wins::Oldest);
        let old = connect(&hub, 1, "phone", "ios");
        let who = |on: &DeviceId| hub.turns_away(&ann(), Connected { device: on, platform: "" });
        assert!(who(&device("desk")) && !who(&device("phone")));
        let new = connect(&hub, 2, "desk", "linux");
        assert_eq!((old.evicted(), new.evicted()), (None, Some(CloseCode::AnotherDevice)));
        assert_eq!(hub.devices_of(&ann()), [device("phone")]);
        hub.leave(SessionId::from([1; 16]), Some(&ann()));
        assert_eq!(connect(&hub, 3, "desk", "linux").evicted(), None);
    }

    #[test]
    fn who_is_logged_out_is_told_so_and_gets_nothing_more() {
        let hub = hub(AtOnce::Any, Wins::Newest);
        let (phone, desk) = (connect(&hub, 1, "phone", ""), connect(&hub, 2, "desk", ""));
        let gone = |on| Effect::LoggedOut { user: ann(), device: device(on) };
        HubOutlet(Arc::clone(&hub)).release(vec![gone("phone"), gone("nowhere")]);
        assert_eq!((phone.evicted(), desk.evicted()), (Some(CloseCode::LoggedOut), None));
        assert_eq!(hub.devices_of(&ann()), [device("desk")]);
        assert!(hub.has_device(&ann(), &device("desk")));
        assert!(!hub.has_device(&ann(), &device("phone")));
    }
}
