//! The invitations of a group of the model: a few, each with a key of its own. Must never know who
//! may make one.

use std::collections::{BTreeMap, BTreeSet};

use packetboat_proto::code::RejectCode;

/// What shows that somebody knows an invitation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pass {
    /// Which.
    pub link: u8,
    /// Whose it is: another's is none.
    pub of: usize,
}

/// As what an invitation is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Made {
    /// So many may come in; 0: any number.
    pub uses: u32,
    /// Until when; 0: for good.
    pub expires_ms: u64,
    /// It lets one ask only.
    pub asks: bool,
}

#[derive(Clone, Copy, Debug)]
struct Link {
    by: usize,
    made: Made,
    used: u32,
}

/// The invitations of a group.
#[derive(Clone, Debug, Default)]
pub struct Links(BTreeMap<u8, Link>);

impl Made {
    fn is_over(self, used: u32, now_ms: u64) -> bool {
        let is_late = self.expires_ms != 0 && self.expires_ms <= now_ms;
        is_late || (self.uses != 0 && self.uses <= used)
    }
}

impl Links {
    fn check_own(&self, (by, is_plain): (usize, bool), link: u8) -> Result<(), RejectCode> {
        let is_anothers = self.0.get(&link).is_some_and(|link| link.by != by);
        if is_plain && is_anothers { Err(RejectCode::NotAllowed) } else { Ok(()) }
    }

    /// One is made, or made otherwise.
    pub fn make(
        &mut self,
        who: (usize, bool),
        link: u8,
        made: Made,
        now_ms: u64,
    ) -> Result<(), RejectCode> {
        if made.is_over(0, now_ms) {
            return Err(RejectCode::Invalid);
        }
        self.check_own(who, link)?;
        let by = self.0.get(&link).map_or(who.0, |link| link.by);
        if self.0.get(&link).is_none_or(|link| link.made != made) {
            self.0.insert(link, Link { by, made, used: 0 });
        }
        Ok(())
    }

    /// One is taken back, if it is there.
    pub fn take_back(&mut self, who: (usize, bool), link: u8) -> Result<(), RejectCode> {
        self.check_own(who, link)?;
        self.0.remove(&link);
        Ok(())
    }

    /// Whether one lets its holder in, and only to ask.
    pub fn way_in(
        &self,
        by: usize,
        pass: Pass,
        barred: &BTreeSet<usize>,
        now_ms: u64,
    ) -> Result<bool, RejectCode> {
        let link = self.0.get(&pass.link).filter(|_| pass.of == by);
        let link = link.ok_or(RejectCode::NoSuchChat)?;
        if link.made.is_over(link.used, now_ms) || barred.contains(&link.by) {
            return Err(RejectCode::InviteOver);
        }
        Ok(link.made.asks)
    }

    /// Somebody has come in by one.
    pub fn used(&mut self, pass: Pass) {
        if let Some(link) = self.0.get_mut(&pass.link) {
            link.used += 1;
        }
    }
}
