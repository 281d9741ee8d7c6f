//! A target whose connections hand a message over twice, now and then. Must never be measured.

use std::path::Path;
use std::time::Duration;

use bytes::BytesMut;
use packetboat_load::error::LoadError;
use packetboat_load::process::Server;
use packetboat_load::stamp::Name;
use packetboat_load::target::{Nature, Target};
use packetboat_load::wire::{Event, Login, Sink, To, Wire, WireError};

/// Each so many deliveries one comes twice.
const PITCH: u32 = 7;

/// Another target, but for that.
pub(crate) struct Doubling(pub(crate) Box<dyn Target>);

impl Target for Doubling {
    fn name(&self) -> &'static str {
        "doubling"
    }

    fn nature(&self) -> Nature {
        self.0.nature()
    }

    fn start(&self, folder: &Path) -> Result<Server, LoadError> {
        self.0.start(folder)
    }

    fn wire(&self, salt: u64, login: Login) -> Box<dyn Wire> {
        Box::new(DoublingWire { inner: self.0.wire(salt, login), delivered: 0 })
    }
}

struct DoublingWire {
    inner: Box<dyn Wire>,
    delivered: u32,
}

impl Wire for DoublingWire {
    fn greet(&mut self, out: &mut BytesMut) {
        self.inner.greet(out);
    }

    fn read(
        &mut self,
        bytes: &[u8],
        out: &mut BytesMut,
        sink: &mut Sink<'_>,
    ) -> Result<usize, WireError> {
        let delivered = &mut self.delivered;
        self.inner.read(bytes, out, &mut |event| {
            if let Event::Delivered { name, seq, text } = event {
                *delivered += 1;
                if (*delivered).is_multiple_of(PITCH) {
                    sink(Event::Delivered { name, seq, text });
                }
            }
            sink(event);
        })
    }

    fn send(&mut self, to: To, name: Name, unix_nanos: u64, text: &[u8], out: &mut BytesMut) {
        self.inner.send(to, name, unix_nanos, text, out);
    }

    fn tick(&mut self, out: &mut BytesMut) {
        self.inner.tick(out);
    }

    fn beat(&mut self, out: &mut BytesMut) {
        self.inner.beat(out);
    }

    fn beat_every(&self) -> Option<Duration> {
        self.inner.beat_every()
    }

    fn window_max(&self) -> u32 {
        self.inner.window_max()
    }

    fn gather(&mut self, group: u32, members: &[u32], out: &mut BytesMut) -> u32 {
        self.inner.gather(group, members, out)
    }

    fn join(&mut self, group: u32, out: &mut BytesMut) -> u32 {
        self.inner.join(group, out)
    }

    fn join_to_send(&mut self, group: u32, out: &mut BytesMut) -> u32 {
        self.inner.join_to_send(group, out)
    }

    fn leave(&mut self, out: &mut BytesMut) {
        self.inner.leave(out);
    }

    fn again(&mut self) {
        self.inner.again();
    }
}
