//! What a message says of itself, and the text that carries it: the stamp in hex, then letters
//! that differ from message to message and do not compress. Must never know a protocol.

/// Bytes of a stamp in a text: channel and number, then the time, in hex.
pub const STAMP_BYTES: usize = 32;
/// Channels that there may be.
pub const CHANNELS_MAX: u32 = 1 << CHANNEL_BITS;
const CHANNEL_BITS: u32 = 24;
const NUMBER_BITS: u32 = 38;
/// Texts begin at one of so many places in the letters.
const PLACES: usize = 1 << 14;
/// Spreads numbers over the places, and over the bits of a message id.
const SPREAD: u64 = 0x2545_f491_4f6c_dd1d;
/// Two message ids that far apart, or farther, are in the order of their times.
pub const ID_STEP_NANOS: u64 = 250;
/// Its inverse by multiplication.
const GATHER: u64 = inverse(SPREAD);
/// What a message id has for its name.
const NAME_MASK: u64 = (1 << (CHANNEL_BITS + NUMBER_BITS)) - 1;

/// Which message: who writes, and how many it had written before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Name {
    /// The stream of messages of one writer, below [`CHANNELS_MAX`].
    pub channel: u32,
    /// Its place in that.
    pub number: u64,
}

/// What a message says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    /// Which one it is.
    pub name: Name,
    /// When it was sent, or should have been, by the generator's clock.
    pub at: u64,
}

impl Name {
    const fn bits(self) -> u64 {
        ((self.channel as u64) << NUMBER_BITS) | self.number
    }

    const fn of_bits(bits: u64) -> Self {
        let channel = ((bits >> NUMBER_BITS) & (CHANNELS_MAX as u64 - 1)) as u32;
        Self { channel, number: bits & ((1 << NUMBER_BITS) - 1) }
    }

    /// A message id in the manner of a UUIDv7: time first, then bits that look random and give
    /// the name back.
    pub fn id(self, unix_nanos: u64) -> [u8; 16] {
        let (ms, rest) = (unix_nanos / 1_000_000, unix_nanos % 1_000_000);
        let fraction = (rest << 12) / 1_000_000;
        let high = (ms << 16) | 0x7000 | fraction;
        let low = (self.bits().wrapping_mul(SPREAD) & NAME_MASK) | (0b10 << 62);
        (u128::from(high) << 64 | u128::from(low)).to_be_bytes()
    }

    /// The name in a message id, which may be anybody's.
    pub fn of_id(id: &[u8]) -> Option<Self> {
        let id = u128::from_be_bytes(id.try_into().ok()?);
        #[expect(clippy::cast_possible_truncation, reason = "the lower half is meant")]
        let low = id as u64;
        (low >> 62 == 0b10).then(|| Self::of_bits((low & NAME_MASK).wrapping_mul(GATHER)))
    }
}

/// The inverse of an odd number modulo 2^64, and so modulo every lower power (Newton).
const fn inverse(odd: u64) -> u64 {
    let (mut found, mut step) = (odd, 0);
    while step < 6 {
        found = found.wrapping_mul(2_u64.wrapping_sub(odd.wrapping_mul(found)));
        step += 1;
    }
    found
}

impl Stamp {
    fn put(self, out: &mut [u8]) {
        put_hex(self.name.bits(), &mut out[..16]);
        put_hex(self.at, &mut out[16..STAMP_BYTES]);
    }

    fn read(text: &[u8]) -> Option<Self> {
        let name = Name::of_bits(read_hex(&text[..16])?);
        Some(Self { name, at: read_hex(&text[16..STAMP_BYTES])? })
    }
}

/// Writes a number in 16 lower-case digits, or its lowest so many.
pub fn put_hex(number: u64, out: &mut [u8]) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut rest = number;
    for place in out.iter_mut().rev() {
        *place = DIGITS[(rest & 15) as usize];
        rest >>= 4;
    }
}

/// Reads up to 16 such digits.
pub fn read_hex(digits: &[u8]) -> Option<u64> {
    digits.iter().try_fold(0_u64, |number, digit| {
        let value = match digit {
            b'0'..=b'9' => digit - b'0',
            b'a'..=b'f' => digit - b'a' + 10,
            _ => return None,
        };
        Some((number << 4) | u64::from(value))
    })
}

/// The texts of a run, all of the same length.
#[derive(Clone, Debug)]
pub struct Letter {
    letters: Vec<u8>,
    text: Vec<u8>,
}

impl Letter {
    /// Texts of so many bytes, at least those of the stamp.
    pub fn new(bytes: usize) -> Self {
        const ALPHABET: &[u8; 64] =
            b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        let mut state = SPREAD;
        let letters = (0..PLACES + bytes).map(|_| {
            // xorshift64
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            ALPHABET[(state >> 58) as usize]
        });
        Self { letters: letters.collect(), text: vec![0; bytes.max(STAMP_BYTES)] }
    }

    /// The text of a message.
    pub fn write(&mut self, stamp: Stamp) -> &[u8] {
        let (head, rest) = self.text.split_at_mut(STAMP_BYTES);
        stamp.put(head);
        let start = place(stamp.name);
        rest.copy_from_slice(&self.letters[start..start + rest.len()]);
        &self.text
    }

    /// The stamp of a text, if every other byte is as it was written.
    pub fn read(&self, text: &[u8]) -> Option<Stamp> {
        if text.len() != self.text.len() {
            return None;
        }
        let (head, rest) = text.split_at(STAMP_BYTES);
        let stamp = Stamp::read(head)?;
        let start = place(stamp.name);
        (rest == &self.letters[start..start + rest.len()]).then_some(stamp)
    }

    /// Bytes of a text.
    pub fn bytes(&self) -> usize {
        self.text.len()
    }
}

fn place(name: Name) -> usize {
    let spread = name.bits().wrapping_mul(SPREAD) >> 40;
    usize::try_from(spread).expect("24 bits fit") % PLACES
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn names() -> impl Strategy<Value = Name> {
        (0..CHANNELS_MAX, 0_u64..1 << NUMBER_BITS)
            .prop_map(|(channel, number)| Name { channel, number })
    }

    #[test]
    fn a_text_has_the_bytes_asked_for_and_at_least_those_of_its_stamp() {
        let stamp = Stamp { name: Name { channel: 1, number: 2 }, at: 3 };
        for (asked, is) in [(200, 200), (32, 32), (1, 32)] {
            assert_eq!(Letter::new(asked).write(stamp).len(), is);
        }
    }

    #[test]
    fn a_changed_text_has_no_stamp() {
        let stamp = Stamp { name: Name { channel: 1, number: 2 }, at: 3 };
        let mut letter = Letter::new(100);
        let text = letter.write(stamp).to_vec();
        assert_eq!(letter.read(&text), Some(stamp));
        for at in 0..text.len() {
            let mut changed = text.clone();
            changed[at] = b'!';
            assert_eq!(letter.read(&changed), None, "byte {at}");
        }
        assert_eq!(letter.read(&text[..99]), None);
    }

    #[test]
    fn message_ids_are_of_version_7_and_in_the_order_of_time() {
        let name = Name { channel: 7, number: 9 };
        let ids = (0..50_000).map(|step| name.id(1_700_000_000_000_000_000 + step * ID_STEP_NANOS));
        let ids: Vec<_> = ids.collect();
        assert!(ids.is_sorted_by(|one, next| one < next));
        assert!(ids.iter().all(|id| id[6] >> 4 == 7 && id[8] >> 6 == 0b10));
        assert_eq!(ids[0][..6], 1_700_000_000_000_u64.to_be_bytes()[2..]);
        assert_eq!(Name::of_id(&[0; 16]), None);
        assert_eq!(Name::of_id(&[]), None);
    }

    proptest! {
        #[test]
        fn a_stamp_and_a_name_come_back_as_they_were(name in names(), at in any::<u64>()) {
            let (stamp, mut letter) = (Stamp { name, at }, Letter::new(64));
            let text = letter.write(stamp).to_vec();
            prop_assert_eq!(letter.read(&text), Some(stamp));
            prop_assert_eq!(Name::of_id(&name.id(at)), Some(name));
        }
    }
}
