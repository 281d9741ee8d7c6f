//! What is read from files, the environment and flags, and what is told of it. Must never leave
//! a mistake's place unasserted.

use std::path::Path;

use super::*;
use crate::config::settings::{AuthKind, LogFormat, TokenAlgorithm};
use crate::config::table::TABLE;

fn flag(key: &str, value: &str) -> FlagValue {
    let flag = format!("--set {key}");
    FlagValue { flag, key: key.to_owned(), value: Some(value.to_owned()) }
}

struct Given<'a> {
    file: &'a str,
    environment: &'a [(&'a str, &'a str)],
    flags: &'a [(&'a str, &'a str)],
}

const NOTHING: Given<'_> = Given { file: "", environment: &[], flags: &[] };

impl Given<'_> {
    fn load(&self) -> Result<Config, Mistakes> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("p.toml");
        fs::write(&path, self.file).unwrap();
        let owned = |(name, value): &(&str, &str)| ((*name).into(), (*value).into());
        load(&Sources {
            file: Some(path),
            environment: self.environment.iter().map(owned).collect(),
            flags: self.flags.iter().map(|(key, value)| flag(key, value)).collect(),
        })
    }

    /// The mistakes, one a line, without the folder of the file.
    fn mistakes(&self) -> Vec<String> {
        let Mistakes(mistakes) = self.load().unwrap_err();
        let short = |mistake: &Mistake| match &mistake.place {
            Place::File { path, line, column } => {
                assert!(path.ends_with(Path::new("p.toml")));
                format!("{line}:{column}: {}", mistake.fault)
            }
            place => format!("{place}: {}", mistake.fault),
        };
        mistakes.iter().map(short).collect()
    }
}

#[test]
fn nothing_given_is_the_defaults() {
    assert_eq!(NOTHING.load().unwrap(), Config::default());
    assert_eq!(load(&Sources::default()).unwrap(), Config::default());
}

#[test]
fn the_environment_is_stronger_than_the_file_and_flags_are_stronger_than_both() {
    let file = "[limits]\nwindow = 1\nsends = 1\nretries_max = 1\n";
    let environment = &[("PACKETBOAT_LIMITS_SENDS", "2"), ("PACKETBOAT_LIMITS_RETRIES_MAX", "2")];
    let flags = &[("limits.retries_max", "4"), ("limits.retries_max", "3")];
    let limits = Given { file, environment, flags }.load().unwrap().limits;
    assert_eq!((limits.window, limits.sends, limits.retries_max), (1, 2, 3));
}

#[test]
fn every_way_to_write_a_setting_in_the_file_is_read() {
    let file = "auth = { kind = 'token', token_algorithm = \"EdDSA\", token_key = '/k' }\n\
                store.data = \"/d\"\nlimits.max_body = 0x1_0000\n[log]\nformat = \"json\"\n";
    let config = Given { file, ..NOTHING }.load().unwrap();
    assert_eq!(config.auth.kind, AuthKind::Token);
    assert_eq!(config.auth.token_algorithm, TokenAlgorithm::EdDsa);
    assert_eq!(config.auth.token_key.as_deref(), Some(Path::new("/k")));
    assert_eq!(config.store.data, Path::new("/d"));
    assert_eq!(config.limits.max_body, 65_536);
    assert_eq!(config.log.format, LogFormat::Json);
}

#[test]
fn the_printed_defaults_are_read_back_as_the_defaults() {
    let printed = print::defaults();
    assert_eq!(Given { file: &printed, ..NOTHING }.load().unwrap(), Config::default());
    let is_setting = |line: &str| line.starts_with('#') && !line.starts_with("# ");
    let plain = |line: &str| line[usize::from(is_setting(line))..].to_owned() + "\n";
    let file: String = printed.lines().map(plain).collect();
    assert_eq!(printed.lines().filter(|line| is_setting(line)).count(), TABLE.len());
    assert_eq!(Given { file: &file, ..NOTHING }.load().unwrap(), Config::default());
    assert!(printed.lines().all(|line| line.len() <= 100), "{printed}");
}

#[test]
fn all_mistakes_are_told_at_once_each_with_its_place() {
    let file = "[limits]\n  max_boddy = 9000\nwindow = 0\nsends = \"many\"\n\n[lmits]\nx = 1\n";
    let environment = &[("PACKETBOAT_LIMITS_RETRY", "1"), ("PACKETBOAT_LOG_FORMAT", "xml")];
    let flags = &[("heartbeat_ms", "1"), ("tls.dev", "maybe")];
    let mistakes = Given { file, environment, flags }.mistakes();
    assert_eq!(
        mistakes,
        [
            "2:3: there is no setting limits.max_boddy; did you mean limits.max_body?",
            "3:10: limits.window is \"0\", wanted a whole number from 1 to 1024",
            "4:9: limits.sends is \"many\", wanted a whole number from 1 to 1024",
            "6:2: there is no setting lmits; did you mean limits?",
            "environment PACKETBOAT_LIMITS_RETRY: there is no setting PACKETBOAT_LIMITS_RETRY; \
             did you mean PACKETBOAT_LIMITS_RETRY_MS?",
            "environment PACKETBOAT_LOG_FORMAT: log.format is \"xml\", wanted one of \"text\", \
             \"json\"",
            "flag --set heartbeat_ms: there is no setting heartbeat_ms; did you mean \
             limits.heartbeat_ms?",
            "flag --set tls.dev: tls.dev is \"maybe\", wanted true or false",
        ]
    );
}

#[test]
fn a_file_that_is_no_toml_is_told_with_its_place_and_the_rest_is_still_read() {
    let file = "[limits]\nwindow = \nsends = 0\nsends = 5\n";
    let mistakes = Given { file, ..NOTHING }.mistakes();
    assert!(mistakes.iter().any(|mistake| mistake.starts_with("2:")), "{mistakes:?}");
    assert!(mistakes.iter().any(|mistake| mistake.starts_with("4:1: duplicate")), "{mistakes:?}");
    assert!(mistakes.iter().any(|mistake| mistake.starts_with("3:9: ")), "{mistakes:?}");
}

#[test]
fn a_name_that_is_like_no_other_is_not_guessed_at() {
    let Mistakes(mistakes) = Given { flags: &[("foo", "1")], ..NOTHING }.load().unwrap_err();
    assert_eq!(mistakes[0].fault, Fault::UnknownKey { key: "foo".into(), nearest: None });
}

#[test]
fn a_mistake_counts_even_where_something_stronger_is_right() {
    let given = Given { file: "[limits]\nwindow = 0\n", ..NOTHING };
    let given = Given { flags: &[("limits.window", "5")], ..given };
    assert_eq!(given.mistakes().len(), 1);
}

#[test]
fn a_flag_without_a_value_says_so() {
    let bare = FlagValue { flag: "--set x".into(), key: "log.filter".into(), value: None };
    let Mistakes(mistakes) =
        load(&Sources { flags: vec![bare], ..Sources::default() }).unwrap_err();
    assert_eq!(mistakes[0].fault, Fault::NoValue);
}

#[test]
fn a_file_that_is_not_there_is_told() {
    let gone = tempfile::tempdir().unwrap().path().join("gone.toml");
    let environment = vec![(CONFIG_VARIABLE.into(), gone.clone().into())];
    let Mistakes(mistakes) = load(&Sources { environment, ..Sources::default() }).unwrap_err();
    assert!(matches!(&mistakes[0].place, Place::File { path, .. } if *path == gone));
    assert!(matches!(mistakes[0].fault, Fault::Unreadable { .. }));
}

#[test]
fn open_is_refused_on_any_address_but_loopback() {
    for address in ["0.0.0.0:7582", "[::]:7582", "192.168.1.1:1"] {
        let given = Given { flags: &[("listen.plain", address)], ..NOTHING };
        let Mistakes(mistakes) = given.load().unwrap_err();
        let address = address.parse().unwrap();
        assert_eq!(mistakes[0].fault, Fault::OpenToAll { address });
        assert_eq!(mistakes[0].place, Place::Flag { name: "--set listen.plain".into() });
    }
    let tls = &[("listen.tls", "0.0.0.0:1"), ("tls.dev", "true")];
    assert_eq!(Given { flags: tls, ..NOTHING }.mistakes().len(), 1);
    for address in ["127.9.9.9:1", "[::1]:1", "[::ffff:127.0.0.1]:1"] {
        assert!(Given { flags: &[("listen.plain", address)], ..NOTHING }.load().is_ok());
    }
    let password = &[("listen.plain", "0.0.0.0:1"), ("auth.kind", "password")];
    let config = Given { flags: password, ..NOTHING }.load().unwrap();
    assert_eq!(check::warnings(&config).len(), 1);
}

#[test]
fn settings_that_do_not_go_together_are_told() {
    let faults: &[(&[(&str, &str)], Fault)] = &[
        (&[("auth.kind", "token")], Fault::NoTokenKey),
        (&[("tls.cert", "c")], Fault::HalfCertificate { given: "tls.cert", missing: "tls.key" }),
        (&[("tls.key", "k")], Fault::HalfCertificate { given: "tls.key", missing: "tls.cert" }),
        (&[("tls.cert", "c"), ("tls.key", "k"), ("tls.dev", "true")], Fault::TwoCertificates),
        (&[("listen.tls", "127.0.0.1:1")], Fault::NoCertificate),
        (&[("listen.plain", "")], Fault::NotListening),
        (
            &[("listen.plain", "127.0.0.1:7583"), ("tls.dev", "true")],
            Fault::SameAddress { address: "127.0.0.1:7583".parse().unwrap() },
        ),
        (
            &[("limits.max_body", "200000"), ("limits.page_bytes", "65536")],
            Fault::TooSmall {
                key: "limits.page_bytes",
                value: 65_536,
                least: 200_000,
                of: "limits.max_body",
            },
        ),
        (
            &[("limits.heartbeat_ms", "100"), ("limits.pings_per_s", "9")],
            Fault::TooSmall {
                key: "limits.pings_per_s",
                value: 9,
                least: 10,
                of: "one for each limits.heartbeat_ms",
            },
        ),
    ];
    for (flags, fault) in faults {
        let Mistakes(mistakes) = Given { flags, ..NOTHING }.load().unwrap_err();
        assert_eq!(mistakes.len(), 1, "{mistakes:?}");
        assert_eq!(mistakes[0].fault, *fault);
    }
}

#[test]
fn rules_are_silent_about_a_setting_with_a_mistake() {
    let flags = &[("listen.plain", "0.0.0.0:1"), ("auth.kind", "pasword")];
    assert_eq!(Given { flags, ..NOTHING }.mistakes().len(), 1);
    let file = "[listen]\nplain = \"0.0.0.0:1\"\n[auth]\nknd = \"password\"\n";
    assert_eq!(Given { file, ..NOTHING }.mistakes().len(), 1);
}

#[test]
fn tls_listens_beside_the_plain_address_unless_it_is_told_where() {
    fn tls(flags: &[(&str, &str)]) -> Option<std::net::SocketAddr> {
        Given { flags, ..NOTHING }.load().unwrap().listen.tls
    }
    assert_eq!(tls(&[]), None);
    let dev = ("tls.dev", "true");
    assert_eq!(tls(&[dev, ("listen.plain", "[::1]:9")]), "[::1]:7583".parse().ok());
    assert_eq!(tls(&[dev, ("listen.plain", "")]), "127.0.0.1:7583".parse().ok());
    assert_eq!(tls(&[dev, ("listen.tls", "127.0.0.2:0")]), "127.0.0.2:0".parse().ok());
}

#[test]
fn what_uses_few_settings_is_not_held_up_by_the_rules() {
    let sources = Sources { flags: vec![flag("auth.kind", "token")], ..Sources::default() };
    assert!(load(&sources).is_err());
    assert_eq!(load_unchecked(&sources).unwrap().auth.kind, AuthKind::Token);
}
