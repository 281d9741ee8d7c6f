//! Who may come in, over the wire.

use packetboat::auth::Secret;
use packetboat::auth::password::{Cost, hash};
use packetboat::config::settings::AuthKind;
use packetboat::server::{NoOutlet, open_store};
use packetboat::store::Accounts;
use packetboat_proto::code::CloseCode;
use packetboat_proto::packet::{Credential, Hello, Packet};

use crate::house::House;
use crate::peer::{Peer, hello, user};

/// What a hello with that credential gets instead of a welcome.
async fn refused(house: &House, credential: Credential) -> Option<CloseCode> {
    let mut peer = Peer::open(house.address).await;
    peer.say(&Packet::Hello(Hello { credential, ..hello("ada", "x") })).await;
    peer.goodbye_code().await
}

#[tokio::test]
async fn a_ticket_spares_the_next_connection_the_check() {
    let house = House::open().await;
    let (_, welcome) = Peer::greet(house.address, hello("ada", "x")).await;
    assert!(welcome.ticket_expires_ms > welcome.now_ms);
    let ticket = Credential::Ticket(welcome.ticket.clone());
    let again = Hello { credential: ticket, ..hello("ada", "x") };
    Peer::greet(house.address, again.clone()).await;
    let house = house.restart().await;
    Peer::greet(house.address, again).await;
    let mut forged = welcome.ticket.to_vec();
    forged[20] ^= 1;
    let code = refused(&house, Credential::Ticket(forged.into())).await;
    assert_eq!(code, Some(CloseCode::BadTicket));
}

#[tokio::test]
async fn a_password_opens_the_door_and_nothing_else_does() {
    let house = House::with(|config| config.auth.kind = AuthKind::Password).await;
    let (folder, config) = house.close().await;
    let store = open_store(&config.store, false, NoOutlet).await.unwrap();
    let secret = hash(&Secret::new("correct horse"), Cost::default()).unwrap();
    store.set_account(user("ada"), secret, true).await.unwrap();
    store.close().await;
    let house = House::with(|fresh| *fresh = config).await;
    let password = |text: &str| Credential::Password(text.into());
    let known = Hello { credential: password("correct horse"), ..hello("ada", "x") };
    Peer::greet(house.address, known).await;
    for wrong in ["", "Correct horse", "correct horse "] {
        assert_eq!(refused(&house, password(wrong)).await, Some(CloseCode::BadCredential));
    }
    let open = refused(&house, Credential::Open).await;
    assert_eq!(open, Some(CloseCode::WrongCredentialKind));
    drop(folder);
}
