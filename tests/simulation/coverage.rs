//! Which event met which state, over all seeds: what was never met is not proven. Must never pass
//! a full run over in which fewer pairs were met than were once.

use std::collections::{BTreeMap, BTreeSet};

use packetboat_proto::seen::Counts;

/// Seeds from which the floors hold.
const SEEDS_FOR_FLOORS: u64 = 3_000;
/// Pairs of a machine that a full run has met before: fewer are a proof that was lost.
const FLOORS: [(&str, usize); 2] = [("client", 30), ("server", 55)];

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

    /// Prints it; whether the floors hold.
    pub fn judge(&self, seeds: u64) -> bool {
        let mut good = true;
        for (machine, floor) in FLOORS {
            let met = self.print(machine);
            if seeds >= SEEDS_FOR_FLOORS && met < floor {
                println!("{machine}: {met} pairs were met, and it were {floor} once");
                good = false;
            }
        }
        good
    }

    /// Prints a machine's table; how many pairs were met.
    fn print(&self, machine: &str) -> usize {
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
        met.len()
    }
}
