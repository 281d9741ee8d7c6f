//! One work, once, on one target: start, do, end. Must never print.

use crate::error::LoadError;
use crate::figure::Outcome;
use crate::ground::Ground;
use crate::stop::Stop;
use crate::target::Target;
use crate::work::Work;

/// Does a work once on a server of its own.
pub fn once(target: &dyn Target, work: &Work, stop: &Stop) -> Result<Outcome, LoadError> {
    let mut ground = Ground::new(target, stop.clone())?;
    let outcome = work.run(&mut ground);
    let ended_well = ground.end();
    let mut outcome = outcome?;
    if !ended_well {
        outcome.faults.add(|| "the server did not end well when asked to".to_owned());
    }
    Ok(outcome)
}
