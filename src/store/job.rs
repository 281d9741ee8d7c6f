//! A command on its way through the ledger, with the one who waits for its answer. A large one
//! takes several batches. Must never answer by itself: its answer is released once it is durable.

use packetboat_proto::id::{ChatId, DeviceId, UserId};
use tokio::sync::oneshot;

use super::act::{Act, Acted};
use super::agenda::DUE_PER_STEP;
use super::ledger::{
    ACT_OPERATIONS_MAX, CLAIM_OPERATIONS_MAX, ClaimStep, DEVICE_OPERATIONS_MAX, DUE_OPERATIONS_MAX,
    DeviceCommand, FILE_OPERATIONS_MAX, FileCommand, FileOutcome, Halt, MOVE_OPERATIONS_MAX, Turn,
    draft_operations_max,
};
use super::read_error::ReadError;
use super::{Author, Claim, Claimed, CursorMove, Draft, Outcome, Refusal, Visibility};

/// What a command may cost beside what it carries, in bytes: its bookkeeping in the queue. So
/// the queue's bound in bytes bounds the number of commands too.
pub(crate) const COMMAND_BYTES: usize = 4 * 1024;
/// What a draft or a move costs beside its content.
const ITEM_BYTES: usize = 256;
/// Operations of the commands that write a row, or those of a user and a device.
const ROW_OPERATIONS: usize = 2;

/// A command that is not at its end.
#[derive(Debug)]
pub(crate) enum Job {
    Append {
        author: Author,
        drafts: Vec<Draft>,
        outcomes: Vec<Outcome>,
        answer: oneshot::Sender<Vec<Outcome>>,
    },
    Advance {
        user: UserId,
        device: DeviceId,
        moves: Vec<CursorMove>,
        done: usize,
        answer: oneshot::Sender<()>,
    },
    Claim {
        claim: Box<Claim>,
        after: Option<ChatId>,
        answer: oneshot::Sender<Result<Claimed, Refusal>>,
    },
    Act {
        user: UserId,
        act: Act,
        answer: oneshot::Sender<Result<Acted, Refusal>>,
    },
    Release {
        user: UserId,
        device: DeviceId,
        answer: oneshot::Sender<()>,
    },
    SetAccount {
        user: UserId,
        hash: String,
        new: bool,
        answer: oneshot::Sender<Result<(), Refusal>>,
    },
    SetProfile {
        user: UserId,
        status: String,
        visible_to: Visibility,
        answer: oneshot::Sender<Result<(), Refusal>>,
    },
    RemoveAccount {
        user: UserId,
        answer: oneshot::Sender<Result<(), Refusal>>,
    },
    File {
        command: FileCommand,
        answer: oneshot::Sender<FileOutcome>,
    },
    Device {
        command: DeviceCommand,
        answer: oneshot::Sender<bool>,
    },
    DoDue {
        /// By the clock of who asks: time in the logs does not go back, and this may.
        now_ms: u64,
        done: usize,
        answer: oneshot::Sender<usize>,
    },
}

/// An answer that waits for its batch. Who asked may have gone: then it is dropped.
#[derive(Debug)]
pub(crate) enum Answer {
    Outcomes(oneshot::Sender<Vec<Outcome>>, Vec<Outcome>),
    Done(oneshot::Sender<()>),
    Claimed(oneshot::Sender<Result<Claimed, Refusal>>, Result<Claimed, Refusal>),
    Acted(oneshot::Sender<Result<Acted, Refusal>>, Result<Acted, Refusal>),
    Account(oneshot::Sender<Result<(), Refusal>>, Result<(), Refusal>),
    File(oneshot::Sender<FileOutcome>, Box<FileOutcome>),
    Device(oneshot::Sender<bool>, bool),
    Counted(oneshot::Sender<usize>, usize),
}

/// How far a job came in one turn.
#[derive(Debug)]
pub(crate) enum Ran {
    /// To its end.
    Done(Answer),
    /// The batch is full: it goes on with the next one.
    Unfinished(Job),
    /// It is not at its end, and there is room for its next step.
    More(Job),
}

impl Job {
    /// What it counts for in the queue.
    pub(crate) fn bytes(&self) -> usize {
        COMMAND_BYTES
            + match self {
                Self::Append { drafts, .. } => {
                    drafts.iter().map(|draft| draft.content.len() + ITEM_BYTES).sum()
                }
                Self::Advance { moves, .. } => moves.len() * ITEM_BYTES,
                Self::Act { act: Act::PublishKeys { keys, .. }, .. } => {
                    let one_time = keys.one_time.iter();
                    let one_time: usize = one_time.map(|one| one.key.len() + ITEM_BYTES).sum();
                    one_time + keys.identity.len() + keys.proof.len() + keys.prekey.len()
                }
                Self::Act { act: Act::Schedule { draft, .. }, .. } => {
                    draft.content.len() + ITEM_BYTES
                }
                Self::File { command: FileCommand::Begin { begin, .. }, .. } => {
                    begin.thumbnail.len() + ITEM_BYTES
                }
                _ => 0,
            }
    }

    /// Goes on until its end, or until the next step might not fit into the batch; of what may
    /// take long, one step.
    pub(crate) fn run(self, turn: &mut Turn<'_>) -> Result<Ran, ReadError> {
        match self {
            Self::Append { author, drafts, outcomes, answer } => {
                append(turn, author, drafts, outcomes, answer)
            }
            Self::Advance { user, device, moves, mut done, answer } => {
                while let Some(to) = moves.get(done) {
                    if turn.room() < MOVE_OPERATIONS_MAX {
                        let rest = Self::Advance { user, device, moves, done, answer };
                        return Ok(Ran::Unfinished(rest));
                    }
                    turn.advance(&user, &device, to)?;
                    done += 1;
                }
                Ok(Ran::Done(Answer::Done(answer)))
            }
            Self::Claim { claim, after, answer } => run_claim(turn, claim, after, answer),
            Self::Act { user, act, answer } => run_act(turn, user, act, answer),
            Self::File { command, answer } if turn.room() < FILE_OPERATIONS_MAX => {
                Ok(Ran::Unfinished(Self::File { command, answer }))
            }
            Self::File { command, answer } => {
                let outcome = turn.file(&command)?;
                Ok(Ran::Done(Answer::File(answer, Box::new(outcome))))
            }
            Self::Device { command, answer } if turn.room() < DEVICE_OPERATIONS_MAX => {
                Ok(Ran::Unfinished(Self::Device { command, answer }))
            }
            Self::Device { command, answer } => {
                let changed = turn.device(&command)?;
                Ok(Ran::Done(Answer::Device(answer, changed)))
            }
            Self::DoDue { now_ms, done, answer } => do_due(turn, now_ms, done, answer),
            one_row if turn.room() < ROW_OPERATIONS => Ok(Ran::Unfinished(one_row)),
            Self::Release { user, device, answer } => {
                turn.release(&user, &device)?;
                Ok(Ran::Done(Answer::Done(answer)))
            }
            Self::SetAccount { user, hash, new, answer } => {
                let verdict = turn.set_account(&user, &hash, new)?;
                Ok(Ran::Done(Answer::Account(answer, verdict)))
            }
            Self::SetProfile { user, status, visible_to, answer } => {
                let verdict = turn.set_profile(&user, &status, visible_to)?;
                Ok(Ran::Done(Answer::Account(answer, verdict)))
            }
            Self::RemoveAccount { user, answer } => {
                let verdict = turn.remove_account(&user)?;
                Ok(Ran::Done(Answer::Account(answer, verdict)))
            }
        }
    }
}

fn append(
    turn: &mut Turn<'_>,
    author: Author,
    drafts: Vec<Draft>,
    mut outcomes: Vec<Outcome>,
    answer: oneshot::Sender<Vec<Outcome>>,
) -> Result<Ran, ReadError> {
    while let Some(draft) = drafts.get(outcomes.len()) {
        let before = turn.room();
        let needed = draft_operations_max(draft);
        if before < needed {
            return Ok(Ran::Unfinished(Job::Append { author, drafts, outcomes, answer }));
        }
        outcomes.push(turn.append(&author, draft)?);
        debug_assert!(before <= turn.room() + needed, "a draft needs what was said of it");
    }
    Ok(Ran::Done(Answer::Outcomes(answer, outcomes)))
}

/// One step: how long a claim takes as a whole has no bound.
fn run_claim(
    turn: &mut Turn<'_>,
    claim: Box<Claim>,
    after: Option<ChatId>,
    answer: oneshot::Sender<Result<Claimed, Refusal>>,
) -> Result<Ran, ReadError> {
    // A session that has gone meanwhile needs no seat. One that comes to its end all the same
    // does no harm; one that stops half-way is like one that a crash cut short.
    if answer.is_closed() {
        let unheard = Claimed { new_device: false, has_chats: true, number: 0 };
        return Ok(Ran::Done(Answer::Claimed(answer, Ok(unheard))));
    }
    if turn.room() < CLAIM_OPERATIONS_MAX {
        return Ok(Ran::Unfinished(Job::Claim { claim, after, answer }));
    }
    Ok(match turn.claim(&claim, after.as_ref())? {
        ClaimStep::After(chat) => Ran::More(Job::Claim { claim, after: Some(chat), answer }),
        ClaimStep::Done(claimed) => Ran::Done(Answer::Claimed(answer, Ok(claimed))),
        ClaimStep::Refused(refusal) => Ran::Done(Answer::Claimed(answer, Err(refusal))),
    })
}

/// One thing that is due: how many there are has no bound.
fn do_due(
    turn: &mut Turn<'_>,
    now_ms: u64,
    done: usize,
    answer: oneshot::Sender<usize>,
) -> Result<Ran, ReadError> {
    if done == DUE_PER_STEP {
        return Ok(Ran::Done(Answer::Counted(answer, done)));
    }
    if turn.room() < DUE_OPERATIONS_MAX {
        return Ok(Ran::Unfinished(Job::DoDue { now_ms, done, answer }));
    }
    Ok(if turn.do_next_due(now_ms)? {
        Ran::More(Job::DoDue { now_ms, done: done + 1, answer })
    } else {
        Ran::Done(Answer::Counted(answer, done))
    })
}

fn run_act(
    turn: &mut Turn<'_>,
    user: UserId,
    act: Act,
    answer: oneshot::Sender<Result<Acted, Refusal>>,
) -> Result<Ran, ReadError> {
    if turn.room() < ACT_OPERATIONS_MAX {
        return Ok(Ran::Unfinished(Job::Act { user, act, answer }));
    }
    match turn.act(&user, &act) {
        Ok(Some(acted)) => Ok(Ran::Done(Answer::Acted(answer, Ok(acted)))),
        Ok(None) => Ok(Ran::More(Job::Act { user, act, answer })),
        Err(Halt::Refused(refusal)) => Ok(Ran::Done(Answer::Acted(answer, Err(refusal)))),
        Err(Halt::Read(error)) => Err(error),
    }
}

impl Answer {
    /// Tells the one who asked.
    pub(crate) fn release(self) {
        match self {
            Self::Outcomes(answer, outcomes) => drop(answer.send(outcomes)),
            Self::Done(answer) => drop(answer.send(())),
            Self::Claimed(answer, claimed) => drop(answer.send(claimed)),
            Self::Acted(answer, acted) => drop(answer.send(acted)),
            Self::Account(answer, verdict) => drop(answer.send(verdict)),
            Self::File(answer, outcome) => drop(answer.send(*outcome)),
            Self::Device(answer, changed) => drop(answer.send(changed)),
            Self::Counted(answer, count) => drop(answer.send(count)),
        }
    }
}
