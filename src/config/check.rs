//! What settings must be to each other. Must never look at how they were given.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use packetboat_proto::limits::PORT_TLS;

use crate::config::mistake::Fault;
use crate::config::settings::{AuthKind, Config};

/// A rule, and the settings that it is about.
pub struct Rule {
    /// The keys: a mistake is told at the place of the strongest.
    pub keys: &'static [&'static str],
    /// What is wrong, if something is.
    pub broken: fn(&Config) -> Option<Fault>,
}

/// The rules.
pub const RULES: &[Rule] = &[
    Rule { keys: &["listen.plain", "listen.tls", "auth.kind"], broken: open_to_all },
    Rule { keys: &["auth.kind", "auth.token_key"], broken: no_token_key },
    Rule { keys: &["tls.cert", "tls.key"], broken: half_certificate },
    Rule { keys: &["tls.cert", "tls.dev"], broken: two_certificates },
    Rule { keys: &["listen.tls", "tls.cert", "tls.key", "tls.dev"], broken: no_certificate },
    Rule { keys: &["listen.plain", "tls.cert", "tls.key", "tls.dev"], broken: not_listening },
    Rule { keys: &["listen.plain", "listen.tls"], broken: same_address },
    Rule { keys: &["limits.max_body", "limits.out_buffer_bytes"], broken: small_out_buffer },
    Rule { keys: &["limits.max_body", "limits.mailbox_bytes"], broken: small_mailbox },
    Rule { keys: &["limits.max_body", "limits.page_bytes"], broken: small_page },
    Rule { keys: &["limits.max_body", "store.queue_bytes"], broken: small_queue },
    Rule { keys: &["limits.heartbeat_ms", "limits.pings_per_s"], broken: few_pings },
];

fn has_certificate(config: &Config) -> bool {
    config.tls.cert.is_some() || config.tls.key.is_some() || config.tls.dev
}

/// The address with TLS that counts: the one given, or else the default port beside the plain one.
pub fn tls_address(config: &Config) -> Option<SocketAddr> {
    let ip = config.listen.plain.map_or(IpAddr::V4(Ipv4Addr::LOCALHOST), |plain| plain.ip());
    let beside = SocketAddr::new(ip, PORT_TLS);
    has_certificate(config).then(|| config.listen.tls.unwrap_or(beside))
}

fn open_to_all(config: &Config) -> Option<Fault> {
    let addresses = [config.listen.plain, config.listen.tls, tls_address(config)];
    let outside = |address: &SocketAddr| !address.ip().to_canonical().is_loopback();
    let address = addresses.into_iter().flatten().find(outside)?;
    (config.auth.kind == AuthKind::Open).then_some(Fault::OpenToAll { address })
}

fn no_token_key(config: &Config) -> Option<Fault> {
    let missing = config.auth.kind == AuthKind::Token && config.auth.token_key.is_none();
    missing.then_some(Fault::NoTokenKey)
}

fn half_certificate(config: &Config) -> Option<Fault> {
    match (&config.tls.cert, &config.tls.key) {
        (Some(_), None) => Some(Fault::HalfCertificate { given: "tls.cert", missing: "tls.key" }),
        (None, Some(_)) => Some(Fault::HalfCertificate { given: "tls.key", missing: "tls.cert" }),
        _ => None,
    }
}

fn two_certificates(config: &Config) -> Option<Fault> {
    (config.tls.dev && config.tls.cert.is_some()).then_some(Fault::TwoCertificates)
}

fn no_certificate(config: &Config) -> Option<Fault> {
    (config.listen.tls.is_some() && !has_certificate(config)).then_some(Fault::NoCertificate)
}

fn not_listening(config: &Config) -> Option<Fault> {
    (config.listen.plain.is_none() && !has_certificate(config)).then_some(Fault::NotListening)
}

fn same_address(config: &Config) -> Option<Fault> {
    let address = config.listen.plain.filter(|plain| plain.port() != 0)?;
    (tls_address(config) == Some(address)).then_some(Fault::SameAddress { address })
}

fn at_least(key: &'static str, value: u64, least: u64, of: &'static str) -> Option<Fault> {
    (value < least).then_some(Fault::TooSmall { key, value, least, of })
}

fn holds_a_body(config: &Config, key: &'static str, bytes: usize) -> Option<Fault> {
    at_least(key, bytes as u64, u64::from(config.limits.max_body), "limits.max_body")
}

fn small_out_buffer(config: &Config) -> Option<Fault> {
    holds_a_body(config, "limits.out_buffer_bytes", config.limits.out_buffer_bytes)
}

fn small_mailbox(config: &Config) -> Option<Fault> {
    holds_a_body(config, "limits.mailbox_bytes", config.limits.mailbox_bytes)
}

fn small_page(config: &Config) -> Option<Fault> {
    holds_a_body(config, "limits.page_bytes", config.limits.page_bytes)
}

fn small_queue(config: &Config) -> Option<Fault> {
    holds_a_body(config, "store.queue_bytes", config.store.queue_bytes)
}

fn few_pings(config: &Config) -> Option<Fault> {
    let least = 1000_u64.div_ceil(config.limits.heartbeat_ms.into());
    let pings = config.limits.pings_per_s.into();
    at_least("limits.pings_per_s", pings, least, "one for each limits.heartbeat_ms")
}

/// What an operator should know, though it is allowed.
pub fn warnings(config: &Config) -> Vec<String> {
    let mut warnings = Vec::new();
    if let Some(plain) = config.listen.plain
        && !plain.ip().to_canonical().is_loopback()
        && config.auth.kind != AuthKind::Open
    {
        warnings.push(format!(
            "credentials and messages cross the network in clear at {plain}: configure TLS, and \
             set listen.plain to \"\""
        ));
    }
    if config.tls.dev && tls_address(config).is_some_and(|at| !at.ip().is_loopback()) {
        warnings.push("tls.dev makes a certificate that is valid for localhost only".to_owned());
    }
    warnings
}
