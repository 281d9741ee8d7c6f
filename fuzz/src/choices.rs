//! Bytes as a row of choices: what a fuzzer gives, a body turns into numbers, texts and turns.
//! Must never run dry with an error: at the end every choice is the first one.

use packetboat_proto::id::{ChatId, DeviceId, MessageId, UserId};

/// Choices that are still to be made.
#[derive(Clone, Copy, Debug)]
pub struct Choices<'a> {
    rest: &'a [u8],
}

/// Numbers near which mistakes live.
const EDGES: [u64; 12] = [
    0,
    1,
    127,
    128,
    255,
    256,
    4_095,
    65_535,
    u32::MAX as u64,
    i64::MAX as u64,
    u64::MAX - 1,
    u64::MAX,
];

impl<'a> Choices<'a> {
    /// All of them are still to be made.
    pub const fn new(data: &'a [u8]) -> Self {
        Self { rest: data }
    }

    /// Whether all are made.
    pub const fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// What is left, as it is.
    pub const fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// One byte; 0 at the end.
    pub fn byte(&mut self) -> u8 {
        let Some((first, rest)) = self.rest.split_first() else { return 0 };
        self.rest = rest;
        *first
    }

    /// Yes or no; no at the end.
    pub fn flag(&mut self) -> bool {
        self.byte() & 1 == 1
    }

    /// Yes about once in so many times, and never at the end.
    pub fn once_in(&mut self, times: u8) -> bool {
        let last = times - 1;
        self.byte() % times == last
    }

    /// A number below `end`, which is not 0.
    pub fn below(&mut self, end: usize) -> usize {
        let number = if end <= 256 {
            usize::from(self.byte())
        } else {
            usize::from(self.byte()) << 8 | usize::from(self.byte())
        };
        number % end
    }

    /// One of some.
    pub fn one_of<T: Copy>(&mut self, some: &[T]) -> T {
        some[self.below(some.len())]
    }

    /// Any number, the small and the extreme ones more often.
    pub fn number(&mut self) -> u64 {
        match self.byte() {
            small @ 0..128 => small.into(),
            edge @ 128..192 => EDGES[usize::from(edge) % EDGES.len()],
            _ => {
                let bytes = self.bytes(8);
                bytes.iter().fold(0, |sum, byte| sum << 8 | u64::from(*byte))
            }
        }
    }

    /// The same, as far as it fits 32 bits.
    pub fn number_32(&mut self) -> u32 {
        u32::try_from(self.number() & u64::from(u32::MAX)).expect("it is masked")
    }

    /// Up to so many of the bytes.
    pub fn bytes(&mut self, max: usize) -> &'a [u8] {
        let (taken, rest) = self.rest.split_at(self.rest.len().min(max));
        self.rest = rest;
        taken
    }

    /// Some bytes, and how many is a choice too: at most `max`.
    pub fn some_bytes(&mut self, max: usize) -> &'a [u8] {
        let count = self.below(max + 1);
        self.bytes(count)
    }

    /// A text of at most `max` bytes; what is no UTF-8 is left out.
    pub fn text(&mut self, max: usize) -> String {
        let mut text = String::from_utf8_lossy(self.some_bytes(max)).into_owned();
        text.truncate(text.floor_char_boundary(max));
        text
    }

    /// A name of 1 to `max` bytes in the alphabet of ids.
    pub fn name(&mut self, max: usize) -> String {
        const LETTERS: &[u8; 16] = b"abcxyzABCZ0189._";
        let count = 1 + self.below(max);
        let letter = |byte: &u8| char::from(LETTERS[usize::from(*byte) % LETTERS.len()]);
        let name: String = self.bytes(count).iter().map(letter).collect();
        if name.is_empty() { "a".to_owned() } else { name }
    }

    /// A user.
    pub fn user(&mut self) -> UserId {
        UserId::new(&self.name(64)).expect("a name is an id")
    }

    /// A device.
    pub fn device(&mut self) -> DeviceId {
        DeviceId::new(&self.name(64)).expect("a name is an id")
    }

    /// A chat of any kind.
    pub fn chat(&mut self) -> ChatId {
        match self.byte() % 3 {
            0 => ChatId::direct(&self.user(), &self.user()),
            1 => ChatId::group(&self.name(64)).expect("a name is an id"),
            _ => ChatId::new(&format!("room:{}", self.name(64))).expect("a name is an id"),
        }
    }

    /// A message id.
    pub fn message_id(&mut self) -> MessageId {
        MessageId::from(self.sixteen())
    }

    /// Sixteen bytes, with zeros at the end of the choices.
    pub fn sixteen(&mut self) -> [u8; 16] {
        let mut sixteen = [0; 16];
        let taken = self.bytes(16);
        sixteen[..taken.len()].copy_from_slice(taken);
        sixteen
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn at_the_end_every_choice_is_the_first_one() {
        let mut none = Choices::new(&[]);
        assert_eq!((none.byte(), none.below(9), none.number(), none.flag()), (0, 0, 0, false));
        assert_eq!((none.user().as_str(), none.text(9).as_str()), ("a", ""));
        assert_eq!(none.chat().as_str(), "dm:a:a");
        assert!(!none.once_in(2) && none.is_empty());
    }

    #[test]
    fn whatever_is_chosen_is_within_its_bounds() {
        let data: Vec<u8> = (0..=u8::MAX).rev().cycle().take(5_000).collect();
        let mut choices = Choices::new(&data);
        while !choices.is_empty() {
            assert!(choices.below(300) < 300);
            assert!(choices.text(7).len() <= 7 && choices.some_bytes(5).len() <= 5);
            assert!((1..=64).contains(&choices.name(64).len()));
            choices.chat();
        }
    }
}
