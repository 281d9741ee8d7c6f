//! The connection against stanzas as ejabberd 23.01 forms them, in every way in which they may be
//! cut.

use super::*;

const ME: u32 = 7;
const STREAM: &str = "<?xml version='1.0'?><stream:stream id='1' version='1.0' xml:lang='en' \
    xmlns:stream='http://etherx.jabber.org/streams' from='localhost' xmlns='jabber:client'>";
const BIND: &str = "<stream:features><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/>\
    <sm xmlns='urn:xmpp:sm:3'/></stream:features>";
const PONG: &str = "<iq xml:lang='en' to='u7@localhost/load' from='localhost' type='result' id=";

#[derive(Debug, PartialEq)]
enum Came {
    Ready,
    Accepted(Name),
    Delivered(Name, Vec<u8>),
    Done,
    Pong,
}

fn came(event: Event<'_>) -> Came {
    match event {
        Event::Ready => Came::Ready,
        Event::Accepted { name, seq: None, again: false } => Came::Accepted(name),
        Event::Delivered { name: Some(name), seq: None, text } => {
            Came::Delivered(name, text.to_vec())
        }
        Event::Done => Came::Done,
        Event::Pong => Came::Pong,
        other => panic!("{other:?}"),
    }
}

fn read_cut(wire: &mut XmppWire, text: &str, cut: usize) -> (Vec<Came>, String) {
    let (mut out, mut all) = (BytesMut::new(), Vec::new());
    let mut sink = |event: Event<'_>| all.push(came(event));
    let taken = wire.read(&text.as_bytes()[..cut], &mut out, &mut sink).unwrap();
    let rest = wire.read(&text.as_bytes()[taken..], &mut out, &mut sink).unwrap();
    assert_eq!(taken + rest, text.len());
    (all, String::from_utf8(out.to_vec()).unwrap())
}

fn read_all(wire: &mut XmppWire, text: &str) -> (Vec<Came>, String) {
    read_cut(wire, text, text.len())
}

fn refused(wire: &mut XmppWire, text: &str) -> String {
    wire.read(text.as_bytes(), &mut BytesMut::new(), &mut |_| {}).unwrap_err().to_string()
}

fn opened() -> XmppWire {
    let mut wire = XmppWire::new(Login::of(ME));
    let mechanisms = "<stream:features><mechanisms/></stream:features>";
    let all = [STREAM, mechanisms, "<success/>", STREAM, BIND, "<iq type='result' id='bind'/>"];
    assert_eq!(read_all(&mut wire, &all.concat()).0, []);
    assert_eq!(read_all(&mut wire, "<enabled/>").0, []);
    let presence = "<presence from='u7@localhost/load' to='u7@localhost/load'/>";
    let ready = format!("{presence}{PONG}'opening'/>");
    assert_eq!(read_all(&mut wire, &ready), (vec![Came::Ready], String::new()));
    wire
}

fn name(number: u64) -> Name {
    Name { channel: 3, number }
}

fn id(number: u64) -> String {
    String::from_utf8(id_of(name(number), 0).to_vec()).unwrap()
}

fn send(wire: &mut XmppWire, to: To, number: u64) -> String {
    let mut out = BytesMut::new();
    wire.send(to, name(number), 0, b"hi", &mut out);
    String::from_utf8(out.to_vec()).unwrap()
}

#[test]
fn a_connection_is_opened_step_by_step() {
    let mut wire = XmppWire::new(Login::of(ME));
    let mut out = BytesMut::new();
    wire.greet(&mut out);
    assert!(out.starts_with(b"<?xml version='1.0'?><stream:stream to='localhost' version='1.0'"));
    let mut answer = |text: &str| read_all(&mut wire, text).1;
    let mechanisms = "<mechanisms><mechanism>PLAIN</mechanism></mechanisms>";
    assert_eq!(
        answer(&format!("{STREAM}<stream:features>{mechanisms}</stream:features>")),
        "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>AHU3AGxvYWQ=</auth>"
    );
    assert!(answer("<success/>").contains("<stream:stream"));
    assert!(answer(BIND).contains("<resource>load</resource>"));
    assert_eq!(answer("<iq id='bind' type='result'/>"), "<enable xmlns='urn:xmpp:sm:3'/>");
    assert!(answer("<enabled xmlns='urn:xmpp:sm:3'/>").starts_with("<presence/><iq type='get'"));
}

#[test]
fn one_request_for_acknowledgement_is_on_its_way_at_a_time() {
    let mut wire = opened();
    let (first, second) = (send(&mut wire, To::User(9), 0), send(&mut wire, To::User(9), 1));
    let message = |number| {
        let begin = "<message to='u9@localhost' type='chat' id=";
        format!("{begin}'{}'><body>hi</body></message>", id(number))
    };
    assert_eq!(first, format!("{}<r xmlns='urn:xmpp:sm:3'/>", message(0)));
    assert_eq!(second, message(1));
    // The presence and the ping that opened it are counted too.
    let (all, out) = read_all(&mut wire, "<a h='3' xmlns='urn:xmpp:sm:3'/>");
    assert_eq!(
        (&all[..], &out[..]),
        (&[Came::Accepted(name(0))][..], "<r xmlns='urn:xmpp:sm:3'/>")
    );
    let (all, out) = read_all(&mut wire, "<a h='4' xmlns='urn:xmpp:sm:3'/>");
    assert_eq!((&all[..], &out[..]), (&[Came::Accepted(name(1))][..], ""));
}

#[test]
fn deliveries_are_counted_and_told_however_the_bytes_are_cut() {
    let message = |number| {
        let from = "from='u0@localhost/load' type='chat'";
        format!("<message to='u7@localhost' {from} id='{}'><body>hi</body></message>", id(number))
    };
    let subject = "<message from='g0@conference.localhost' type='groupchat'><subject/></message>";
    let request = "<r xmlns='urn:xmpp:sm:3'/>";
    let text = format!("{}{request}{}{subject}{PONG}'beat'/>{request}", message(0), message(1));
    for cut in 0..=text.len() {
        let (all, out) = read_cut(&mut opened(), &text, cut);
        let had = |number| Came::Delivered(name(number), b"hi".to_vec());
        assert_eq!(all, [had(0), had(1), Came::Done, Came::Pong]);
        let answer = |h| format!("<a xmlns='urn:xmpp:sm:3' h='{h}'/>");
        // The presence and the pong that opened it are counted too.
        assert_eq!(out, [answer(3), answer(6)].concat());
    }
}

#[test]
fn a_message_to_a_room_is_accepted_once_it_comes_back_and_others_are_deliveries() {
    let mut wire = opened();
    let sent = send(&mut wire, To::Group(0), 5);
    assert!(sent.starts_with("<message to='g0@conference.localhost' type='groupchat'"), "{sent}");
    assert!(!sent.contains("<r "), "{sent}");
    let from = |nick: &str| {
        let from = format!("from='g0@conference.localhost/{nick}' type='groupchat'");
        format!("<message {from} id='{}'><body>hi</body></message>", id(5))
    };
    assert_eq!(read_all(&mut wire, &from("u7")).0, [Came::Accepted(name(5))]);
    let delivered = Came::Delivered(name(5), b"hi".to_vec());
    assert_eq!(read_all(&mut wire, &from("u77")).0, [delivered]);
}

#[test]
fn what_was_not_asked_for_and_what_is_refused_is_an_error() {
    for (text, says) in [
        ("<message type='error'><error><x/></error></message>", "instead of a delivery"),
        ("<message id='7'><body>hi</body></message>", "the id of nobody here"),
        ("<a h='-1'/>", "without a count"),
        ("<a/>", "without a count"),
        ("<presence type='error'/>", "as an answer"),
        ("<stream:error><conflict/></stream:error>", "as an end: <conflict/>"),
        ("<failed/>", "in a session"),
        ("HTTP/1.1", "not the XML"),
    ] {
        let error = refused(&mut opened(), text);
        assert!(error.contains(says), "{error}");
    }
    let mut stranger = XmppWire::new(Login::of(ME));
    let text = format!("{STREAM}<stream:features/><failure><not-authorized/></failure>");
    assert!(refused(&mut stranger, &text).contains("at the step Success: <not-authorized/>"));
}

#[test]
fn ids_give_names_back_and_no_others_do() {
    let hex = id_of(name(1 << 37), 1_700_000_000_000_000_000);
    assert_eq!(name_of_id(&hex), Some(name(1 << 37)));
    for id in [&hex[1..], b"", b"purple1", &[b'g'; 32]] {
        assert_eq!(name_of_id(id), None);
    }
}

#[test]
fn base64_is_as_the_standard_has_it() {
    for (plain, text) in [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v")] {
        assert_eq!(base64(plain.as_bytes()), text);
    }
}
