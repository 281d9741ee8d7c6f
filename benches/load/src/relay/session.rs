//! One connection of the relay: bytes in, cut at the end of whole frames, and bytes out. Must
//! never look into a frame.

use std::cell::RefCell;
use std::io;
use std::sync::Arc;

use bytes::{Buf, BytesMut};
use tokio::io::Interest;
use tokio::net::TcpStream;

use super::frame::{Frames, whole};
use super::router::{Incoming, Inlet, Outlet};

/// Room for one read.
const READ_BYTES: usize = 128 * 1024;

thread_local! {
    /// One for all sessions of a thread, so that an idle one has none.
    static SCRATCH: RefCell<Vec<u8>> = RefCell::new(vec![0; READ_BYTES]);
}

/// Serves one connection until it ends.
pub(super) async fn run(stream: TcpStream, session: u32, inlet: Arc<Inlet>) {
    let outlet = Arc::new(Outlet::default());
    inlet.push(Incoming::Opened { session, outlet: Arc::clone(&outlet) });
    // Whatever ends a connection ends only that.
    drop(serve(&stream, session, &inlet, &outlet).await);
    inlet.push(Incoming::Closed { session });
}

async fn serve(stream: &TcpStream, session: u32, inlet: &Inlet, outlet: &Outlet) -> io::Result<()> {
    let (mut held, mut out) = (BytesMut::new(), BytesMut::new());
    loop {
        if out.is_empty() {
            out = outlet.take();
        }
        while !out.is_empty() {
            match stream.try_write(&out) {
                Ok(written) => out.advance(written),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) => return Err(error),
            }
        }
        let interest = if out.is_empty() {
            out = BytesMut::new();
            Interest::READABLE
        } else {
            Interest::READABLE | Interest::WRITABLE
        };
        let ready = tokio::select! {
            ready = stream.ready(interest) => ready?,
            () = outlet.filled(), if out.is_empty() => continue,
        };
        if ready.is_readable() && !read(stream, session, &mut held, inlet)? {
            return Ok(());
        }
    }
}

/// Reads once. Whether there may be more.
fn read(stream: &TcpStream, session: u32, held: &mut BytesMut, inlet: &Inlet) -> io::Result<bool> {
    SCRATCH.with_borrow_mut(|scratch| {
        let count = match stream.try_read(scratch) {
            Ok(0) => return Ok(false),
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(true),
            Err(error) => return Err(error),
        };
        held.extend_from_slice(&scratch[..count]);
        let end = whole(held).ok_or_else(|| io::Error::other("no frame"))?;
        if end > 0 {
            let mut bytes = held.split_to(end).freeze();
            if held.is_empty() {
                *held = BytesMut::new();
            }
            while let Some(frame) = Frames(&bytes).next().filter(|_| inlet.by_frame) {
                let frame = bytes.split_to(frame.whole.len());
                inlet.push(Incoming::Frames { session, bytes: frame });
            }
            if !bytes.is_empty() {
                inlet.push(Incoming::Frames { session, bytes });
            }
        }
        Ok(true)
    })
}
