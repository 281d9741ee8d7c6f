//! A check of one or more clauses, and how checks are chosen and run. Must never let one run
//! longer than its bound, nor one that fails stop the others.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use futures_util::StreamExt;

use crate::outcome::{Checked, Stop};

/// What a check does: it lives as long as the bed that it is run on.
pub type Running<'a> = Pin<Box<dyn Future<Output = Checked> + 'a>>;

/// How much a clause binds (RFC 2119).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// Who does not keep it does not conform.
    Must,
    /// There may be reasons not to: it is told, and fails nothing unless that is asked for.
    Should,
}

/// One check, run on a bed `B`.
pub struct Check<B: 'static> {
    /// Its chapter and name, such as `frames.length_first`.
    pub name: &'static str,
    /// The clauses that it checks.
    pub ids: &'static [&'static str],
    /// How much they bind.
    pub level: Level,
    /// What it checks, in a sentence.
    pub says: &'static str,
    /// Carries it out.
    pub run: for<'a> fn(&'a B) -> Running<'a>,
}

impl<B> Clone for Check<B> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<B> Copy for Check<B> {}

impl<B> Check<B> {
    /// Whether one of those words names it: a clause, a chapter, or the check itself.
    pub fn is_named(&self, words: &[String]) -> bool {
        let chapter = self.name.split('.').next().unwrap_or_default();
        words
            .iter()
            .any(|word| self.ids.contains(&word.as_str()) || word == chapter || word == self.name)
    }
}

/// Declares the checks of a chapter: level, name of the function, clauses, sentence.
macro_rules! checks {
    ($chapter:literal, $bed:ty;
     $($level:ident $name:ident [$($id:literal),+] $says:literal;)*) => {
        pub(super) const CHECKS: &[$crate::check::Check<$bed>] = &[$(
            $crate::check::Check {
                name: concat!($chapter, ".", stringify!($name)),
                ids: &[$($id),+],
                level: $crate::check::Level::$level,
                says: $says,
                run: |bed| Box::pin($name(bed)),
            },
        )*];
    };
}
pub(crate) use checks;

/// What became of a check.
#[derive(Clone, Debug)]
pub struct Finding {
    /// Its name.
    pub name: &'static str,
    /// The clauses that it checks.
    pub ids: &'static [&'static str],
    /// How much they bind.
    pub level: Level,
    /// What it checks, in a sentence.
    pub says: &'static str,
    /// Nothing, or why it was not through.
    pub result: Checked,
}

impl Finding {
    /// The peer does not conform.
    pub fn fails(&self, strict: bool) -> bool {
        let counts = strict || self.level == Level::Must;
        counts && matches!(self.result, Err(Stop::Fail { .. }))
    }
}

/// Runs checks, up to `jobs` at a time and none longer than `longest`, and tells what became of
/// each, in their order.
pub async fn run<B>(
    checks: &[Check<B>],
    bed: &B,
    jobs: usize,
    longest: Duration,
    mut tell: impl FnMut(&Finding),
) -> Vec<Finding> {
    let running = futures_util::stream::iter(checks).map(|check| run_one(check, bed, longest));
    let mut running = std::pin::pin!(running.buffered(jobs.max(1)));
    let mut findings = Vec::with_capacity(checks.len());
    while let Some(finding) = running.next().await {
        tell(&finding);
        findings.push(finding);
    }
    findings
}

async fn run_one<B>(check: &Check<B>, bed: &B, longest: Duration) -> Finding {
    let result = match tokio::time::timeout(longest, (check.run)(bed)).await {
        Ok(result) => result,
        Err(_) => Err(Stop::Fail {
            expected: format!("an end within {longest:?}"),
            got: "the peer still keeps the check waiting".to_owned(),
        }),
    };
    let Check { name, ids, level, says, .. } = *check;
    Finding { name, ids, level, says, result }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outcome::{fail, skip};

    async fn holds(_: &u8) -> Checked {
        Ok(())
    }

    async fn breaks(_: &u8) -> Checked {
        fail("1", "2")
    }

    async fn hangs(_: &u8) -> Checked {
        std::future::pending().await
    }

    async fn waits(_: &u8) -> Checked {
        skip("no time")
    }

    mod chapter {
        use super::{breaks, hangs, holds, waits};

        crate::check::checks! {
            "chapter", u8;
            Must holds ["A-1", "A-2"] "it holds";
            Should breaks ["A-3"] "it breaks";
            Must hangs ["A-4"] "it hangs";
            Must waits ["A-5"] "it waits";
        }
    }

    #[tokio::test]
    async fn each_is_told_in_its_order_and_none_hangs() {
        let mut told = Vec::new();
        let longest = Duration::from_millis(10);
        let found = run(chapter::CHECKS, &0, 3, longest, |finding| told.push(finding.name)).await;
        assert_eq!(told, ["chapter.holds", "chapter.breaks", "chapter.hangs", "chapter.waits"]);
        let fails: Vec<bool> = found.iter().map(|finding| finding.fails(false)).collect();
        assert_eq!(fails, [false, false, true, false]);
        assert!(found[1].fails(true), "asked for, a SHOULD counts");
    }

    #[test]
    fn a_check_is_named_by_clause_chapter_or_name() {
        let named = |word: &str| {
            let words = [word.to_owned()];
            chapter::CHECKS.iter().filter(|check| check.is_named(&words)).count()
        };
        assert_eq!((named("A-2"), named("chapter"), named("chapter.hangs")), (1, 4, 1));
        assert_eq!((named("A"), named("hangs")), (0, 0));
    }
}
