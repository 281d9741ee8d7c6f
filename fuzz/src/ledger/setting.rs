//! What users set for themselves, done and compared on both sides. Must never compare less than all
//! that a user has set.

use packetboat::store::PageLimit;
use packetboat::store::act::Act;
use packetboat::store::proof::View;
use packetboat_proto::code::RejectCode;
use packetboat_proto::packet::{ChatDraft, Item, SetMarks};
use packetboat_proto::seqs::SeqRange;

use super::contact;
use super::model::{CHATS, Told, World, pair};
use super::names::{chat, number, user};
use super::own::{OwnState, Setting};
use super::part::Part;
use super::standing::Refused;
use crate::choices::Choices;

/// Everything at once.
const WIDE: PageLimit = PageLimit { items: usize::MAX, bytes: usize::MAX };

impl World {
    /// Somebody sets something for itself.
    pub(super) fn set_own(
        &mut self,
        (by, to): (usize, usize),
        setting: Setting,
        full: bool,
        told: &mut Vec<Told>,
    ) -> Refused<u64> {
        if full {
            return Err(RejectCode::StoreFull);
        }
        let part = self.rooms[to].parts.get(&by);
        if part.is_none() && !pair(to).is_some_and(|pair| pair.contains(&by)) {
            return Err(RejectCode::NoSuchChat);
        }
        let last = part.map_or(0, Part::last);
        let (revision, new) = self.own[by].set(to, setting, last)?;
        told.extend(new.then_some(Told::Own(by, revision)));
        Ok(revision)
    }
}

/// Something to set.
pub(super) fn setting(choices: &mut Choices<'_>) -> Setting {
    match choices.byte() % 4 {
        0 => Setting::Pin(choices.one_of(&[0, 1, 2])),
        1 => Setting::Draft(choices.one_of(&[0, 1, 3_072])),
        _ => {
            let first = choices.below(9) as u64 + 1;
            Setting::Hide(first, first + choices.below(3) as u64)
        }
    }
}

/// The same as the store is asked for it.
pub(super) fn act(to: usize, setting: Setting) -> Act {
    let chat = chat(to);
    match setting {
        Setting::Pin(place) => {
            Act::SetMarks(SetMarks { pinned: Some(place), ..SetMarks::of(chat) })
        }
        Setting::Draft(letters) => {
            Act::SetDraft(ChatDraft { chat, text: "x".repeat(letters), reply_to: 0 })
        }
        Setting::Hide(first, last) => {
            Act::Hide { chat, ranges: SeqRange::new(first, last).into_iter().collect() }
        }
    }
}

/// All that a user has set, against the model, also page by page.
pub(super) fn compare(view: &View, by: usize, own: &OwnState) {
    let page = view.own_changes(&user(by), 0, WIDE).expect("what was written can be read");
    assert_eq!((page.revision, page.floor, page.more), (own.revision, 0, false));
    let mut found = OwnState { revision: page.revision, ..OwnState::default() };
    let mut before = 0;
    for item in &page.items {
        assert!(item.revision > before, "items come in order of revision");
        before = item.revision;
        let item_of = item.item.as_ref().expect("every item is known");
        let Some(chat) = item_of.chat() else {
            contact::find(&mut found, item.revision, item_of);
            continue;
        };
        let to = number(&CHATS, chat.as_str());
        match item_of {
            Item::Marks { marks, .. } => {
                found.pins.insert(to, (item.revision, marks.pinned));
            }
            Item::Draft(draft) => {
                found.drafts.insert(to, (item.revision, draft.text.len()));
            }
            Item::Contact(_) | Item::Block(_) => unreachable!("they are of no chat"),
            Item::Hidden { seqs, .. } => {
                let all = seqs.ranges().iter().flat_map(|range| range.first()..=range.last());
                found.hidden.insert(to, (item.revision, all.collect()));
            }
        }
    }
    assert_eq!(format!("{found:?}"), format!("{own:?}"), "what {} has set", user(by));
    let half = own.revision / 2;
    let rest = view.own_changes(&user(by), half, PageLimit { items: 2, ..WIDE });
    let expected: Vec<_> = page.items.into_iter().filter(|item| item.revision > half).collect();
    let rest = rest.expect("what was written can be read");
    assert_eq!(rest.items[..], expected[..expected.len().min(2)], "what has changed since {half}");
    assert_eq!(rest.more, expected.len() > 2);
}
