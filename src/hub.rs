//! Finds the sessions that an effect concerns and leaves it in their mailboxes. A push is a hint,
//! the log is the truth: must never wait for a mailbox, nor touch the store.

mod audience;
mod blocks;
mod crowd;
mod devices;
pub mod herald;
mod keys;
mod live;
pub mod mailbox;
pub mod policy;
pub mod presence;
pub mod receipts;
pub mod registry;
mod rooms;
mod seats;
pub mod watches;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::BytesMut;
use packetboat_proto::frame::put_with;
use packetboat_proto::id::{SessionId, UserId};
use packetboat_proto::limits::HEAD_BYTES;
use packetboat_proto::packet::{
    CursorMoved, Kind, Notice, Packet, Rejected, ScheduledName, Signal,
};
use packetboat_proto::planted::{self, Bug};
use tokio::sync::Notify;

use crate::metrics::Metrics;
use crate::store::{Effect, Outlet, Profile, ReceiptRule, Stored};

use self::mailbox::{Delivery, Hint, Mailbox, MailboxLimits, Push};
use self::policy::{Connected, DevicePolicy};
use self::registry::Registry;
use self::watches::Watches;

/// Sessions that one signal is relayed to at most; in a larger crowd nobody types.
pub const SIGNAL_SEATS_MAX: usize = 1_000;

/// Finds the sessions that an effect concerns.
#[derive(Debug)]
pub struct Hub {
    limits: MailboxLimits,
    policy: DevicePolicy,
    metrics: Arc<Metrics>,
    registry: Mutex<Registry>,
    /// Locked while the registry is, and never the other way round.
    watches: Mutex<Watches>,
    /// There is something for the herald to tell.
    news: Notify,
}

impl Hub {
    /// One with nobody in it.
    pub fn new(limits: MailboxLimits, metrics: Arc<Metrics>) -> Self {
        Self {
            limits,
            policy: DevicePolicy::default(),
            metrics,
            registry: Mutex::default(),
            watches: Mutex::default(),
            news: Notify::new(),
        }
    }

    /// The same, which lets those of a user's devices be connected that the policy does.
    #[must_use]
    pub fn with_policy(self, policy: DevicePolicy) -> Self {
        Self { policy, ..self }
    }

    /// What is counted.
    pub fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    /// Lets a session in; it is pushed nothing before its claim is released.
    pub fn enter(&self, session: SessionId) -> Arc<Mailbox> {
        let mailbox = Arc::new(Mailbox::new(session));
        self.registry().enter(Arc::clone(&mailbox));
        mailbox
    }

    /// Lets a session out, which has named itself `user`, if it has named itself. Whether it had
    /// its device to the end.
    pub fn leave(&self, session: SessionId, user: Option<&UserId>) -> bool {
        let had_device = self.registry().leave(session, user);
        self.watches().leave(session);
        if let Some(user) = user.filter(|_| had_device) {
            self.touch(user);
        }
        // Those who listened to the same rooms are fewer.
        self.news.notify_one();
        had_device
    }

    /// Tells every session that the server stops, and every one that comes later.
    pub fn drain(&self) {
        self.registry().drain();
    }

    /// How many sessions are here, with or without a device.
    pub fn sessions(&self) -> usize {
        self.registry().sessions()
    }

    /// Passes a signal on, stamped with its sender, to the others in its chat. It is dropped when
    /// the session has no seat in the chat, or too many have.
    pub fn relay(&self, user: &UserId, session: SessionId, signal: Signal) {
        let registry = self.registry();
        let mut others: Vec<&Mailbox> = Vec::new();
        let peer = signal.chat.peer_of(user);
        let apart = peer.as_ref().is_some_and(|peer| registry.are_apart(user, peer));
        if apart && !planted::is(Bug::TypingReachesBlocked) {
            self.metrics.signals_dropped.one();
            return;
        }
        let mut seated = peer.is_some();
        for mailbox in registry.of_chat(&signal.chat).take(SIGNAL_SEATS_MAX + 1) {
            if mailbox.session() == session {
                seated = true;
            } else {
                others.push(mailbox);
            }
        }
        if !seated || others.len() >= SIGNAL_SEATS_MAX {
            self.metrics.signals_dropped.one();
            return;
        }
        let frame = Packet::Signal(Signal { sender: Some(user.clone()), ..signal }).to_frame();
        for mailbox in others {
            self.hint(mailbox, Hint::Signal(frame.clone()));
        }
    }

    fn hint(&self, mailbox: &Mailbox, hint: Hint) {
        if mailbox.hint(hint) != Push::Taken {
            self.metrics.hints_dropped.one();
        }
    }

    fn apply(&self, registry: &mut Registry, effect: Effect) {
        match effect {
            Effect::Claimed { user, device, session, platform, mut groups, blocked } => {
                if planted::is(Bug::GroupsForgotten) {
                    groups.clear();
                }
                let who = Connected { device: &device, platform: &platform };
                self.seat(registry, session, &user, who, groups);
                registry.set_blocks(&user, blocked);
            }
            Effect::Related { user, other, relation } => {
                self.relate(registry, (&user, &other), relation);
            }
            Effect::LoggedOut { user, device } => self.log_out(registry, &user, &device),
            Effect::Joined { chat, users } => registry.join(&chat, &users),
            Effect::Stored(stored) => self.fan_out(registry, &stored),
            Effect::Left { .. } if planted::is(Bug::RemovedStillServed) => {}
            Effect::Left { chat, users } => registry.part(&chat, &users),
            Effect::Dissolved { chat } => registry.dissolve(&chat),
            Effect::Keys(news) => self.keys_news(registry, news),
            Effect::Joining { to, news } => self.notice(registry, &to, Notice::Join(news)),
            Effect::ScheduleFailed { user, name, refusal } => {
                let ScheduledName { chat, id } = name;
                let rejected = Rejected { chat, id, verdict: refusal.verdict(0) };
                self.notice(registry, &[user], Notice::ScheduleFailed(rejected));
            }
            Effect::OwnChanged { user, revision } => self.own_changed(registry, &user, revision),
            Effect::ProfileSet { user, status, visible_to, receipts } => {
                if receipts == ReceiptRule::Hidden {
                    registry.watch_no_receipts(&user);
                }
                self.profile_set(&user, Profile { last_seen_ms: 0, status, visible_to, receipts });
            }
            Effect::CursorMoved { chat, user, delivered, read, told } => {
                if told.is_some() && registry.receipts_mut().touch(&chat) {
                    self.news.notify_one();
                }
                self.tell(registry, CursorMoved { chat, user, delivered, read }, told);
            }
        }
    }

    fn fan_out(&self, registry: &Registry, stored: &Stored) {
        let mut mailboxes = registry.of_chat(&stored.chat).peekable();
        if mailboxes.peek().is_none() {
            return;
        }
        let mut frame = BytesMut::with_capacity(HEAD_BYTES + stored.body.len());
        put_with(&mut frame, Kind::Deliver as u8, |body| body.extend_from_slice(&stored.body));
        let delivery = Arc::new(Delivery {
            chat: stored.chat.clone(),
            seq: stored.seq,
            origin: stored.origin,
            frame: frame.freeze(),
        });
        for mailbox in mailboxes {
            if mailbox.push(&delivery, self.limits) == Push::Overflowed {
                self.metrics.mailbox_overflows.one();
            }
        }
    }

    /// Tells the user's own devices if there are several, and the other user of a direct chat what
    /// others are told.
    fn tell(&self, registry: &Registry, moved: CursorMoved, told: Option<u64>) {
        if registry.count(&moved.user) > 1 {
            for mailbox in registry.of_user(moved.user.as_str()) {
                self.hint(mailbox, Hint::Cursor(moved.clone()));
            }
        }
        let peer = moved.chat.peer_of(&moved.user).filter(|peer| *peer != moved.user);
        let (Some(peer), Some(read)) = (peer, told) else { return };
        // Who is blocked would learn by it when the other one is there.
        if registry.are_apart(&peer, &moved.user) {
            return;
        }
        for mailbox in registry.of_user(peer.as_str()) {
            self.hint(mailbox, Hint::Cursor(CursorMoved { read, ..moved.clone() }));
        }
    }

    /// Leaves a notice for all sessions of users.
    fn notice(&self, registry: &Registry, to: &[UserId], notice: Notice) {
        let frame = Packet::Notice(notice).to_frame();
        for mailbox in to.iter().flat_map(|user| registry.of_user(user.as_str())) {
            self.hint(mailbox, Hint::Notice(frame.clone()));
        }
    }

    /// Tells all sessions of a user that its own state has changed.
    fn own_changed(&self, registry: &Registry, user: &UserId, revision: u64) {
        let frame = Packet::Notice(Notice::Own(revision)).to_frame();
        for mailbox in registry.of_user(user.as_str()) {
            self.hint(mailbox, Hint::Own(frame.clone()));
        }
    }

    fn watches(&self) -> MutexGuard<'_, Watches> {
        self.watches.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn registry(&self) -> MutexGuard<'_, Registry> {
        // A panic while it is held is a bug that the committer reports; the maps stay usable.
        self.registry.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The hub as the store's outlet.
#[derive(Clone, Debug)]
pub struct HubOutlet(pub Arc<Hub>);

impl Outlet for HubOutlet {
    fn release(&mut self, effects: Vec<Effect>) {
        // Locked for each: with large groups all of them take long, and sessions come meanwhile.
        for effect in effects {
            self.0.apply(&mut self.0.registry(), effect);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;
    use packetboat_proto::id::{ChatId, DeviceId};
    use packetboat_proto::packet::SignalKind;

    use crate::store::Relation;

    struct House {
        hub: Arc<Hub>,
        outlet: HubOutlet,
    }

    fn user(text: &str) -> UserId {
        UserId::new(text).unwrap()
    }

    fn chat(text: &str) -> ChatId {
        ChatId::new(text).unwrap()
    }

    fn session(number: u8) -> SessionId {
        SessionId::from([number; 16])
    }

    impl House {
        fn new() -> Self {
            let limits = MailboxLimits { entries: 4, bytes: 1_000 };
            let hub = Arc::new(Hub::new(limits, Arc::default()));
            Self { outlet: HubOutlet(Arc::clone(&hub)), hub }
        }

        fn connect(&mut self, number: u8, name: &str, groups: &[&str]) -> Arc<Mailbox> {
            let mailbox = self.hub.enter(session(number));
            self.outlet.release(vec![Effect::Claimed {
                user: user(name),
                device: DeviceId::new(&format!("d{number}")).unwrap(),
                session: session(number),
                platform: String::new(),
                blocked: Vec::new(),
                groups: groups.iter().map(|group| chat(group)).collect(),
            }]);
            mailbox
        }

        fn store(&mut self, of: &str, seq: u64, origin: u8) {
            let body = Bytes::from_static(b"entry");
            let (chat, origin) = (chat(of), session(origin));
            let stored = Stored { chat, seq, origin, body };
            self.outlet.release(vec![Effect::Stored(stored)]);
        }
    }

    #[test]
    fn an_entry_reaches_every_session_of_both_users_encoded_once() {
        let mut house = House::new();
        let boxes = [house.connect(1, "a", &[]), house.connect(2, "b", &[])];
        let stranger = house.connect(3, "c", &[]);
        house.store("dm:a:b", 1, 1);
        let frames = boxes.map(|mailbox| mailbox.take().deliveries[0].frame.clone());
        assert_eq!(frames[0].as_ptr(), frames[1].as_ptr());
        assert!(stranger.take().deliveries.is_empty());
    }

    #[test]
    fn nothing_is_pushed_before_the_claim_is_released() {
        let mut house = House::new();
        let early = house.hub.enter(session(1));
        house.store("dm:a:b", 1, 9);
        assert!(early.take().deliveries.is_empty());
    }

    #[test]
    fn a_removed_member_gets_the_entry_that_says_so_and_no_more() {
        let mut house = House::new();
        let bob = house.connect(2, "b", &["group:g"]);
        house.store("group:g", 5, 1);
        house.outlet.release(vec![Effect::Left { chat: chat("group:g"), users: vec![user("b")] }]);
        house.store("group:g", 6, 1);
        let seqs: Vec<u64> = bob.take().deliveries.iter().map(|entry| entry.seq).collect();
        assert_eq!(seqs, [5]);
    }

    #[test]
    fn a_cursor_is_told_to_the_peer_and_to_several_own_devices_only() {
        let mut house = House::new();
        let moved = || Effect::CursorMoved {
            chat: chat("dm:a:b"),
            user: user("b"),
            delivered: 1,
            read: 0,
            told: Some(0),
        };
        let (alice, bob) = (house.connect(1, "a", &[]), house.connect(2, "b", &[]));
        house.outlet.release(vec![moved()]);
        assert_eq!((alice.take().hints.len(), bob.take().hints.len()), (1, 0));
        let second = house.connect(3, "b", &[]);
        house.outlet.release(vec![moved()]);
        let counts = [alice, bob, second].map(|mailbox| mailbox.take().hints.len());
        assert_eq!(counts, [1, 1, 1]);
    }

    #[test]
    fn own_state_is_told_to_all_sessions_of_its_user_and_the_newest_alone() {
        let mut house = House::new();
        let own = [house.connect(1, "a", &[]), house.connect(2, "a", &[])];
        let other = house.connect(3, "b", &[]);
        for revision in [4, 5] {
            house.outlet.release(vec![Effect::OwnChanged { user: user("a"), revision }]);
        }
        let newest = Packet::Notice(Notice::Own(5)).to_frame();
        for mailbox in own {
            let hints: Vec<Hint> = mailbox.take().hints.into();
            assert!(matches!(&hints[..], [Hint::Own(frame)] if *frame == newest), "{hints:?}");
        }
        assert!(other.take().hints.is_empty());
    }

    #[test]
    fn a_signal_is_stamped_and_goes_to_the_others_of_its_chat_only() {
        let mut house = House::new();
        let (alice, bob) = (house.connect(1, "a", &[]), house.connect(2, "b", &[]));
        let eve = house.connect(3, "e", &[]);
        let signal = |forged: &str| Signal {
            chat: chat("dm:a:b"),
            kind: SignalKind::Typing,
            data: Bytes::new(),
            sender: Some(user(forged)),
        };
        house.hub.relay(&user("e"), session(3), signal("a"));
        assert!(bob.take().hints.is_empty() && alice.take().hints.is_empty());
        house.hub.relay(&user("a"), session(1), signal("b"));
        assert!(alice.take().hints.is_empty() && eve.take().hints.is_empty());
        let Some(Hint::Signal(frame)) = bob.take().hints.pop_front() else { panic!("no signal") };
        assert_eq!(frame, Packet::Signal(signal("a")).to_frame());
    }

    #[test]
    fn who_is_blocked_signals_to_nobody() {
        let mut house = House::new();
        let (_alice, bob) = (house.connect(1, "a", &[]), house.connect(2, "b", &[]));
        let signal = || Signal {
            chat: chat("dm:a:b"),
            kind: SignalKind::Typing,
            data: Bytes::new(),
            sender: None,
        };
        for (blocked, heard) in [(true, 0), (false, 1)] {
            let relation = Relation { contact: false, blocked };
            let related = Effect::Related { user: user("b"), other: user("a"), relation };
            house.outlet.release(vec![related]);
            house.hub.relay(&user("a"), session(1), signal());
            assert_eq!(bob.take().hints.len(), heard);
        }
    }

    #[test]
    fn a_full_mailbox_costs_only_its_own_session() {
        let mut house = House::new();
        let (slow, quick) = (house.connect(1, "a", &[]), house.connect(2, "b", &[]));
        for seq in 1..=6 {
            house.store("dm:a:b", seq, 9);
            assert_eq!(quick.take().deliveries.len(), 1);
        }
        let mail = slow.take();
        assert!(mail.entries_lost);
        assert_eq!(mail.deliveries.len(), 4);
        assert_eq!(house.hub.metrics.mailbox_overflows.get(), 1);
    }
}
