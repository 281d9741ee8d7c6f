//! What is answered to a search. Must never answer anything itself: whether there is an index, and
//! what is in it, is another's affair.

use packetboat_proto::code::RejectCode;
use packetboat_proto::id::UserId;
use packetboat_proto::packet::{Search, SearchPage};

use super::page_limit;
use crate::session::house::House;
use crate::store::{Refusal, Store, StoreError};

pub(super) async fn find<S: Store>(
    house: &House<S>,
    user: UserId,
    asked: Search,
) -> Result<SearchPage, StoreError> {
    let unsupported = |reason| Err(Refusal::new(RejectCode::Unsupported, reason).into());
    let Some(search) = &house.search else { return unsupported("there is no search here") };
    if asked.chat.as_ref().is_some_and(packetboat_proto::id::ChatId::is_room) {
        return unsupported("a room is not searched");
    }
    let limit = page_limit(house, asked.limit);
    search.find(user, asked, limit).await
}
