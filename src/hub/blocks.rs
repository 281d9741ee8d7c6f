//! Whom those who are connected block. Must never hold anything of a user who blocks nobody.

use ahash::{HashMap, HashSet};
use packetboat_proto::id::UserId;

/// Whom those who are connected block.
#[derive(Debug, Default)]
pub(super) struct Blocks(HashMap<UserId, HashSet<UserId>>);

impl Blocks {
    /// All whom a user blocks.
    pub(super) fn set_all(&mut self, user: &UserId, blocked: Vec<UserId>) {
        if blocked.is_empty() {
            self.forget(user);
        } else {
            self.0.insert(user.clone(), blocked.into_iter().collect());
        }
    }

    /// A user blocks another, or does so no more.
    pub(super) fn set(&mut self, user: &UserId, other: &UserId, blocked: bool) {
        if blocked {
            self.0.entry(user.clone()).or_default().insert(other.clone());
        } else if let Some(all) = self.0.get_mut(user) {
            all.remove(other);
            if all.is_empty() {
                self.0.remove(user);
            }
        }
    }

    /// A user is connected no more.
    pub(super) fn forget(&mut self, user: &UserId) {
        self.0.remove(user);
    }

    /// Whether a user who is connected blocks another.
    pub(super) fn has(&self, user: &UserId, other: &UserId) -> bool {
        self.0.get(user).is_some_and(|all| all.contains(other))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_takes_a_block_back_blocks_nobody() {
        let [ann, bob, eve] = ["ann", "bob", "eve"].map(|name| UserId::new(name).unwrap());
        let mut blocks = Blocks::default();
        blocks.set_all(&ann, vec![bob.clone(), eve.clone()]);
        assert!(blocks.has(&ann, &bob) && blocks.has(&ann, &eve));
        assert!(!blocks.has(&bob, &ann) && !blocks.has(&bob, &eve));
        blocks.set(&ann, &bob, false);
        assert!(!blocks.has(&ann, &bob) && blocks.has(&ann, &eve));
        blocks.set(&ann, &eve, false);
        blocks.set(&bob, &ann, true);
        blocks.forget(&bob);
        assert!(blocks.0.is_empty(), "nothing is left of who blocks nobody or is gone");
    }
}
