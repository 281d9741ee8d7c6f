//! A very small broker of MQTT 3.1.1 within this process, written from the standard and not from
//! the adapter: sessions that are kept, `QoS 1`, topics without wildcards. Must never be measured.

use std::collections::{HashMap, HashSet};
use std::io::{self, BufReader, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::thread;

use packetboat_load::error::LoadError;
use packetboat_load::process::Server;
use packetboat_load::target::mqtt::MqttWire;
use packetboat_load::target::{Nature, Target};
use packetboat_load::wire::{Login, Wire};

/// What the broker keeps of a client.
#[derive(Default)]
struct Session {
    topics: HashSet<Vec<u8>>,
    stream: Option<TcpStream>,
    /// What came while it was away, as topic and payload.
    queue: Vec<(Vec<u8>, Vec<u8>)>,
    last_id: u16,
}

/// All clients, and what was sent to them and answered by them.
#[derive(Default)]
struct Clients {
    sessions: HashMap<Vec<u8>, Session>,
    sent: u64,
    answered: u64,
}

/// The broker as a target: one for each start.
#[derive(Clone, Default)]
pub(crate) struct Broker(Arc<Mutex<Clients>>);

impl Broker {
    /// Messages that were handed over, and those of them that were answered.
    pub(crate) fn sent_and_answered(&self) -> (u64, u64) {
        let clients = self.0.lock().unwrap();
        (clients.sent, clients.answered)
    }
}

impl Target for Broker {
    fn name(&self) -> &'static str {
        "broker"
    }

    fn nature(&self) -> Nature {
        Nature { durable: false, knows_only_who_came: true, is_messenger: false }
    }

    fn start(&self, _folder: &Path) -> Result<Server, LoadError> {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let clients = Arc::clone(&self.0);
        thread::spawn(move || {
            for stream in listener.incoming().map(Result::unwrap) {
                let clients = Arc::clone(&clients);
                // A client that goes without a word ends its thread, and nothing else.
                thread::spawn(move || drop(serve(&stream, &clients)));
            }
        });
        Ok(Server::external(address, Some(std::process::id())))
    }

    fn wire(&self, salt: u64, login: Login) -> Box<dyn Wire> {
        Box::new(MqttWire::new(salt, login))
    }
}

fn serve(mut stream: &TcpStream, clients: &Mutex<Clients>) -> io::Result<()> {
    let mut input = BufReader::new(stream.try_clone()?);
    let (first, connect) = packet(&mut input)?;
    assert_eq!((first, &connect[..8]), (0x10, &b"\0\x04MQTT\x04\0"[..]), "a session that is kept");
    assert_ne!(connect[8..10], [0, 0], "a keep-alive");
    let (client, rest) = string(&connect[10..]);
    assert!(rest.is_empty() && !client.is_empty());
    open(stream, clients, client)?;
    loop {
        let (first, body) = packet(&mut input)?;
        let mut clients = clients.lock().unwrap();
        match first {
            0x82 => {
                let (topic, rest) = string(&body[2..]);
                assert_eq!(rest, [1], "QoS 1");
                let session = clients.sessions.get_mut(client).unwrap();
                session.topics.insert(topic.to_owned());
                stream.write_all(&[0x90, 3, body[0], body[1], 1])?;
            }
            0x32 => {
                let (topic, rest) = string(&body);
                stream.write_all(&[0x40, 2, rest[0], rest[1]])?;
                assert_ne!(rest[..2], [0, 0], "a packet id");
                clients.publish(topic, &rest[2..])?;
            }
            0x40 => {
                assert_eq!(body.len(), 2);
                clients.answered += 1;
            }
            0xc0 => stream.write_all(&[0xd0, 0])?,
            0xe0 => {
                clients.sessions.get_mut(client).unwrap().stream = None;
                return stream.shutdown(Shutdown::Both);
            }
            other => panic!("no client sends {other:#x}"),
        }
    }
}

fn open(mut stream: &TcpStream, clients: &Mutex<Clients>, client: &[u8]) -> io::Result<()> {
    let clients = &mut *clients.lock().unwrap();
    let present = clients.sessions.contains_key(client);
    stream.write_all(&[0x20, 2, present.into(), 0])?;
    let session = clients.sessions.entry(client.to_owned()).or_default();
    session.stream = Some(stream.try_clone()?);
    for (topic, payload) in std::mem::take(&mut session.queue) {
        clients.sent += 1;
        session.write(&topic, &payload)?;
    }
    Ok(())
}

impl Clients {
    fn publish(&mut self, topic: &[u8], payload: &[u8]) -> io::Result<()> {
        for session in self.sessions.values_mut() {
            if !session.topics.contains(topic) {
                continue;
            }
            if session.stream.is_some() {
                self.sent += 1;
                session.write(topic, payload)?;
            } else {
                session.queue.push((topic.to_owned(), payload.to_owned()));
            }
        }
        Ok(())
    }
}

impl Session {
    fn write(&mut self, topic: &[u8], payload: &[u8]) -> io::Result<()> {
        self.last_id = self.last_id % u16::MAX + 1;
        let mut bytes = vec![0x32];
        let mut length = 2 + topic.len() + 2 + payload.len();
        while length > 0x7f {
            bytes.push(u8::try_from(length & 0x7f).unwrap() | 0x80);
            length >>= 7;
        }
        bytes.push(u8::try_from(length).unwrap());
        bytes.extend(u16::try_from(topic.len()).unwrap().to_be_bytes());
        bytes.extend_from_slice(topic);
        bytes.extend(self.last_id.to_be_bytes());
        bytes.extend_from_slice(payload);
        self.stream.as_mut().unwrap().write_all(&bytes)
    }
}

fn packet(input: &mut impl Read) -> io::Result<(u8, Vec<u8>)> {
    let mut byte = [0];
    input.read_exact(&mut byte)?;
    let (first, mut length, mut shift) = (byte[0], 0_usize, 0);
    loop {
        input.read_exact(&mut byte)?;
        length |= usize::from(byte[0] & 0x7f) << shift;
        shift += 7;
        if byte[0] & 0x80 == 0 {
            break;
        }
    }
    let mut body = vec![0; length];
    input.read_exact(&mut body)?;
    Ok((first, body))
}

/// A string with its length before it, and what follows.
fn string(bytes: &[u8]) -> (&[u8], &[u8]) {
    let length = u16::from_be_bytes([bytes[0], bytes[1]]);
    bytes[2..].split_at(length.into())
}
