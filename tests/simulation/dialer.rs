//! How an app reaches the server, whichever process that is by then. Must never keep a connection.

use packetboat_client::Dial;

use crate::harbour::Harbour;
use crate::network::Network;

/// Makes what an app dials with, each time that it is started.
pub fn dialer(owner: usize, network: Network, harbour: Harbour) -> Box<dyn Fn() -> Dial> {
    Box::new(move || {
        let (network, harbour) = (network.clone(), harbour.clone());
        Dial::new(move || {
            let (network, harbour) = (network.clone(), harbour.clone());
            async move { network.dial(owner, |end| harbour.accept(end)).await }
        })
    })
}
