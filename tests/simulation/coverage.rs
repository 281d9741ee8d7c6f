//! Which event met which state, over all seeds: what was never met is not proven. Must never pass
//! a full run over in which fewer pairs were met than were once.

use std::collections::{BTreeMap, BTreeSet};

use packetboat_proto::seen::Counts;

/// Seeds from which what was once met must be met.
const SEEDS_FOR_ALL: u64 = 3_000;
/// What a run of so many seeds has met often: machine, state, event.
const ONCE_MET: &str = include_str!("met.txt");
/// How often that is.
const OFTEN: u64 = 50;
/// The machines.
const MACHINES: [&str; 2] = ["client", "server"];

/// How often each event met each state.
#[derive(Default)]
pub struct Coverage {
    counts: Counts,
}

impl Coverage {
    /// Adds what one thread met.
    pub fn add(&mut self, counts: Counts) {
        for (pair, count) in counts {
            *self.counts.entry(pair).or_default() += count;
        }
    }

    /// Prints it; whether everything was met that once was.
    pub fn judge(&self, seeds: u64) -> bool {
        for machine in MACHINES {
            self.print(machine);
        }
        if seeds < SEEDS_FOR_ALL {
            return true;
        }
        let pairs = self.counts.keys().map(|(machine, state, event)| name(machine, state, event));
        let met: BTreeSet<String> = pairs.collect();
        let lost: Vec<&str> = ONCE_MET.lines().filter(|pair| !met.contains(*pair)).collect();
        for pair in &lost {
            println!("not met any more: {pair}");
        }
        lost.is_empty()
    }

    /// What was met often, for `met.txt`.
    pub fn often(&self) -> String {
        let often = self.counts.iter().filter(|(_, count)| **count >= OFTEN);
        often.map(|((machine, state, event), _)| name(machine, state, event) + "\n").collect()
    }

    /// Prints a machine's table.
    fn print(&self, machine: &str) {
        let of_machine = self.counts.iter().filter(|((of, ..), _)| *of == machine);
        let met: BTreeMap<(&str, &str), u64> =
            of_machine.map(|((_, state, event), count)| ((*event, *state), *count)).collect();
        let states: BTreeSet<&str> = met.keys().map(|(_, state)| *state).collect();
        let events: BTreeSet<&str> = met.keys().map(|(event, _)| *event).collect();
        let pairs = states.len() * events.len();
        println!("\n{machine}: {} of {pairs} pairs of event and state met", met.len());
        print!("{:16}", "");
        for state in &states {
            print!("{state:>12}");
        }
        println!();
        for event in events {
            print!("{event:16}");
            for state in &states {
                match met.get(&(event, state)) {
                    Some(count) => print!("{count:>12}"),
                    None => print!("{:>12}", "-"),
                }
            }
            println!();
        }
    }
}

fn name(machine: &str, state: &str, event: &str) -> String {
    format!("{machine}, {state}: {event}")
}
