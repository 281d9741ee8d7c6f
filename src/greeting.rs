//! What the server prints once it serves: where, and what to type next. Must never be all that
//! tells a mistake: it goes to people, not to logs.

use std::fmt::Write;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;

use crate::config::settings::{AuthKind, Config};

/// Where the server was bound: ports that were 0 are known by now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Bound<'a> {
    /// The address without TLS.
    pub plain: Option<SocketAddr>,
    /// The address with TLS.
    pub tls: Option<SocketAddr>,
    /// The certificate that was made for development.
    pub dev_cert: Option<&'a Path>,
}

/// The greeting, with the chat program's command lines to copy.
pub fn greeting(config: &Config, bound: &Bound<'_>) -> String {
    let data = config.store.data.display();
    let mut out = String::new();
    for (address, how) in [(bound.plain, "without TLS"), (bound.tls, "with TLS 1.3")] {
        if let Some(address) = address {
            line(&mut out, format_args!("Packetboat listens on {address} {how}."));
        }
    }
    line(&mut out, format_args!("What it keeps is in {data}. Ctrl-C stops it."));
    line(&mut out, format_args!(""));
    match config.auth.kind {
        AuthKind::Open => {}
        AuthKind::Password => {
            line(&mut out, format_args!("Make an account:"));
            line(&mut out, format_args!("  packetboat user add alice --data {data}"));
        }
        AuthKind::Token => {
            let key = config.auth.token_key.as_deref().unwrap_or(Path::new("FILE")).display();
            line(&mut out, format_args!("Sign a token to try it out (with an HS256 key):"));
            line(
                &mut out,
                format_args!("  packetboat token --key-file {key} --user alice --ttl 3600"),
            );
        }
    }
    line(&mut out, format_args!("Chat, from another terminal:"));
    let reached = bound.plain.or(bound.tls).map(from_here);
    let server = reached.map(|address| address.to_string()).unwrap_or_default();
    let tls = match (bound.plain, bound.dev_cert) {
        (Some(_), _) => String::new(),
        (None, Some(cert)) => format!(" --tls --ca {}", cert.display()),
        (None, None) => " --tls".to_owned(),
    };
    line(&mut out, format_args!("  packetboat-cli --server {server}{tls} --user alice"));
    if let (Some(_), Some(address), Some(cert)) = (bound.plain, bound.tls, bound.dev_cert) {
        let (address, cert) = (from_here(address), cert.display());
        line(&mut out, format_args!("And over TLS, with the certificate made for development:"));
        line(
            &mut out,
            format_args!("  packetboat-cli --server {address} --tls --ca {cert} --user alice"),
        );
    }
    out
}

/// The address by which a client on this machine reaches one that stands for all addresses.
fn from_here(mut address: SocketAddr) -> SocketAddr {
    match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => address.set_ip(Ipv4Addr::LOCALHOST.into()),
        IpAddr::V6(ip) if ip.is_unspecified() => address.set_ip(Ipv6Addr::LOCALHOST.into()),
        _ => {}
    }
    address
}

fn line(out: &mut String, text: std::fmt::Arguments<'_>) {
    writeln!(out, "{text}").expect("a string can be written to");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> SocketAddr {
        text.parse().unwrap()
    }

    #[test]
    fn the_next_command_is_told_with_the_address_that_was_bound() {
        let bound = Bound { plain: Some(address("127.0.0.1:7582")), ..Bound::default() };
        let text = greeting(&Config::default(), &bound);
        assert_eq!(
            text,
            "Packetboat listens on 127.0.0.1:7582 without TLS.\n\
             What it keeps is in ./data. Ctrl-C stops it.\n\n\
             Chat, from another terminal:\n  \
             packetboat-cli --server 127.0.0.1:7582 --user alice\n"
        );
    }

    #[test]
    fn a_certificate_for_development_is_told_where_it_is() {
        let dev_cert = Some(Path::new("d/c.pem"));
        let tls = Some(address("[::1]:9"));
        let alone = greeting(&Config::default(), &Bound { plain: None, tls, dev_cert });
        assert!(alone.ends_with("--server [::1]:9 --tls --ca d/c.pem --user alice\n"), "{alone}");
        let plain = Some(address("127.0.0.1:1"));
        let both = greeting(&Config::default(), &Bound { plain, tls, dev_cert });
        assert!(both.contains("--server 127.0.0.1:1 --user alice\n"), "{both}");
        assert!(both.ends_with("--server [::1]:9 --tls --ca d/c.pem --user alice\n"), "{both}");
    }

    #[test]
    fn a_server_on_all_addresses_is_reached_on_this_one() {
        for (bound, reached) in [("0.0.0.0:5", "127.0.0.1:5"), ("[::]:5", "[::1]:5")] {
            let bound = Bound { plain: Some(address(bound)), ..Bound::default() };
            let text = greeting(&Config::default(), &bound);
            assert!(text.contains(&format!("--server {reached} ")), "{text}");
        }
    }

    #[test]
    fn who_needs_a_credential_is_told_how_to_come_by_one() {
        let mut config = Config::default();
        config.auth.kind = AuthKind::Password;
        let text = greeting(&config, &Bound::default());
        assert!(text.contains("packetboat user add alice --data ./data\n"), "{text}");
        config.auth.kind = AuthKind::Token;
        let text = greeting(&config, &Bound::default());
        assert!(text.contains("packetboat token --key-file FILE --user alice"), "{text}");
    }
}
