//! `lakedr`: parse, wire up, carry out one command, say how it ended.

use std::io::{self, IsTerminal as _, Write as _};
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser as _;
use indicatif::MultiProgress;
use lakedr::cli::{Cli, LogFormat};
use lakedr::command::{self, Context};
use lakedr::error::chain;
use lakedr::exit::Exit;
use lakedr::report::{Format, Output};
use lakedr::world::World;
use tracing_subscriber::EnvFilter;

/// How long an interrupted call may take to give up the uploads and drills, and cancel the statements, that it has begun.
const GIVE_UP_WITHIN: Duration = Duration::from_millis(800);

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // help and version are answers, everything else is a mistake; a closed stream changes neither
            let _ = error.print();
            let exit = if error.use_stderr() { Exit::Usage } else { Exit::Ok };
            return ExitCode::from(exit.code());
        }
    };
    start_log(&cli);
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return fail(&cli, &error, Exit::Bug),
    };
    let exit = runtime.block_on(run(&cli));
    runtime.shutdown_background();
    ExitCode::from(exit.code())
}

async fn run(cli: &Cli) -> Exit {
    let progress = (io::stderr().is_terminal() && !cli.global.quiet).then(MultiProgress::new);
    let output = Output::new(cli.global.output);
    let context = Context {
        world: World {
            region: cli.global.region.clone(),
            other_control: cli.global.other_control.clone(),
            ..World::new()
        },
        global: cli.global.clone(),
        output,
        progress,
    };
    let exit = tokio::select! {
        ended = command::run(&context, &cli.command) => match ended {
            Ok(exit) => exit,
            Err(error) => {
                let exit = error.exit();
                let _ = fail(cli, &error, exit);
                exit
            }
        },
        // every stage may be cut short at any point: the next call finishes or reuses what was begun
        () = interrupted() => Exit::Interrupted,
    };
    let statements = context.world.statements.cancel(GIVE_UP_WITHIN);
    if exit == Exit::Interrupted {
        for line in context.world.paused.left_behind() {
            let _ = writeln!(io::stderr(), "{line}");
        }
        let drills = context.world.drills.give_up(GIVE_UP_WITHIN);
        tokio::join!(context.world.copying.give_up(GIVE_UP_WITHIN), statements, drills);
    } else {
        statements.await;
    }
    exit
}

async fn interrupted() {
    let interrupt = tokio::signal::ctrl_c();
    let Ok(mut terminate) = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) else {
        let _ = interrupt.await;
        return;
    };
    tokio::select! {
        _ = interrupt => {}
        _ = terminate.recv() => {}
    }
}

/// Says why nothing was done: for people on stderr, and as the one JSON document on stdout where that is asked for.
fn fail(cli: &Cli, error: &dyn std::error::Error, exit: Exit) -> ExitCode {
    let message = chain(error);
    let _ = writeln!(io::stderr(), "error: {message}");
    if cli.global.output == Format::Json {
        let kind = match exit {
            Exit::Usage => "configuration",
            Exit::Unreachable => "unreachable",
            Exit::Bug => "internal",
            _ => "failed",
        };
        let document = serde_json::json!({"groups": [], "error": {"type": kind, "message": message}});
        let _ = writeln!(io::stdout(), "{document}");
    }
    ExitCode::from(exit.code())
}

fn start_log(cli: &Cli) {
    let level = match (cli.global.quiet, cli.global.verbose) {
        (true, _) => "error",
        (false, 0) => "warn",
        (false, 1) => "warn,lakedr=info",
        (false, 2) => "info,lakedr=debug",
        (false, _) => "trace",
    };
    let log = tracing_subscriber::fmt().with_env_filter(EnvFilter::new(level)).with_writer(io::stderr);
    match cli.global.log_format {
        LogFormat::Text => log.with_ansi(io::stderr().is_terminal()).init(),
        LogFormat::Json => log.json().init(),
    }
}
