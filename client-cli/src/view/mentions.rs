//! Whom a text calls: its words that begin with `@`. Must never call somebody whom no such word
//! names.

use packetboat_client::proto::limits::MENTIONS_MAX;
use packetboat_client::{ChatId, Context, UserId};

/// What calls everybody in a group.
const ALL: &str = "@all";

/// A context with those whom a text calls in a chat: as many as one text may.
pub(crate) fn calling(chat: &ChatId, text: &str, context: Context) -> Context {
    let mut context = context;
    for word in text.split_whitespace() {
        let word = word.trim_end_matches(|last: char| ",.;:!?)".contains(last));
        let Some(name) = word.strip_prefix('@') else { continue };
        if word == ALL && chat.as_str().starts_with("group:") {
            context.mentions_all = true;
            continue;
        }
        let Ok(user) = UserId::new(name) else { continue };
        if context.mentions.len() < MENTIONS_MAX && !context.mentions.contains(&user) {
            context.mentions.push(user);
        }
    }
    context
}

#[cfg(test)]
mod tests {
    use super::*;

    fn called(chat: &str, text: &str) -> (Vec<String>, bool) {
        let context = calling(&chat.parse().unwrap(), text, Context::default());
        (context.mentions.iter().map(ToString::to_string).collect(), context.mentions_all)
    }

    #[test]
    fn words_that_begin_with_an_at_sign_call_users_each_once() {
        let (users, all) = called("group:crew", "@bob, hear @cyd! a@b @bob @ @all.");
        assert_eq!((users, all), (vec!["bob".to_owned(), "cyd".to_owned()], true));
        assert_eq!(called("dm:a:b", "mail me at b@c"), (Vec::new(), false));
        assert_eq!(called("dm:a:b", "@all"), (vec!["all".to_owned()], false), "it is no group");
    }

    #[test]
    fn no_more_are_called_than_may_be() {
        let words: Vec<String> = (0..99).map(|number| format!("@u{number}")).collect();
        assert_eq!(called("group:crew", &words.join(" ")).0.len(), MENTIONS_MAX);
    }
}
