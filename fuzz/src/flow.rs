//! A server's flow on inputs of any kind in any order that its shell could give, with a small store
//! and hub beside it. After each input, what the flow does is looked at; at the end it must come to
//! rest with everything answered and everything sent. Must never give what no shell could.

pub mod scene;
pub mod shop;
pub mod watch;

use std::time::Duration;

use packetboat::session::deliveries::Retries;
use packetboat::session::port::Rules;
use packetboat::session::rate::Rate;

use self::scene::{CONTENT_BYTES_MAX, Scene};
use crate::choices::Choices;

/// Gives the inputs that the bytes say.
pub fn run(data: &[u8]) {
    let mut choices = Choices::new(data);
    let rules = rules(&mut choices);
    let mut scene = Scene::new(rules, &mut choices);
    if !choices.once_in(8) {
        scene.open(&mut choices);
    }
    while !choices.is_empty() && !scene.watch.is_over() {
        scene.step(&mut choices);
    }
    scene.rest();
    scene.stop(&mut choices);
}

fn rules(choices: &mut Choices<'_>) -> Rules {
    let none = Rate { per_second: 0, burst: 0 };
    let slow = Rate { per_second: 20, burst: 3 };
    Rules {
        max_body: 16_384,
        max_content: CONTENT_BYTES_MAX,
        window: choices.one_of(&[4, 1, 2, 8]),
        sends: choices.one_of(&[3, 1, 8]),
        heartbeat: Duration::from_millis(choices.one_of(&[10_000, 100, 1_000])),
        handshake: Duration::from_secs(5),
        retries: Retries {
            first: Duration::from_millis(choices.one_of(&[1_000, 10])),
            max: choices.one_of(&[2, 0, 5]),
        },
        read_bytes: 1_000,
        pings: Rate { per_second: 1, burst: 3 },
        send_rate: choices.one_of(&[none, slow]),
        requests: choices.one_of(&[none, slow]),
        transfers: Rate { per_second: 0, burst: 0 },
        signals: Rate { per_second: 1, burst: 2 },
        retry_after_ms: 2_000,
    }
}
