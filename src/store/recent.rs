//! A bounded map that forgets what was not asked for lately. Two generations: when the young one
//! is full, it becomes the old one, and the old one goes. Must never be the only place of anything.

use std::borrow::Borrow;
use std::hash::Hash;

use ahash::HashMap;

/// Keeps at least the last `kept` keys that were used, and at most twice as many.
#[derive(Debug)]
pub(crate) struct Recent<K, V> {
    young: HashMap<K, V>,
    old: HashMap<K, V>,
    kept: usize,
}

impl<K: Hash + Eq + Clone, V: Clone> Recent<K, V> {
    pub(crate) fn keeping(kept: usize) -> Self {
        Self { young: HashMap::default(), old: HashMap::default(), kept: kept.max(1) }
    }

    pub(crate) fn get<Q: Hash + Eq + ?Sized>(&mut self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
    {
        if let Some(value) = self.young.get(key) {
            return Some(value.clone());
        }
        let (key, value) = self.old.remove_entry(key)?;
        self.insert(key, value.clone());
        Some(value)
    }

    pub(crate) fn set<Q: Hash + Eq + ToOwned<Owned = K> + ?Sized>(&mut self, key: &Q, value: V)
    where
        K: Borrow<Q>,
    {
        if let Some(known) = self.young.get_mut(key) {
            *known = value;
            return;
        }
        self.old.remove(key);
        self.insert(key.to_owned(), value);
    }

    fn insert(&mut self, key: K, value: V) {
        if self.young.len() >= self.kept {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(key, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_stays_bounded_and_keeps_what_is_used() {
        let mut recent = Recent::keeping(4);
        recent.set(&0, 100);
        for key in 1..1_000 {
            recent.set(&key, key);
            assert_eq!(recent.get(&0), Some(100));
            assert!(recent.young.len() + recent.old.len() <= 8);
        }
        assert_eq!(recent.get(&999), Some(999));
        assert_eq!(recent.get(&1), None);
    }

    #[test]
    fn a_newer_value_is_never_hidden_by_an_older_one() {
        let mut recent = Recent::keeping(2);
        for round in 0..50 {
            for key in 0..5 {
                recent.set(&key, round);
                assert_eq!(recent.get(&key), Some(round));
            }
        }
    }
}
