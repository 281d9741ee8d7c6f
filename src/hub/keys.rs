//! Which sessions are told of whose keys, and what is to be told. Must never grow with what nobody
//! is told of.

use std::collections::BTreeMap;
use std::sync::Arc;

use packetboat_proto::id::{DeviceId, SessionId, UserId};
use packetboat_proto::limits::KEYS_WATCHED_MAX;
use packetboat_proto::packet::KeysNews;

use super::audience::Audience;
use super::mailbox::Mailbox;

/// Which sessions are told of whose keys.
#[derive(Debug, Default)]
pub(super) struct Keys {
    audience: Audience<UserId>,
    /// What is to be told, the last of each device. In order, so that a run with the same inputs is
    /// the same.
    news: BTreeMap<(UserId, DeviceId), KeysNews>,
}

impl Keys {
    /// A session is told of a user's keys from now on; beyond its bound, of those for which it
    /// asked first no more.
    pub(super) fn watch(&mut self, mailbox: &Arc<Mailbox>, user: &UserId) {
        let session = mailbox.session();
        self.audience.add(mailbox, user);
        let told = self.audience.told(session);
        if told.len() > KEYS_WATCHED_MAX
            && let Some(first) = told.first().cloned()
        {
            self.audience.remove(session, &first);
        }
    }

    /// A session is told of a user's keys no more.
    pub(super) fn unwatch(&mut self, session: SessionId, user: &UserId) {
        self.audience.remove(session, user);
    }

    /// A session is told nothing any more.
    pub(super) fn leave(&mut self, session: SessionId) {
        self.audience.leave(session);
    }

    /// A device's identity is another. Whether that is news to anybody.
    pub(super) fn changed(&mut self, news: KeysNews) -> bool {
        if self.audience.of(&news.user).is_empty() {
            return false;
        }
        let of = (news.user.clone(), news.device.device.clone());
        self.news.insert(of, news).is_none()
    }

    /// Something to tell, and whom.
    pub(super) fn next_news(&mut self) -> Option<(KeysNews, &[Arc<Mailbox>])> {
        let (_, news) = self.news.pop_first()?;
        let to = self.audience.of(&news.user);
        Some((news, to))
    }

    /// Whether there is something to tell.
    pub(super) fn has_news(&self) -> bool {
        !self.news.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use packetboat_proto::packet::DeviceKeys;

    use super::*;

    fn user(text: &str) -> UserId {
        UserId::new(text).unwrap()
    }

    fn mailbox(number: u8) -> Arc<Mailbox> {
        Arc::new(Mailbox::new(SessionId::from([number; 16])))
    }

    fn news(name: &str, identity: &'static str) -> KeysNews {
        let device = DeviceId::new("x").unwrap();
        let (identity, proof) = (identity.into(), "".into());
        KeysNews { user: user(name), device: DeviceKeys { device, identity, proof, state: None } }
    }

    #[test]
    fn the_last_identity_of_a_round_is_told_to_who_asked() {
        let mut keys = Keys::default();
        assert!(!keys.changed(news("bob", "1")), "nobody asked");
        keys.watch(&mailbox(1), &user("bob"));
        assert!(keys.changed(news("bob", "2")) && !keys.changed(news("bob", "3")));
        let (told, to) = keys.next_news().unwrap();
        assert_eq!((told, to.len()), (news("bob", "3"), 1));
        assert!(!keys.has_news());
        keys.leave(SessionId::from([1; 16]));
        assert!(!keys.changed(news("bob", "4")) && keys.audience.is_empty());
    }

    #[test]
    fn a_session_is_told_of_the_last_so_many_that_it_asked_for() {
        let (mut keys, mailbox) = (Keys::default(), mailbox(1));
        let names: Vec<String> = (0..=KEYS_WATCHED_MAX).map(|at| format!("u{at}")).collect();
        for name in &names {
            keys.watch(&mailbox, &user(name));
        }
        assert!(!keys.changed(news(&names[0], "1")) && keys.changed(news(&names[1], "1")));
    }
}
