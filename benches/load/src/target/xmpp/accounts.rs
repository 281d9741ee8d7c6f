//! Accounts, many at a time over one connection, by in-band registration (XEP-0077): a server of
//! XMPP keeps messages only for users who have one. Must never be done while anything is measured.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use bytes::{BufMut, BytesMut};

use super::scan::{Element, Piece, piece};
use super::{PASSWORD, put_stream, unexpected};
use crate::error::LoadError;
use crate::wire::WireError;

/// Registrations that are unanswered at one time.
const AT_ONCE: u32 = 200;
/// Room for one read.
const READ_BYTES: usize = 64 * 1024;
/// How long an answer may take.
const ANSWER_MAX: Duration = Duration::from_secs(30);

/// Registers the users from 0 to below `count`; one that is registered stays so.
pub fn register(address: SocketAddr, count: u32) -> Result<(), LoadError> {
    let failed = |source| LoadError::Broken { address, source };
    let mut stream = TcpStream::connect(address).map_err(failed)?;
    stream.set_nodelay(true).map_err(failed)?;
    stream.set_read_timeout(Some(ANSWER_MAX)).map_err(failed)?;
    let (mut out, mut inbox, mut scratch) = (BytesMut::new(), Vec::new(), vec![0; READ_BYTES]);
    put_stream(&mut out);
    let (mut asked, mut answered, mut is_open) = (0, 0, false);
    while answered < count {
        while is_open && asked < count && asked - answered < AT_ONCE {
            put(asked, &mut out);
            asked += 1;
        }
        stream.write_all(&out).map_err(failed)?;
        out.clear();
        let came = stream.read(&mut scratch).map_err(failed)?;
        if came == 0 {
            return Err(LoadError::Gone);
        }
        inbox.extend_from_slice(&scratch[..came]);
        let mut taken = 0;
        while let Some((piece, length)) =
            piece(&inbox[taken..]).map_err(|error| WireError(error.to_string()))?
        {
            taken += length;
            match piece {
                Piece::Whole(element) if element.name == b"stream:features" => is_open = true,
                Piece::Whole(element) if is_answer(&element) => answered += 1,
                Piece::Whole(element) => return Err(unexpected("at registration", &element).into()),
                Piece::Open | Piece::Close => {}
            }
        }
        inbox.drain(..taken);
    }
    Ok(())
}

fn put(user: u32, out: &mut BytesMut) {
    let account = format!("<username>u{user}</username><password>{PASSWORD}</password>");
    let query = format!("<query xmlns='jabber:iq:register'>{account}</query>");
    out.put_slice(format!("<iq type='set' id='{user}'>{query}</iq>").as_bytes());
}

/// Done, or done before.
fn is_answer(element: &Element<'_>) -> bool {
    let is = |kind: &[u8]| element.attribute("type") == Some(kind);
    let is_known = || element.child("error").and_then(|error| error.child("conflict")).is_some();
    element.name == b"iq" && (is(b"result") || is(b"error") && is_known())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(bytes: &[u8]) -> bool {
        let Ok(Some((Piece::Whole(element), _))) = piece(bytes) else { panic!("it is whole") };
        is_answer(&element)
    }

    #[test]
    fn an_account_that_is_there_already_is_as_good_as_a_new_one() {
        assert!(judged(b"<iq type='result' id='7'/>"));
        assert!(judged(b"<iq type='error' id='7'><error><conflict xmlns='x'/></error></iq>"));
        assert!(!judged(b"<iq type='error' id='7'><error><not-allowed/></error></iq>"));
        assert!(!judged(b"<failure/>"));
    }
}
