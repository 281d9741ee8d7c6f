//! `packetboat serve --check`: finds what a start would find, and starts nothing.

use std::fs;
use std::path::Path;
use std::process::Output;

use tokio::process::Command;

async fn checked(folder: &Path, flags: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_packetboat"));
    command.args(["serve", "--check", "--data", "data"]).args(flags).current_dir(folder);
    command.output().await.unwrap()
}

#[tokio::test]
async fn the_files_that_settings_name_are_looked_at() {
    let folder = tempfile::tempdir().unwrap();
    let token = ["--auth", "token", "--set", "auth.token_key=key"];
    let tls = ["--tls-cert", "cert.pem", "--tls-key", "key.pem"];
    let both = checked(folder.path(), &[&token[..], &tls[..]].concat()).await;
    assert_eq!(both.status.code(), Some(1));
    assert_eq!(both.stdout, b"");
    let reasons = String::from_utf8(both.stderr).unwrap();
    assert!(reasons.contains("the token key key cannot be read"), "{reasons}");
    assert!(reasons.contains("cert.pem cannot be read"), "{reasons}");

    fs::write(folder.path().join("key"), [7; 31]).unwrap();
    let short = checked(folder.path(), &token).await;
    assert_eq!(short.status.code(), Some(1));
    let reason = String::from_utf8(short.stderr).unwrap();
    assert!(reason.contains("31 bytes") && reason.lines().count() == 1, "{reason}");

    fs::write(folder.path().join("key"), [7; 32]).unwrap();
    let good = checked(folder.path(), &token).await;
    assert!(good.status.success(), "{good:?}");
}

#[tokio::test]
async fn nothing_is_made() {
    let folder = tempfile::tempdir().unwrap();
    let good = checked(folder.path(), &["--tls-dev"]).await;
    assert!(good.status.success(), "{good:?}");
    assert_eq!(good.stdout, b"the configuration is good\n");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}
