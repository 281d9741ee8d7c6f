//! What an operator asks, in words that a running server takes over its socket: about accounts,
//! which the command line carries out itself where no server runs, and about the server. Must
//! never carry a password: hashes are made by who asks.

#[cfg(unix)]
pub mod socket;

use std::sync::Arc;

use packetboat_proto::id::UserId;
use serde::{Deserialize, Serialize};

use crate::auth::password::check_hash;
use crate::store::{Accounts, StoreError};

/// Users in one answer.
pub const USERS_PER_ANSWER_MAX: usize = 500;

/// What a server counts, and what it has now: names and numbers.
pub type Stats = Vec<(String, u64)>;
/// Gives a running server's numbers.
pub type TakeStats = Arc<dyn Fn() -> Stats + Send + Sync>;

/// What is asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "op", rename_all = "snake_case", deny_unknown_fields)]
pub enum Question {
    /// Make an account (`new`), or give one another password.
    SetAccount {
        /// Whose.
        user: String,
        /// The Argon2id hash in PHC form.
        hash: String,
        /// There must be none yet, or else one.
        new: bool,
    },
    /// Remove an account.
    RemoveAccount {
        /// Whose.
        user: String,
    },
    /// Name users with an account.
    Accounts {
        /// Those after this one.
        after: Option<String>,
    },
    /// Tell the numbers of the running server.
    Stats,
}

/// What is answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "answer", rename_all = "snake_case")]
pub enum Reply {
    /// It is done, and durable.
    Done,
    /// These, in order.
    Users {
        /// The users.
        users: Vec<String>,
        /// There may be more after the last.
        more: bool,
    },
    /// The numbers.
    Stats {
        /// Those of the server, in its order.
        stats: Stats,
    },
    /// It is not done.
    Refused {
        /// A sentence for a person.
        reason: String,
    },
}

/// Carries a question out. `stats` is there if a server runs.
pub async fn reply_to<A: Accounts>(
    question: Question,
    accounts: &A,
    stats: Option<&TakeStats>,
) -> Reply {
    let done = carry_out(question, accounts, stats).await;
    done.unwrap_or_else(|reason| Reply::Refused { reason })
}

async fn carry_out<A: Accounts>(
    question: Question,
    accounts: &A,
    stats: Option<&TakeStats>,
) -> Result<Reply, String> {
    let user_id = |text: &str| UserId::new(text).map_err(|error| error.to_string());
    let unless = |error: StoreError| error.to_string();
    match question {
        Question::SetAccount { user, hash, new } => {
            let user = user_id(&user)?;
            check_hash(&hash).map_err(|error| error.to_string())?;
            accounts.set_account(user.clone(), hash, new).await.map_err(unless)?;
            tracing::info!(%user, new, "an account has a new password");
            Ok(Reply::Done)
        }
        Question::RemoveAccount { user } => {
            let user = user_id(&user)?;
            accounts.remove_account(user.clone()).await.map_err(unless)?;
            tracing::info!(%user, "an account was removed");
            Ok(Reply::Done)
        }
        Question::Accounts { after } => {
            let after = after.as_deref().map(user_id).transpose()?;
            let users = accounts.accounts(after, USERS_PER_ANSWER_MAX).await.map_err(unless)?;
            let more = users.len() == USERS_PER_ANSWER_MAX;
            Ok(Reply::Users { users: users.iter().map(ToString::to_string).collect(), more })
        }
        Question::Stats => {
            let stats = stats.ok_or("no server runs, and nothing is counted")?;
            Ok(Reply::Stats { stats: stats() })
        }
    }
}
