//! Answers what is asked about files. Must never answer without the store's check of the user's
//! rights.

use packetboat_proto::code::RejectCode;
use packetboat_proto::id::UserId;
use packetboat_proto::packet::{Answer, Operation};

use crate::session::house::House;
use crate::store::{Refusal, Store, StoreError};

/// The answer to an operation of `user`.
pub(super) async fn find<S: Store>(
    house: &House<S>,
    user: UserId,
    operation: Operation,
) -> Result<Answer, StoreError> {
    let unsupported = |reason: &str| {
        let refusal = Refusal::new(RejectCode::Unsupported, reason);
        StoreError::Refused(refusal)
    };
    let Some(files) = &house.files else {
        return Err(unsupported("this server takes no files"));
    };
    let book = &house.store;
    Ok(match operation {
        Operation::FileBegin(begin) => Answer::FileBegin(files.begin(book, user, begin).await?),
        Operation::FilePut(put) => Answer::FilePut(files.put(book, user, put).await?),
        Operation::FileGet(get) => Answer::FileGet(files.get(book, user, get).await?),
        Operation::FileState { file, chat } => {
            Answer::FileState(files.state(book, user, file, chat).await?)
        }
        Operation::Files { after, limit } => {
            Answer::Files(files.list(book, user, after, limit as usize).await?)
        }
        _ => return Err(unsupported("this is no operation on files")),
    })
}
