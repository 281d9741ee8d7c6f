//! What the server prints once it serves: where, and what to type next. Must never be all that
//! tells a mistake: it goes to people, not to logs.

use std::ffi::OsStr;
use std::fmt::Write;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;

use crate::config::settings::{AuthKind, AuthSettings, Config, TokenAlgorithm};

/// The chat program's file.
const CHAT_PROGRAM: &str = "packetboat-cli";
/// Two, so that there is somebody to talk to.
const USERS: [&str; 2] = ["alice", "bob"];

/// How the programs are called by who reads the greeting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Programs {
    server: String,
    chat: String,
}

impl Programs {
    /// By their names.
    pub fn installed() -> Self {
        Self { server: "packetboat".to_owned(), chat: CHAT_PROGRAM.to_owned() }
    }

    /// Of a server that runs as `exe`, perhaps started by cargo, with `path` to look for programs:
    /// in a clone they are called through cargo, unless they can be called by their names.
    pub fn of(exe: &Path, by_cargo: bool, path: &OsStr) -> Self {
        let in_path = std::env::split_paths(path).any(|at| at.join(CHAT_PROGRAM).is_file());
        let is_in = |name: &str| exe.iter().any(|part| part == name);
        if in_path || !(by_cargo || is_in("target")) {
            return Self::installed();
        }
        // Another profile would be built first.
        let profile = if is_in("release") { " --release" } else { "" };
        let run = |package: &str| format!("cargo run{profile} -p {package} --");
        Self { server: run("packetboat"), chat: run(CHAT_PROGRAM) }
    }
}

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

/// The greeting, with the command lines to copy.
pub fn greeting(config: &Config, bound: &Bound<'_>, programs: &Programs) -> String {
    let mut out = String::new();
    for (address, how) in [(bound.plain, "without TLS"), (bound.tls, "with TLS 1.3")] {
        if let Some(address) = address {
            line(&mut out, format_args!("Packetboat listens on {address} {how}."));
        }
    }
    let data = config.store.data.display();
    line(&mut out, format_args!("What it keeps is in {data}. Ctrl-C stops it.\n"));
    if config.auth.kind == AuthKind::Password {
        let (server, data) = (&programs.server, quoted(&config.store.data));
        line(&mut out, format_args!("Make accounts:"));
        for user in USERS {
            line(&mut out, format_args!("  {server} user add {user} --data {data}"));
        }
    }
    line(&mut out, format_args!("Chat, from another terminal{}:", hint(&config.auth)));
    let reached = bound.plain.or(bound.tls).map(from_here);
    let server = reached.map(|address| address.to_string()).unwrap_or_default();
    let tls = match (bound.plain, bound.dev_cert) {
        (Some(_), _) => String::new(),
        (None, Some(cert)) => format!(" --tls --ca {}", quoted(cert)),
        (None, None) => " --tls".to_owned(),
    };
    let [first, second] = USERS;
    chat(&mut out, &config.auth, programs, &format!("--server {server}{tls}"), first);
    line(&mut out, format_args!("And from one more, for somebody to talk to:"));
    chat(&mut out, &config.auth, programs, &format!("--server {server}{tls}"), second);
    if let (Some(_), Some(address), Some(cert)) = (bound.plain, bound.tls, bound.dev_cert) {
        let reach = format!("--server {} --tls --ca {}", from_here(address), quoted(cert));
        line(&mut out, format_args!("Or over TLS, with the certificate made for development:"));
        chat(&mut out, &config.auth, programs, &reach, first);
    }
    out
}

/// Where a credential comes from, if the command lines do not say it.
fn hint(auth: &AuthSettings) -> &'static str {
    match (auth.kind, auth.token_algorithm) {
        (AuthKind::Open, _) | (AuthKind::Token, TokenAlgorithm::Hs256) => "",
        (AuthKind::Password, _) => ", with a file that has the password in its first line",
        (AuthKind::Token, TokenAlgorithm::EdDsa) => {
            ", with a token for the user, signed by who has the private key"
        }
    }
}

/// The command lines by which a user chats.
fn chat(out: &mut String, auth: &AuthSettings, programs: &Programs, reach: &str, user: &str) {
    let credential = match (auth.kind, auth.token_algorithm) {
        (AuthKind::Open, _) => "",
        (AuthKind::Password, _) => " --password-file FILE",
        (AuthKind::Token, TokenAlgorithm::EdDsa) => " --token TOKEN",
        (AuthKind::Token, TokenAlgorithm::Hs256) => {
            let key = quoted(auth.token_key.as_deref().unwrap_or(Path::new("FILE")));
            let audience = auth.token_audience.as_deref().map(|audience| {
                let audience = quoted(Path::new(audience));
                format!(" --audience {audience}")
            });
            let (server, audience) = (&programs.server, audience.unwrap_or_default());
            let sign = format!("token --key-file {key} --user {user} --ttl 3600{audience}");
            line(out, format_args!("  TOKEN=$({server} {sign})"));
            " --token \"$TOKEN\""
        }
    };
    line(out, format_args!("  {} {reach} --user {user}{credential}", programs.chat));
}

/// A word of a command line as a shell takes it whole.
fn quoted(word: &Path) -> String {
    let word = word.display().to_string();
    let plain = |c: char| c.is_alphanumeric() || "-_./:@%+=,".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word;
    }
    format!("'{}'", word.replace('\'', "'\\''"))
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
    use std::fs;
    use std::path::PathBuf;

    use super::*;

    fn address(text: &str) -> SocketAddr {
        text.parse().unwrap()
    }

    fn greeted(config: &Config, bound: &Bound<'_>) -> String {
        greeting(config, bound, &Programs::installed())
    }

    fn plain() -> Bound<'static> {
        Bound { plain: Some(address("127.0.0.1:7582")), ..Bound::default() }
    }

    #[test]
    fn two_users_are_told_what_to_type_with_the_address_that_was_bound() {
        assert_eq!(
            greeted(&Config::default(), &plain()),
            "Packetboat listens on 127.0.0.1:7582 without TLS.\n\
             What it keeps is in ./data. Ctrl-C stops it.\n\n\
             Chat, from another terminal:\n  \
             packetboat-cli --server 127.0.0.1:7582 --user alice\n\
             And from one more, for somebody to talk to:\n  \
             packetboat-cli --server 127.0.0.1:7582 --user bob\n"
        );
    }

    #[test]
    fn a_certificate_for_development_is_told_where_it_is() {
        let dev_cert = Some(Path::new("d/c.pem"));
        let tls = Some(address("[::1]:9"));
        let alone = greeted(&Config::default(), &Bound { plain: None, tls, dev_cert });
        for user in USERS {
            let command = format!("--server [::1]:9 --tls --ca d/c.pem --user {user}\n");
            assert!(alone.contains(&command), "{alone}");
        }
        let plain = Some(address("127.0.0.1:1"));
        let both = greeted(&Config::default(), &Bound { plain, tls, dev_cert });
        assert!(both.contains("--server 127.0.0.1:1 --user alice\n"), "{both}");
        assert!(both.ends_with("--server [::1]:9 --tls --ca d/c.pem --user alice\n"), "{both}");
    }

    #[test]
    fn a_server_on_all_addresses_is_reached_on_this_one() {
        for (bound, reached) in [("0.0.0.0:5", "127.0.0.1:5"), ("[::]:5", "[::1]:5")] {
            let bound = Bound { plain: Some(address(bound)), ..Bound::default() };
            let text = greeted(&Config::default(), &bound);
            assert!(text.contains(&format!("--server {reached} ")), "{text}");
        }
    }

    #[test]
    fn who_needs_a_password_is_told_how_to_have_and_to_show_one() {
        let mut config = Config::default();
        config.auth.kind = AuthKind::Password;
        let text = greeted(&config, &plain());
        for user in USERS {
            assert!(text.contains(&format!("  packetboat user add {user} --data ./data\n")));
            assert!(text.contains(&format!(" --user {user} --password-file FILE\n")), "{text}");
        }
    }

    #[test]
    fn who_needs_a_token_is_told_how_to_sign_and_to_show_one() {
        let mut config = Config::default();
        config.auth.kind = AuthKind::Token;
        config.auth.token_key = Some(PathBuf::from("my key"));
        config.auth.token_audience = Some("boat".to_owned());
        let text = greeted(&config, &plain());
        for user in USERS {
            assert!(
                text.contains(&format!(
                    "  TOKEN=$(packetboat token --key-file 'my key' --user {user} --ttl 3600 \
                     --audience boat)\n  \
                     packetboat-cli --server 127.0.0.1:7582 --user {user} --token \"$TOKEN\"\n"
                )),
                "{text}"
            );
        }
    }

    #[test]
    fn nobody_is_told_to_sign_with_a_public_key() {
        let mut config = Config::default();
        config.auth.kind = AuthKind::Token;
        config.auth.token_algorithm = TokenAlgorithm::EdDsa;
        config.auth.token_key = Some(PathBuf::from("public.pem"));
        let text = greeted(&config, &plain());
        assert!(!text.contains("packetboat token") && !text.contains("public.pem"), "{text}");
        assert!(text.contains(" --user alice --token TOKEN\n"), "{text}");
        assert!(text.contains("private key"), "{text}");
    }

    #[test]
    fn in_a_clone_the_programs_are_called_through_cargo() {
        let nowhere = OsStr::new("/nowhere:/not/here");
        let built = Programs::of(Path::new("/c/target/release/packetboat"), false, nowhere);
        let mut config = Config::default();
        config.auth.kind = AuthKind::Password;
        let text = greeting(&config, &plain(), &built);
        let user = "  cargo run --release -p packetboat -- user add alice --data ./data\n";
        assert!(text.contains(user), "{text}");
        let chat = "  cargo run --release -p packetboat-cli -- --server 127.0.0.1:7582 --user bob";
        assert!(text.contains(chat), "{text}");
        let other = Programs::of(Path::new("/elsewhere/debug/packetboat"), true, nowhere);
        assert_eq!(other.chat, "cargo run -p packetboat-cli --");
        let installed = Programs::of(Path::new("/usr/bin/packetboat"), false, nowhere);
        assert_eq!(installed, Programs::installed());
    }

    #[test]
    fn in_a_clone_whose_programs_are_in_the_path_their_names_do() {
        let folder = tempfile::tempdir().unwrap();
        let release = folder.path().join("target/release");
        fs::create_dir_all(&release).unwrap();
        fs::write(release.join(CHAT_PROGRAM), "").unwrap();
        let found = Programs::of(&release.join("packetboat"), false, release.as_os_str());
        assert_eq!(found, Programs::installed());
    }

    #[test]
    fn a_shell_takes_a_path_whole() {
        assert_eq!(quoted(Path::new("./data/c.pem")), "./data/c.pem");
        assert_eq!(quoted(Path::new("my data")), "'my data'");
        assert_eq!(quoted(Path::new("it's $x")), "'it'\\''s $x'");
    }
}
