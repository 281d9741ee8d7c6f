//! The binary: reads what was typed, and calls the library. Must never hold a rule.

use std::io::{self, Write};
use std::process::ExitCode;

use mimalloc::MiMalloc;
use packetboat::auth::token;
use packetboat::cli::{self, Command, ServeArgs, StatsArgs, TokenArgs, UserArgs};
use packetboat::config::settings::{Config, LogFormat};
use packetboat::config::{self, check, print};
use packetboat::greeting::{Programs, greeting};
use packetboat::places;
use packetboat::server::{NoOutlet, Server, as_found, check_files, open_store};
use packetboat::{stats, user};
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::EnvFilter;

/// docs/adr/0026
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    let command = cli::parse(std::env::args_os()).unwrap_or_else(|error| error.exit());
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => return failed(&error),
    };
    let done = runtime.block_on(async {
        match command {
            Command::Serve(args) => serve(args).await,
            Command::User(args) => users(args).await,
            Command::Stats(args) => numbers(args).await,
            Command::Token(args) => sign(&args),
            Command::Completions { shell } => {
                Ok(cli::show(&cli::completions(shell), &mut io::stdout())?)
            }
        }
    });
    match done {
        // A thread that is stuck in a failed disk must not keep the process: it has ended.
        Ok(()) => std::process::exit(0),
        Err(error) => failed(&*error),
    }
}

type Done = Result<(), Box<dyn std::error::Error>>;

fn failed(error: &dyn std::error::Error) -> ExitCode {
    eprintln!("packetboat: {error}");
    std::process::exit(1)
}

async fn serve(args: ServeArgs) -> Done {
    if args.print_config {
        return Ok(cli::show(print::defaults().as_bytes(), &mut io::stdout())?);
    }
    let config = config::load(&args.sources())?;
    if args.check {
        let mistakes: Vec<_> = check_files(&config).iter().map(ToString::to_string).collect();
        return match mistakes.as_slice() {
            [] => Ok(writeln!(io::stdout(), "the configuration is good")?),
            mistakes => Err(mistakes.join("\n  ").into()),
        };
    }
    start_log(&config)?;
    for warning in check::warnings(&config) {
        tracing::warn!("{warning}");
    }
    let mut terminated = signal(SignalKind::terminate())?;
    let mut interrupted = signal(SignalKind::interrupt())?;
    places::raise_limit(config.listen.connections_max);
    let server = Server::start(&config).await?;
    let mut out = io::stdout();
    out.write_all(greeting(&config, &server.bound(), &programs()).as_bytes())?;
    out.flush()?;
    let stop = async {
        tokio::select! {
            _ = terminated.recv() => {}
            _ = interrupted.recv() => {}
        }
    };
    Ok(server.run(stop).await?)
}

/// How somebody who started this binary calls the programs.
fn programs() -> Programs {
    let Ok(exe) = std::env::current_exe() else { return Programs::installed() };
    let by_cargo = std::env::var_os("CARGO").is_some();
    Programs::of(&exe, by_cargo, &std::env::var_os("PATH").unwrap_or_default())
}

fn start_log(config: &Config) -> Done {
    let filter = EnvFilter::try_new(&config.log.filter)?;
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr);
    match config.log.format {
        LogFormat::Text => log.init(),
        LogFormat::Json => log.json().init(),
    }
    Ok(())
}

async fn users(args: UserArgs) -> Done {
    let config = config::load_unchecked(&args.sources())?;
    let settings = &config.store;
    let open =
        async || open_store(&as_found(settings), (&config.contacts, true), 0, NoOutlet).await;
    user::run(&args.action, &settings.data, open, &mut io::stdout()).await?;
    Ok(())
}

async fn numbers(args: StatsArgs) -> Done {
    let config = config::load_unchecked(&args.sources())?;
    Ok(stats::run(&config.store.data, args.json, &mut io::stdout()).await?)
}

fn sign(args: &TokenArgs) -> Done {
    let now_s = packetboat::clock::wall_ms() / 1_000;
    let audience = args.audience.as_deref();
    let token = token::sign(&args.key_file, &args.user, audience, now_s, args.ttl)?;
    Ok(writeln!(io::stdout(), "{token}")?)
}
