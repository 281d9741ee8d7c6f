//! The table of members, for people. Must never cut who is meant.

use packetboat_client::{Member, Role};

use super::table::{USER_COLUMNS, row};
use crate::clock::Clock;

/// The head of the table.
pub(crate) fn head() -> String {
    let rest = format!("{:<7} {:>9} {:>8}  {}", "ROLE", "DELIVERED", "READ", "MUTE UNTIL");
    row("USER", USER_COLUMNS, &rest)
}

/// A line of the table.
pub(crate) fn member(clock: &Clock, member: &Member) -> String {
    let role = match member.role {
        Some(Role::Owner) => "owner",
        Some(Role::Admin) => "admin",
        Some(Role::Member) => "member",
        None => "-",
    };
    let mute = match member.muted_until_ms {
        0 => String::new(),
        until => clock.to_the_minute(until),
    };
    let rest = format!("{role:<7} {:>9} {:>8}  {mute}", member.delivered, member.read);
    row(member.user.as_str(), USER_COLUMNS, &rest)
}

#[cfg(test)]
mod tests {
    use super::super::table::fits;
    use super::*;

    #[test]
    fn a_member_is_a_row_that_fits() {
        let (delivered, read, muted_until_ms) = (u64::from(u32::MAX), 1, 1_795_251_907_000);
        let user = "u".repeat(64).parse().unwrap();
        let one = Member { user, role: Some(Role::Admin), delivered, read, muted_until_ms };
        let table = format!("{}\n{}", head(), member(&Clock::utc(), &one));
        fits(&table);
        assert!(table.contains(one.user.as_str()), "{table}");
        assert!(table.contains("admin") && table.ends_with("2026-11-21 09:05"), "{table}");
    }
}
