//! Errands about receipts. Must never ask for more of a large group than fits the screen well.

use packetboat_client::{ChatId, Client, ReceiptRule, ReceiptState, RequestError, SeqRange};

use crate::format::text::receipt::{reader, step};
use crate::view::Answer;

/// Members that are listed in each state.
const LISTED_MAX: u32 = 50;

/// How many have read a message, and who.
pub(super) async fn readers(
    client: &Client,
    chat: &ChatId,
    seq: u64,
) -> Result<Answer, RequestError> {
    let counts = client.receipts(chat, SeqRange::new(seq, seq).into_iter().collect()).await?;
    let mut lines: Vec<String> =
        counts.steps.iter().map(|counted| step(counted, counts.hidden)).collect();
    for state in [ReceiptState::Read, ReceiptState::Delivered, ReceiptState::Waiting] {
        let page = client.readers(chat, seq, state, None, LISTED_MAX).await?;
        lines.extend(page.users.iter().map(|user| reader(user, state)));
        if page.next.is_some() {
            lines.push("… and more".to_owned());
        }
    }
    Ok(Answer::Sheet { title: format!("Who has message {seq} of {chat}"), lines })
}

/// How many have had and read the messages from one on.
pub(super) async fn from(
    client: &Client,
    chat: &ChatId,
    first: u64,
) -> Result<Answer, RequestError> {
    let ranges = SeqRange::new(first, u64::MAX).into_iter().collect();
    let counts = client.receipts(chat, ranges).await?;
    let mut lines: Vec<String> =
        counts.steps.iter().map(|counted| step(counted, counts.hidden)).collect();
    lines.extend(counts.more.then(|| "… and more".to_owned()));
    Ok(Answer::Sheet { title: format!("Who has what from #{first} on in {chat}"), lines })
}

/// The same of some messages, for the ticks behind them. Where it is not told, nobody has asked.
pub(super) async fn counts(client: &Client, chat: ChatId, ranges: Vec<SeqRange>) -> Answer {
    let counts = client.receipts(&chat, ranges).await;
    Answer::Receipts { chat, steps: counts.ok().map(|counts| counts.steps) }
}

/// Tells others what is read, or hides it.
pub(super) async fn tell_reads(client: &Client, rule: ReceiptRule) -> Result<Answer, RequestError> {
    client.set_receipts(rule).await?;
    Ok(Answer::ReadsTold(rule))
}
