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

    /// Whether one of two users blocks the other.
    pub(super) fn are_apart(&self, user: &UserId, other: &UserId) -> bool {
        let blocks = |user, other| self.0.get(user).is_some_and(|all| all.contains(other));
        blocks(user, other) || blocks(other, user)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_are_apart_while_one_of_them_blocks_the_other() {
        let [ann, bob, eve] = ["ann", "bob", "eve"].map(|name| UserId::new(name).unwrap());
        let mut blocks = Blocks::default();
        blocks.set_all(&ann, vec![bob.clone(), eve.clone()]);
        assert!(blocks.are_apart(&ann, &bob) && blocks.are_apart(&bob, &ann));
        assert!(!blocks.are_apart(&bob, &eve));
        blocks.set(&ann, &bob, false);
        assert!(!blocks.are_apart(&ann, &bob) && blocks.are_apart(&eve, &ann));
        blocks.set(&ann, &eve, false);
        blocks.set(&bob, &ann, true);
        blocks.forget(&bob);
        assert!(blocks.0.is_empty(), "nothing is left of who blocks nobody or is gone");
    }
}
