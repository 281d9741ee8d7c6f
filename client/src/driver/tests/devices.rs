//! What an app asks of its user's devices, and that being logged out is an end.

use packetboat_proto::packet::{DeviceAnswer, DeviceOperation, DeviceState, Operation};

use super::*;
use crate::event::Ending;

async fn asked(peer: &mut fake::Peer) -> (u64, DeviceOperation) {
    loop {
        if let Packet::Request(Request { id, operation: Some(Operation::Device(asked)) }) =
            peer.read().await
        {
            return (id, asked);
        }
    }
}

async fn answer(peer: &mut fake::Peer, id: u64, answer: DeviceAnswer) {
    let answer = Ok(Answer::Device(answer));
    peer.write(&Packet::Response(Response { id, answer })).await;
}

#[tokio::test(start_paused = true)]
async fn devices_are_listed_and_logged_out() {
    let mut labelled = config();
    labelled.device_name = "Alice's phone".into();
    labelled.platform = "ios".into();
    let (client, _events, mut server) = start(labelled);
    let mut peer = server.meet().await;
    let hello = peer.hello().await;
    assert_eq!((hello.device_name.as_str(), hello.platform.as_str()), ("Alice's phone", "ios"));
    peer.write(&fake::welcome(LIMITS)).await;
    let desk: crate::DeviceId = "desk".parse().unwrap();
    let listing = async { client.devices(Some(desk.clone()), 9).await };
    let answering = async {
        let (id, asked) = asked(&mut peer).await;
        assert_eq!(asked, DeviceOperation::List { after: Some(desk.clone()), limit: 9 });
        let state = DeviceState {
            device: "phone".parse().unwrap(),
            name: "p".into(),
            platform: "ios".into(),
            client: "c".into(),
            first_seen_ms: 1,
            last_seen_ms: 2,
            address: "::1".into(),
            online: true,
        };
        answer(&mut peer, id, DeviceAnswer::List { devices: vec![state], more: true }).await;
    };
    let (page, ()) = tokio::join!(listing, answering);
    assert!(page.unwrap().more);
    let ending = async { (client.log_out(&desk).await, client.log_out_others().await) };
    let answering = async {
        let (id, asked_one) = asked(&mut peer).await;
        assert_eq!(asked_one, DeviceOperation::LogOut { device: desk.clone() });
        answer(&mut peer, id, DeviceAnswer::LogOut).await;
        let (id, asked_others) = asked(&mut peer).await;
        assert_eq!(asked_others, DeviceOperation::LogOutOthers);
        answer(&mut peer, id, DeviceAnswer::LogOutOthers).await;
    };
    assert_eq!(tokio::join!(ending, answering).0, (Ok(()), Ok(())));
}

#[tokio::test(start_paused = true)]
async fn who_is_logged_out_ends_and_it_is_what_was_asked_for_if_it_asked() {
    for asks in [true, false] {
        let (client, mut events, mut server) = start(config());
        let mut peer = server.welcome().await;
        let own = if asks { client.device().clone() } else { "another".parse().unwrap() };
        let logging_out = async { client.log_out(&own).await };
        let answering = async {
            asked(&mut peer).await;
            peer.goodbye(CloseCode::LoggedOut, 0).await;
        };
        let (outcome, ()) = tokio::join!(logging_out, answering);
        assert_eq!(outcome.is_ok(), asks, "{outcome:?}");
        assert!(matches!(next(&mut events).await, Event::Connected(_)));
        let Event::Closed(Ending::Refused(verdict)) = next(&mut events).await else {
            panic!("it does not come back by itself");
        };
        assert_eq!(verdict.close_code(), Some(CloseCode::LoggedOut));
    }
}
