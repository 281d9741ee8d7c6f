//! Who may come in, over the wire.

use packetboat::auth::Secret;
use packetboat::auth::password::{Cost, hash};
use packetboat::config::settings::AuthKind;
use packetboat::server::{NoOutlet, open_store};
use packetboat::store::Accounts;
use packetboat_client::{Client, Config, TlsConfig};
use packetboat_proto::code::CloseCode;
use packetboat_proto::packet::{Credential, Hello, Packet};

use crate::house::House;
use crate::peer::{PATIENCE, Peer, hello, user};

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
    let store = open_store(&config.store, (&config.contacts, false), 0, NoOutlet).await.unwrap();
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

#[tokio::test]
async fn tls_with_the_development_certificate_carries_a_session() {
    let house = House::with(|config| {
        config.tls.dev = true;
        config.listen.tls = Some(([127, 0, 0, 1], 0).into());
    })
    .await;
    let server = house.tls.unwrap().to_string();
    let credential = packetboat_client::Credential::Open;
    let mut config = Config::new(server, user("ada"), "x".parse().unwrap(), credential);
    config.tls = Some(TlsConfig::pem_file(house.config.store.data.join("tls-dev-cert.pem")));
    let (client, _events) = Client::start(config).unwrap();
    let welcome = tokio::time::timeout(PATIENCE, client.connected()).await.unwrap().unwrap();
    assert!(welcome.new_device);
    client.close().await;
}

#[tokio::test]
async fn plain_bytes_on_the_tls_port_end_only_their_own_connection() {
    let house = House::with(|config| {
        config.tls.dev = true;
        config.listen.tls = Some(([127, 0, 0, 1], 0).into());
    })
    .await;
    let mut peer = Peer::open(house.tls.unwrap()).await;
    peer.say(&Packet::Hello(hello("ada", "x"))).await;
    peer.closed().await;
    Peer::login(house.address, "ada", "x").await.sync().await;
}
