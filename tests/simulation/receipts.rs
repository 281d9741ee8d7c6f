//! What is asked of receipts while things go wrong. Must never count what others have read: the
//! store's contracts do.

use packetboat_client::{Client, ReceiptRule, ReceiptState, SeqRange};
use packetboat_proto::id::ChatId;

/// All that is asked of receipts; half of the time they are hidden then.
pub async fn ask(client: &Client, chat: &ChatId) {
    let ranges = vec![SeqRange::new(1, u64::MAX).expect("it is one")];
    let Ok(counts) = client.receipts(chat, ranges).await else { return };
    for step in &counts.steps {
        assert!(step.first <= step.last && step.delivered.max(step.read) <= step.members);
        let (chat, state) = (chat.clone(), ReceiptState::Read);
        drop(client.readers(&chat, step.last, state, None, 0).await);
    }
    let rule = if counts.hidden { ReceiptRule::Told } else { ReceiptRule::Hidden };
    drop(client.set_receipts(rule).await);
}
