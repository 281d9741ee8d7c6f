//! Every bound of the wire protocol, by name (SPEC.md section 9). What an operator may set is
//! bounded here too. Must never hold a number that is not a limit, nor import anything.

/// The default port without TLS.
pub const PORT_PLAIN: u16 = 7582;
/// The default port with TLS.
pub const PORT_TLS: u16 = 7583;

/// Bytes of a frame's head: length, kind, flags, checksum.
pub const HEAD_BYTES: usize = 10;
/// Bytes of the preface.
pub const PREFACE_BYTES: usize = 8;

/// The largest body before the session is open, in bytes.
pub const HANDSHAKE_BODY_BYTES_MAX: u32 = 4 * 1024;
/// The largest body once the session is open, in bytes, unless the operator sets another.
pub const BODY_BYTES_DEFAULT: u32 = 64 * 1024;
/// The lowest value that an operator may set for the largest body, in bytes.
pub const BODY_BYTES_LOWEST: u32 = 16 * 1024;
/// The highest value that an operator may set for the largest body, in bytes.
pub const BODY_BYTES_HIGHEST: u32 = 256 * 1024;
/// What a body needs beside a content, in bytes: the rest of an `Entry`, a page's own fields.
pub const BODY_OVERHEAD_BYTES: u32 = 1024;

/// The highest kind that closes the connection when unknown; above it kinds are skipped.
pub const KIND_CRITICAL_HIGHEST: u8 = 0x7f;

/// Bytes of a user id.
pub const USER_ID_BYTES_MAX: usize = 64;
/// Bytes of a device id.
pub const DEVICE_ID_BYTES_MAX: usize = 64;
/// Bytes of a group's or room's own id, without its prefix.
pub const CHAT_NAME_BYTES_MAX: usize = 64;
/// Bytes of a chat id: `dm:` and two user ids with a colon between.
pub const CHAT_ID_BYTES_MAX: usize = 3 + USER_ID_BYTES_MAX + 1 + USER_ID_BYTES_MAX;
/// Bytes of a message id, neither more nor fewer.
pub const MESSAGE_ID_BYTES: usize = 16;
/// Bytes of a session id, neither more nor fewer.
pub const SESSION_ID_BYTES: usize = 16;

/// Bytes of the name of the client or server software.
pub const SOFTWARE_BYTES_MAX: usize = 64;
/// Bytes of what a user calls a device.
pub const DEVICE_NAME_BYTES_MAX: usize = 64;
/// Bytes of what a device runs on.
pub const PLATFORM_BYTES_MAX: usize = 32;
/// Bytes of the address that a device comes from.
pub const ADDRESS_BYTES_MAX: usize = 64;
/// Bytes of what a user calls another.
pub const CONTACT_NAME_BYTES_MAX: usize = 128;
/// Bytes of a password.
pub const PASSWORD_BYTES_MAX: usize = 256;
/// Bytes of a token.
pub const TOKEN_BYTES_MAX: usize = 3 * 1024;
/// Bytes of a resume ticket.
pub const TICKET_BYTES_MAX: usize = 512;
/// Bytes of a reason given with a code.
pub const REASON_BYTES_MAX: usize = 256;
/// Entries of each chat that a new device may ask to start with.
pub const START_LAST_MAX: u32 = 10_000;

/// Deliveries that may be unacknowledged, unless one side asks for fewer.
pub const WINDOW_DEFAULT: u32 = 256;
/// Deliveries that may be unacknowledged at most.
pub const WINDOW_HIGHEST: u32 = 1024;
/// Sends that may be unanswered, unless the operator sets another.
pub const SENDS_DEFAULT: u32 = 256;
/// Sends that may be unanswered at most.
pub const SENDS_HIGHEST: u32 = 1024;
/// Milliseconds between heartbeats, unless the operator sets another.
pub const HEARTBEAT_MS_DEFAULT: u32 = 30_000;
/// The lowest heartbeat interval, in milliseconds.
pub const HEARTBEAT_MS_LOWEST: u32 = 100;
/// The highest heartbeat interval, in milliseconds.
pub const HEARTBEAT_MS_HIGHEST: u32 = 600_000;

/// Bytes of a media type.
pub const MEDIA_TYPE_BYTES_MAX: usize = 128;
/// Bytes of a content that edits an entry.
pub const EDIT_BYTES_MAX: usize = 16_384;
/// Edits of one entry.
pub const EDITS_MAX: usize = 64;
/// Bytes of a reaction.
pub const REACTION_BYTES_MAX: usize = 64;
/// Users whom a message mentions.
pub const MENTIONS_MAX: usize = 50;
/// The shortest time after which a message may expire, in milliseconds.
pub const EXPIRES_MS_LOWEST: u64 = 1_000;
/// The longest: 366 days.
pub const EXPIRES_MS_HIGHEST: u64 = 31_622_400_000;
/// Messages that a user may have scheduled.
pub const SCHEDULED_MAX: usize = 100;
/// Bytes of a content that is scheduled.
pub const SCHEDULED_BYTES_MAX: usize = 16_384;
/// How far ahead a message may be scheduled, in milliseconds: 366 days.
pub const SCHEDULED_AHEAD_MS_MAX: u64 = 31_622_400_000;
/// Entries that are pinned in a chat.
pub const PINS_MAX: usize = 50;
/// Bytes of a group's name.
pub const GROUP_NAME_BYTES_MAX: usize = 128;
/// Bytes of a group's topic.
pub const GROUP_TOPIC_BYTES_MAX: usize = 512;
/// Bytes of a group's reference to its avatar.
pub const GROUP_AVATAR_BYTES_MAX: usize = 256;
/// Users that one entry may add to or remove from a group, and that a group may start with.
pub const MEMBERS_PER_CHANGE_MAX: usize = 100;
/// Bytes of an invitation's id.
pub const INVITE_ID_BYTES: usize = 8;
/// Bytes of an invitation's secret.
pub const INVITE_SECRET_BYTES: usize = 16;
/// Bytes of the proof that its secret is known.
pub const JOIN_PROOF_BYTES: usize = 32;
/// Invitations to a group that are good at a time.
pub const INVITES_MAX: usize = 100;
/// Members of a group.
pub const GROUP_MEMBERS_MAX: u32 = 100_000;
/// Entries that a room keeps, unless its owner sets another number.
pub const ROOM_KEEP_DEFAULT: u32 = 100;
/// Entries that a room may be set to keep.
pub const ROOM_KEEP_MAX: u32 = 1_000;
/// The longest time between two messages of a user that a room may be set to, in milliseconds.
pub const ROOM_SLOW_MS_MAX: u32 = 3_600_000;
/// Rooms that a session may be in.
pub const ROOMS_PER_SESSION_MAX: usize = 16;
/// Cursors in one `Ack`.
pub const ACK_CURSORS_MAX: usize = 256;
/// Bytes of a signal's data.
pub const SIGNAL_BYTES_MAX: usize = 256;

/// Entries, chats or members in one page.
pub const PAGE_ITEMS_MAX: u32 = 200;
/// Entries, chats or members in one page when the request names no limit.
pub const PAGE_ITEMS_DEFAULT: u32 = 50;
/// Users in one question for presence.
pub const PRESENCE_USERS_MAX: usize = 100;
/// Users that a session may watch.
pub const WATCHED_MAX: usize = 500;
/// Bytes of what a user says of itself.
pub const STATUS_BYTES_MAX: usize = 256;
/// Bytes of what a user has begun to write in a chat.
pub const DRAFT_BYTES_MAX: usize = 3 * 1024;
/// Ranges of entries of a chat that a user has hidden.
pub const HIDDEN_RANGES_MAX: usize = 256;
/// Ranges of entries in one page of what users have set for themselves.
pub const PAGE_RANGES_MAX: usize = 1_024;
/// Ranges of entries that one request hides.
pub const HIDE_RANGES_MAX: usize = 100;
/// Bytes of the last entry of a chat that may come along with its state.
pub const LAST_BYTES_MAX: u32 = 4 * 1024;
/// Bytes of the words that are searched for.
pub const SEARCH_WORDS_BYTES_MAX: usize = 256;
/// Requests that may be unanswered.
pub const REQUESTS_MAX: usize = 16;
/// Ranges of entries in one question for receipts.
pub const RECEIPT_RANGES_MAX: usize = 64;
/// Groups of which a session is told that receipts have moved.
pub const RECEIPTS_WATCHED_MAX: usize = 16;

/// Bytes of a device's identity key.
pub const KEY_IDENTITY_BYTES_MAX: usize = 256;
/// Bytes of the proof that one identity follows another.
pub const KEY_PROOF_BYTES_MAX: usize = 512;
/// Bytes of a device's signed prekey.
pub const PREKEY_BYTES_MAX: usize = 2_048;
/// Bytes of a one-time key.
pub const ONE_TIME_KEY_BYTES_MAX: usize = 2_048;
/// One-time keys in one request.
pub const ONE_TIME_KEYS_PER_PUBLISH_MAX: usize = 100;
/// One-time keys of a device that are not given yet.
pub const ONE_TIME_KEYS_MAX: u32 = 200;
/// Bytes of the id of a claim, neither more nor fewer.
pub const CLAIM_ID_BYTES: usize = 16;
/// Users of whose keys a session is told.
pub const KEYS_WATCHED_MAX: usize = 500;

/// Bytes of a file id, neither more nor fewer.
pub const FILE_ID_BYTES: usize = 16;
/// Bytes of the hash of a file, neither more nor fewer.
pub const FILE_HASH_BYTES: usize = 32;
/// Bytes of a file in one packet; `max_body` may leave room for fewer.
pub const FILE_CHUNK_BYTES_MAX: usize = 32 * 1024;
/// Bytes of a file's small picture; the largest body may leave room for fewer.
pub const FILE_THUMBNAIL_BYTES_MAX: usize = 16 * 1024;
/// Bytes of a file's name.
pub const FILE_NAME_BYTES_MAX: usize = 255;
/// Bytes of the words that go with a file.
pub const FILE_CAPTION_BYTES_MAX: usize = 4 * 1024;
/// Requests about files that may be unanswered.
pub const FILE_REQUESTS_MAX: usize = 4;

const _: () = assert!(HANDSHAKE_BODY_BYTES_MAX as usize >= TOKEN_BYTES_MAX + 512);
const _: () = assert!(BODY_BYTES_LOWEST > HANDSHAKE_BODY_BYTES_MAX + BODY_OVERHEAD_BYTES);
const _: () = assert!(BODY_BYTES_DEFAULT >= BODY_BYTES_LOWEST);
const _: () = assert!(BODY_BYTES_DEFAULT <= BODY_BYTES_HIGHEST);
const _: () = assert!(WINDOW_DEFAULT <= WINDOW_HIGHEST && SENDS_DEFAULT <= SENDS_HIGHEST);
const _: () = assert!(PAGE_ITEMS_DEFAULT <= PAGE_ITEMS_MAX);
const _: () = assert!(HIDDEN_RANGES_MAX <= PAGE_RANGES_MAX);
const _: () = assert!(1 <= ROOM_KEEP_DEFAULT && ROOM_KEEP_DEFAULT <= ROOM_KEEP_MAX);
