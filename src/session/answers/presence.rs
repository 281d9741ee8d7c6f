//! What is asked of presence as it changes. Must never read what is kept of a user before the
//! session watches it: what changes in between would not be told.

use packetboat_proto::code::RejectCode;
use packetboat_proto::id::{SessionId, UserId};
use packetboat_proto::limits::WATCHED_MAX;
use packetboat_proto::packet::{self, Answer};

use crate::hub::watches::TooManyWatched;
use crate::session::house::House;
use crate::store::{Profile, Refusal, Relation, Store, StoreError};

/// A session watches users from now on, and others no more; how the former are now.
pub(super) async fn watch<S: Store>(
    house: &House<S>,
    user: &UserId,
    session: SessionId,
    add: Vec<UserId>,
    remove: &[UserId],
) -> Result<Answer, StoreError> {
    house.hub.watch(user, session, &add, remove).map_err(|TooManyWatched| {
        let reason = format!("a session watches at most {WATCHED_MAX} users");
        Refusal::new(RejectCode::LimitReached, reason)
    })?;
    let kept = kept(&house.store, user, add.clone()).await?;
    Ok(Answer::Watch(house.hub.first_presences((user, session), &add, &kept)))
}

/// What is kept of users' presence, and how they stand to who asks.
pub(super) async fn kept(
    store: &impl Store,
    viewer: &UserId,
    users: Vec<UserId>,
) -> Result<Vec<(Profile, Relation)>, StoreError> {
    let relations = store.relations(viewer.clone(), users.clone()).await?;
    let profiles = store.profiles(users).await?;
    Ok(profiles.into_iter().zip(relations).collect())
}

/// A user says other things of itself.
pub(super) async fn set_profile<S: Store>(
    house: &House<S>,
    user: UserId,
    profile: packet::Profile,
) -> Result<Answer, StoreError> {
    let Some(visible_to) = profile.visible_to else {
        let reason = "a profile says to whom it is shown";
        return Err(Refusal::new(RejectCode::Invalid, reason).into());
    };
    house.store.set_profile(user, profile.status, visible_to).await?;
    Ok(Answer::SetProfile)
}
