//! The codes that end a connection or answer a send or a request (SPEC.md section 8), each with
//! who is at fault and whether to try again. A number is never reused.

/// Who is at fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Fault {
    /// The other side of the connection.
    Peer,
    /// The server.
    Server,
    /// Neither: a rule of the operator.
    Policy,
}

/// Whether to try again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Retry {
    /// Not without a change.
    Never,
    /// At once.
    AtOnce,
    /// After the named time, with jitter.
    Later,
}

/// Declares an enum of codes with its numbers, faults and retries in one table.
macro_rules! codes {
    ($(#[$doc:meta])* $name:ident {
        $($(#[$what:meta])* $code:ident = $number:literal, $fault:ident, $retry:ident;)*
    }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum $name {
            $($(#[$what])* $code,)*
        }

        impl $name {
            /// Every code, in order of number.
            pub const ALL: &'static [Self] = &[$(Self::$code,)*];

            /// The number on the wire.
            pub const fn number(self) -> u32 {
                match self { $(Self::$code => $number,)* }
            }

            /// The code of that number.
            pub const fn from_number(number: u32) -> Option<Self> {
                match number { $($number => Some(Self::$code),)* _ => None }
            }

            /// Who is at fault.
            pub const fn fault(self) -> Fault {
                match self { $(Self::$code => Fault::$fault,)* }
            }

            /// Whether to try again.
            pub const fn retry(self) -> Retry {
                match self { $(Self::$code => Retry::$retry,)* }
            }

            /// The name as SPEC.md has it.
            pub fn name(self) -> String {
                let camel = match self { $(Self::$code => stringify!($code),)* };
                screaming(camel)
            }
        }
    };
}

/// `BadFrame` as `BAD_FRAME`.
fn screaming(camel: &str) -> String {
    let mut name = String::with_capacity(camel.len() + 4);
    for (at, letter) in camel.char_indices() {
        if at > 0 && letter.is_ascii_uppercase() {
            name.push('_');
        }
        name.push(letter.to_ascii_uppercase());
    }
    name
}

codes! {
    /// Why a connection ends.
    CloseCode {
        /// It did not open with the preface of a known version.
        BadPreface = 1, Peer, Never;
        /// A frame's flags are not zero.
        BadFrame = 2, Peer, Never;
        /// A frame's checksum is wrong.
        BadChecksum = 3, Peer, AtOnce;
        /// A frame's body is over the limit in force.
        FrameTooLarge = 4, Peer, Never;
        /// A frame's kind is unknown, and below 0x80.
        UnknownKind = 5, Peer, Never;
        /// A frame's body is not what its kind says, or a field is out of its bounds.
        BadBody = 6, Peer, Never;
        /// The packet may not come in this state, or from this side.
        WrongState = 7, Peer, Never;
        /// The limits asked for are below what this server needs.
        LimitsTooLow = 8, Peer, Never;
        /// The credential is not accepted.
        BadCredential = 16, Policy, Never;
        /// The resume ticket is not accepted (any more): come back with the full credential.
        BadTicket = 17, Policy, AtOnce;
        /// The kind of credential is not one that this server takes.
        WrongCredentialKind = 18, Policy, Never;
        /// The user has as many devices as may be, and this one is new.
        TooManyDevices = 19, Policy, Never;
        /// Another device of the user is connected, and the server lets it stay.
        AnotherDevice = 20, Policy, Never;
        /// No session was opened in time.
        HandshakeTimeout = 32, Peer, Later;
        /// Nothing was heard for one and a half heartbeat intervals.
        HeartbeatTimeout = 33, Peer, AtOnce;
        /// A delivery was not acknowledged after the last try.
        AckTimeout = 34, Peer, Later;
        /// Too much was asked in too short a time.
        RateLimited = 35, Policy, Later;
        /// A newer session of the same device took its place.
        Replaced = 36, Policy, Never;
        /// The device was logged out, by its user or by one of the user's devices.
        LoggedOut = 37, Policy, Never;
        /// Another device of the user has connected, and the server lets it alone stay.
        Displaced = 38, Policy, Never;
        /// The server stops, and will be back.
        ShuttingDown = 48, Server, Later;
        /// The server has as many connections as it may have.
        ServerFull = 49, Server, Later;
        /// Something failed in the server.
        Internal = 50, Server, Later;
        /// The client is done.
        Done = 64, Peer, Never;
    }
}

codes! {
    /// Why a send or a request is refused.
    RejectCode {
        /// A field is out of its bounds.
        Invalid = 1, Peer, Never;
        /// The content has no body.
        Empty = 2, Peer, Never;
        /// The content is over the limit.
        TooLarge = 3, Peer, Never;
        /// The same message id was accepted with other content.
        Conflict = 4, Peer, Never;
        /// There is no such chat, or it is not the user's.
        NoSuchChat = 5, Peer, Never;
        /// There is no such user.
        UnknownUser = 6, Peer, Never;
        /// The user has not the right.
        NotAllowed = 7, Policy, Never;
        /// The group is there already.
        AlreadyExists = 8, Peer, Never;
        /// The kind of content, chat or operation is not one that this server knows.
        Unsupported = 9, Peer, Never;
        /// A bound of the operator's or the protocol's is reached, such as a group's members.
        LimitReached = 10, Policy, Never;
        /// A user to add is a member already, or one to remove is none.
        MemberMismatch = 11, Peer, Never;
        /// The owner leaves others behind without naming a new owner among them.
        OwnerNeeded = 12, Peer, Never;
        /// The user is mute in the group, or all but its admins are.
        Muted = 13, Policy, Never;
        /// The invitation has run out, is used up, or lets one ask only.
        InviteOver = 14, Policy, Never;
        /// The time in which an entry may be edited or recalled is over.
        TooLate = 15, Policy, Never;
        /// The room is slow: its user wrote too short a time ago.
        SlowMode = 16, Policy, Later;
        /// One of the two has blocked the other.
        Blocked = 19, Policy, Never;
        /// The user's files would count for more than one's may.
        QuotaExceeded = 20, Policy, Never;
        /// The bytes of an upload are not those that were announced: it starts over.
        HashMismatch = 21, Peer, AtOnce;
        /// The device has no keys, or is none of the user's.
        NoKeys = 22, Peer, Never;
        /// The disk is nearly full: nothing new is stored until there is room.
        StoreFull = 32, Server, Later;
        /// Too much was asked in too short a time.
        RateLimited = 33, Policy, Later;
        /// The store could not answer.
        Unavailable = 34, Server, Later;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_found_again_by_its_number() {
        for code in CloseCode::ALL {
            assert_eq!(CloseCode::from_number(code.number()), Some(*code));
        }
        for code in RejectCode::ALL {
            assert_eq!(RejectCode::from_number(code.number()), Some(*code));
        }
        assert_eq!(CloseCode::from_number(0), None);
    }

    #[test]
    fn a_code_has_the_name_of_the_spec() {
        assert_eq!(CloseCode::BadPreface.name(), "BAD_PREFACE");
        assert_eq!(RejectCode::NoSuchChat.name(), "NO_SUCH_CHAT");
    }
}
