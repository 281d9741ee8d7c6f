//! Runs what the command line asks for. Must never outlive its command: a thread that still reads
//! stdin is left behind.

use std::io::IsTerminal;
use std::time::Duration;

use clap::CommandFactory;
use packetboat_client::Context;
use tokio::runtime::Builder;

use crate::account::Account;
use crate::command::{Command, CommandLine};
use crate::failure::Failure;
use crate::out::Out;
use crate::script::send::Manner;
use crate::script::{
    change, chats, contact, device, file, group, history, keys, own, ping, presence, receipt, recv,
    room, schedule, search, send,
};
use crate::tui;
use crate::visit::visit;

/// Threads that run tasks: a client's and the command's own.
const WORKERS: usize = 2;

/// Runs a command.
pub(crate) fn run(line: CommandLine) -> Result<(), Failure> {
    let mut out = Out::stdout(line.json);
    let command = line.command.unwrap_or_default();
    if let Command::Completions { shell } = command {
        let mut text = Vec::new();
        let mut command = CommandLine::command();
        clap_complete::generate(shell, &mut command, "packetboat-cli", &mut text);
        return out.raw(&text);
    }
    let account = Account::new(line.account)?;
    let runtime = Builder::new_multi_thread().worker_threads(WORKERS).enable_all().build();
    let runtime = runtime.map_err(Failure::Runtime)?;
    let outcome = runtime.block_on(dispatch(&account, line.timeout, command, &mut out));
    runtime.shutdown_background();
    outcome
}

async fn dispatch(
    account: &Account,
    timeout: Option<Duration>,
    command: Command,
    out: &mut Out,
) -> Result<(), Failure> {
    match command {
        Command::Chat { target, start } => {
            check_terminal(out.is_json(), timeout)?;
            let target = target.map(|target| target.chat(&account.user));
            tui::chat(account, target, start.start.0).await
        }
        Command::Recv(args) => recv::recv(account, &args, timeout, out).await,
        Command::Send(args) => {
            let chat = args.target.chat(&account.user);
            let context = args.context.in_context(Context::default());
            let drafts = send::drafts(args.text, Manner { context, media_type: args.media_type })?;
            send::post(account, &chat, drafts, timeout, out).await
        }
        Command::Change(command) => change::run(account, command, timeout, out).await,
        Command::Keys(command) => keys::run(account, command, timeout, out).await,
        Command::Receipt(command) => receipt::run(account, command, timeout, out).await,
        Command::Schedule(command) => schedule::run(account, command, timeout, out).await,
        Command::Search(args) => {
            visit(account, timeout, async |visit| search::search(visit, account, args, out).await)
                .await
        }
        Command::File(command) => file::run(account, command, timeout, out).await,
        Command::Group(command) => group::run(account, command, timeout, out).await,
        Command::Room(command) => room::run(account, command, timeout, out).await,
        Command::Contact(command) => {
            visit(account, timeout, async |visit| contact::run(visit, command, out).await).await
        }
        Command::Device(command) => device::run(account, command, timeout, out).await,
        Command::Presence(command) => presence::run(account, command, timeout, out).await,
        Command::Ping { count } => {
            visit(account, timeout, async |visit| ping::ping(visit, count, out).await).await
        }
        Command::History { chat, limit, before, after } => {
            let chat = chat.chat(&account.user);
            let range = history::Range { limit, before, after };
            visit(account, timeout, async |visit| history::history(visit, &chat, range, out).await)
                .await
        }
        Command::Chats { chats: named, recent } => {
            visit(account, timeout, async |visit| chats::chats(visit, &named, recent, out).await)
                .await
        }
        Command::Own(command) => {
            visit(account, timeout, async |visit| own::run(visit, command, out).await).await
        }
        Command::Completions { .. } => Ok(()),
    }
}

fn check_terminal(json: bool, timeout: Option<Duration>) -> Result<(), Failure> {
    let wrong = |why: &str| Err(Failure::Usage(why.to_owned()));
    if json {
        return wrong("chat has no --json: for scripts there are send, recv and history");
    }
    if timeout.is_some() {
        return wrong("chat has no --timeout: it tries until you quit");
    }
    if !std::io::stdout().is_terminal() || !std::io::stdin().is_terminal() {
        return wrong("chat needs a terminal: for scripts there are send, recv and history");
    }
    Ok(())
}
