//! All connections of a run, on one thread: each turn writes what is to be written, waits, and
//! reads all that came, many messages for each call. Must never look into a message, nor reserve
//! memory for one.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use bytes::{Buf, BytesMut};
use rustix::buffer::spare_capacity;
use rustix::event::Timespec;
use rustix::event::epoll::{self, EventData, EventFlags};
use rustix::fd::OwnedFd;
use rustix::io::Errno;
use rustix::net::sockopt::set_socket_linger;
use rustix::net::{AddressFamily, SocketFlags, SocketType, connect, socket_with};

use crate::error::LoadError;
use crate::stop::Stop;
use crate::wire::{Event, Wire};

/// Room for one read.
const READ_BYTES: usize = 256 * 1024;
/// Connections that one turn looks at.
const EVENTS_MAX: usize = 1024;
/// The longest wait, so that a signal is seen.
const WAIT_MAX: Duration = Duration::from_millis(50);
/// How long acknowledgements may wait.
const TICK: Duration = Duration::from_millis(100);

/// A connection's place in the fleet.
pub type Token = u32;

/// Takes what came, and over which connection.
pub type FleetSink<'a> = dyn FnMut(Token, Event<'_>) + 'a;

struct Link {
    stream: Option<TcpStream>,
    wire: Box<dyn Wire>,
    /// The part of a frame whose rest has not come.
    inbox: Vec<u8>,
    out: BytesMut,
    /// It is in `dirty`.
    is_dirty: bool,
    /// It is in `touched`.
    is_touched: bool,
    /// The system tells when it can be written to.
    wants_write: bool,
}

/// All connections of a run.
pub struct Fleet {
    epoll: OwnedFd,
    address: SocketAddr,
    links: Vec<Link>,
    events: Vec<epoll::Event>,
    scratch: Vec<u8>,
    /// What has something to write.
    dirty: Vec<Token>,
    /// What was read from since the last tick.
    touched: Vec<Token>,
    ticked: Instant,
    /// A connection that is gone is told as an event, and is no error.
    lenient: bool,
    /// Bytes that came, over all connections.
    came: u64,
    stop: Stop,
}

impl Fleet {
    /// One without connections.
    pub fn new(address: SocketAddr, stop: Stop) -> Result<Self, LoadError> {
        Ok(Self {
            epoll: epoll::create(epoll::CreateFlags::CLOEXEC).map_err(io::Error::from)?,
            address,
            links: Vec::new(),
            events: Vec::with_capacity(EVENTS_MAX),
            scratch: vec![0; READ_BYTES],
            dirty: Vec::new(),
            touched: Vec::new(),
            ticked: Instant::now(),
            lenient: false,
            came: 0,
            stop,
        })
    }

    /// From now on connections may go, which is told as an event.
    pub const fn expect_ends(&mut self) {
        self.lenient = true;
    }

    /// From now on connections are opened to another address, and must not go.
    pub const fn moved(&mut self, address: SocketAddr) {
        self.address = address;
        self.lenient = false;
    }

    /// Bytes that came so far, over all connections.
    pub const fn came(&self) -> u64 {
        self.came
    }

    /// How many connections there are, or were.
    pub const fn len(&self) -> usize {
        self.links.len()
    }

    /// Whether there is none.
    pub const fn is_empty(&self) -> bool {
        self.links.is_empty()
    }

    /// Begins to open one.
    pub fn open(&mut self, wire: Box<dyn Wire>) -> Result<Token, LoadError> {
        let token = Token::try_from(self.links.len()).expect("there are few connections");
        self.links.push(Link {
            stream: None,
            wire,
            inbox: Vec::new(),
            out: BytesMut::new(),
            is_dirty: false,
            is_touched: false,
            wants_write: false,
        });
        self.dial(token)?;
        Ok(token)
    }

    /// Begins to open one again that was cut.
    pub fn dial(&mut self, token: Token) -> Result<(), LoadError> {
        let address = self.address;
        let stream = begin(address).map_err(|source| LoadError::Connect { address, source })?;
        epoll::add(&self.epoll, &stream, EventData::new_u64(token.into()), EventFlags::IN)
            .map_err(io::Error::from)?;
        let link = &mut self.links[token as usize];
        link.stream = Some(stream);
        link.wants_write = false;
        link.inbox = Vec::new();
        link.out = BytesMut::new();
        link.wire.greet(&mut link.out);
        self.soil(token);
        Ok(())
    }

    /// Breaks one off, as a network does that is gone; its user may come back.
    pub fn cut(&mut self, token: Token) -> Result<(), LoadError> {
        let link = &mut self.links[token as usize];
        if let Some(stream) = link.stream.take() {
            // Without a linger the system would keep the port for a minute.
            set_socket_linger(&stream, Some(Duration::ZERO)).map_err(io::Error::from)?;
        }
        link.out.clear();
        link.wire.again();
        Ok(())
    }

    /// Says that nothing more will come from this side; the other is expected to close.
    pub fn finish(&mut self, token: Token) {
        let link = &self.links[token as usize];
        if let Some(stream) = &link.stream {
            // One that is gone already needs no end.
            drop(stream.shutdown(Shutdown::Write));
        }
    }

    /// A connection's protocol, and where it appends what goes out with the next turn.
    pub fn put(&mut self, token: Token) -> (&mut dyn Wire, &mut BytesMut) {
        self.soil(token);
        let link = &mut self.links[token as usize];
        (&mut *link.wire, &mut link.out)
    }

    /// A connection's protocol.
    pub fn wire(&self, token: Token) -> &dyn Wire {
        &*self.links[token as usize].wire
    }

    /// Bytes that wait to be written on a connection.
    pub fn unwritten(&self, token: Token) -> usize {
        self.links[token as usize].out.len()
    }

    fn soil(&mut self, token: Token) {
        let link = &mut self.links[token as usize];
        if !link.is_dirty {
            link.is_dirty = true;
            self.dirty.push(token);
        }
    }

    /// Writes what is to be written.
    pub fn flush(&mut self) -> Result<(), LoadError> {
        while let Some(token) = self.dirty.pop() {
            self.links[token as usize].is_dirty = false;
            self.write(token)?;
        }
        Ok(())
    }

    /// Writes, waits at most so long for anything to come, and hands it over.
    pub fn turn(&mut self, wait: Duration, sink: &mut FleetSink<'_>) -> Result<(), LoadError> {
        if self.stop.is_set() {
            return Err(LoadError::Stopped);
        }
        if self.ticked.elapsed() >= TICK {
            self.tick();
        }
        self.flush()?;
        let wait = Timespec::try_from(wait.min(WAIT_MAX)).expect("a short time");
        self.events.clear();
        match epoll::wait(&self.epoll, spare_capacity(&mut self.events), Some(&wait)) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => return Err(io::Error::from(error).into()),
        }
        for at in 0..self.events.len() {
            // The system packs them: only copies have an address.
            let epoll::Event { flags, data, .. } = self.events[at];
            let token = Token::try_from(data.u64()).expect("it was put in as one");
            if flags.contains(EventFlags::OUT) {
                self.write(token)?;
            }
            if flags.intersects(EventFlags::IN | EventFlags::HUP | EventFlags::ERR) {
                self.read(token, sink)?;
            }
        }
        Ok(())
    }

    /// Lets the connections acknowledge what waits for it.
    pub fn tick(&mut self) {
        self.ticked = Instant::now();
        while let Some(token) = self.touched.pop() {
            let link = &mut self.links[token as usize];
            link.is_touched = false;
            let before = link.out.len();
            link.wire.tick(&mut link.out);
            if link.out.len() > before {
                self.soil(token);
            }
        }
    }

    /// A connection that breaks while it is written to may still have something to read, so only
    /// reading tells that it is broken.
    fn write(&mut self, token: Token) -> Result<(), LoadError> {
        let link = &mut self.links[token as usize];
        let Some(stream) = &mut link.stream else { return Ok(()) };
        while !link.out.is_empty() {
            match stream.write(&link.out) {
                Ok(written) => link.out.advance(written),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if is_broken(&error) => link.out.clear(),
                Err(error) => return Err(error.into()),
            }
        }
        let wants_write = !link.out.is_empty();
        if wants_write != link.wants_write {
            link.wants_write = wants_write;
            let flags = if wants_write { EventFlags::IN | EventFlags::OUT } else { EventFlags::IN };
            epoll::modify(&self.epoll, stream, EventData::new_u64(token.into()), flags)
                .map_err(io::Error::from)?;
        }
        Ok(())
    }

    fn read(&mut self, token: Token, sink: &mut FleetSink<'_>) -> Result<(), LoadError> {
        loop {
            let link = &mut self.links[token as usize];
            let Some(stream) = &mut link.stream else { return Ok(()) };
            let count = match stream.read(&mut self.scratch) {
                Ok(0) => return self.gone(token, LoadError::Gone, sink),
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(source) => {
                    let address = self.address;
                    return self.gone(token, LoadError::Broken { address, source }, sink);
                }
            };
            if !link.is_touched {
                link.is_touched = true;
                self.touched.push(token);
            }
            self.came += count as u64;
            let before = link.out.len();
            let parsed = link.parse(&self.scratch[..count], &mut |event| sink(token, event));
            if link.out.len() > before {
                self.soil(token);
            }
            if let Err(error) = parsed {
                return self.gone(token, error, sink);
            }
            if count < READ_BYTES {
                return Ok(());
            }
        }
    }

    fn gone(
        &mut self,
        token: Token,
        error: LoadError,
        sink: &mut FleetSink<'_>,
    ) -> Result<(), LoadError> {
        if !self.lenient {
            return Err(error);
        }
        self.links[token as usize].stream = None;
        self.links[token as usize].wire.again();
        sink(token, Event::Gone);
        Ok(())
    }
}

impl Link {
    fn parse(&mut self, came: &[u8], sink: &mut dyn FnMut(Event<'_>)) -> Result<(), LoadError> {
        if self.inbox.is_empty() {
            let taken = self.wire.read(came, &mut self.out, sink)?;
            self.inbox.extend_from_slice(&came[taken..]);
        } else {
            self.inbox.extend_from_slice(came);
            let taken = self.wire.read(&self.inbox, &mut self.out, sink)?;
            self.inbox.drain(..taken);
        }
        Ok(())
    }
}

fn begin(address: SocketAddr) -> io::Result<TcpStream> {
    let family = if address.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
    let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
    let socket = socket_with(family, SocketType::STREAM, flags, None)?;
    match connect(&socket, &address) {
        Ok(()) | Err(Errno::INPROGRESS) => {}
        Err(error) => return Err(error.into()),
    }
    let stream = TcpStream::from(socket);
    stream.set_nodelay(true)?;
    Ok(stream)
}

fn is_broken(error: &io::Error) -> bool {
    use io::ErrorKind::{BrokenPipe, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), BrokenPipe | ConnectionReset | ConnectionRefused)
}
