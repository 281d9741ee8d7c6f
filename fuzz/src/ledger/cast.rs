//! Who and what there is: users, devices, chats, and what others are told of them. Must never know
//! what becomes of any.

/// Everybody, by number.
pub const NAMES: [&str; 5] = ["ann", "bob", "cid", "dan", "eve"];
/// Every chat, by number.
pub const CHATS: [&str; 8] = [
    "dm:ann:bob",
    "dm:bob:cid",
    "dm:dan:dan",
    "group:g",
    "group:g.h",
    "group:i",
    "room:r",
    "dm:ann:eve",
];
/// Every device, by number.
pub const DEVICES: [&str; 3] = ["desk", "phone", "watch"];

/// What others are told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Told {
    /// A session has its device; the user is in these groups.
    Claimed(Vec<usize>),
    /// Users came into a chat.
    Joined(usize, Vec<usize>),
    /// An entry is in a log.
    Stored(usize, u64),
    /// Users are out of a chat.
    Left(usize, Vec<usize>),
    /// A chat is over.
    Dissolved(usize),
    /// A user asks to come in.
    Asked(usize, usize),
    /// A user is not let in.
    NotLetIn(usize, usize),
    /// Cursors of a user moved: delivered and read, and what others are told of that.
    Moved(usize, u64, u64, Option<u64>),
    /// A user has set something for itself: the revision.
    Own(usize, u64),
    /// A user tells others what it reads, or hides it.
    Reads(usize, bool),
    /// A device's identity is another, or it has so few keys left.
    Keys(usize, usize, Option<u32>),
}
