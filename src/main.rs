//! The command line: arguments to the daemon or to one of its tools.

use std::io::{IsTerminal, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::{Parser, Subcommand};
use splashdam::config::{self, Config, Diagnostics};
use splashdam::daemon::{self, RunOptions, ctl, terminal};
use splashdam::harness::{flood, raw_copy, sink};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Name under which diagnostics show the embedded configuration.
const DEFAULT_NAME: &str = "embedded configuration";

/// Log aggregation daemon, configured in rsyslog's language
#[derive(Debug, Parser)]
#[command(
    name = "splashdam",
    disable_version_flag = true,
    args_conflicts_with_subcommands = true
)]
struct Arguments {
    /// Configuration file; without it the embedded default is used
    #[arg(short = 'f', value_name = "FILE")]
    file: Option<PathBuf>,
    /// Stay in the foreground; always so, accepted because rsyslogd has it
    #[arg(short = 'n')]
    foreground: bool,
    /// Write the process number to this file
    #[arg(short = 'i', value_name = "PIDFILE")]
    pid_file: Option<PathBuf>,
    /// Do not change to the root directory
    #[arg(short = 'C')]
    keep_directory: bool,
    /// Check the configuration only; exit code 1 if it has errors
    #[arg(short = 'N', value_name = "LEVEL", value_parser = clap::value_parser!(u8).range(1..))]
    check: Option<u8>,
    /// Print the version
    #[arg(short = 'v', long = "version")]
    version: bool,
    /// Print the embedded default configuration, to start from
    #[arg(long)]
    print_default_config: bool,
    #[command(subcommand)]
    tool: Option<Tool>,
}

#[derive(Debug, Subcommand)]
enum Tool {
    /// Ask a running daemon
    Ctl(ctl::CtlArgs),
    /// Generate load: send numbered messages
    Flood(flood::FloodArgs),
    /// Receive or read numbered messages and verify them
    Sink(sink::SinkArgs),
    /// The raw limit: receive and write the same bytes
    #[command(hide = true)]
    RawCopy(raw_copy::RawCopyArgs),
}

fn main() -> ExitCode {
    let result = match Arguments::parse() {
        Arguments {
            tool: Some(tool), ..
        } => use_tool(tool),
        arguments => be_daemon(&arguments),
    };
    result.unwrap_or_else(|error| {
        terminal::warn(format_args!("{error:#}"));
        ExitCode::FAILURE
    })
}

fn use_tool(tool: Tool) -> Result<ExitCode> {
    match tool {
        Tool::Ctl(arguments) => ctl::run(&arguments),
        Tool::Flood(arguments) => flood::run(arguments),
        Tool::Sink(arguments) => sink::run(arguments),
        Tool::RawCopy(arguments) => raw_copy::run(arguments),
    }
}

fn be_daemon(arguments: &Arguments) -> Result<ExitCode> {
    if arguments.version {
        terminal::print(concat!("splashdam ", env!("CARGO_PKG_VERSION"), "\n"))?;
        return Ok(ExitCode::SUCCESS);
    }
    if arguments.print_default_config {
        terminal::print(config::DEFAULT)?;
        return Ok(ExitCode::SUCCESS);
    }
    let loaded = match &arguments.file {
        Some(path) => Config::load(path),
        None => Config::from_text(DEFAULT_NAME, config::DEFAULT),
    };
    let (mut config, warnings) = match loaded {
        Ok(loaded) => loaded,
        Err(errors) => {
            show(&errors);
            return Ok(ExitCode::FAILURE);
        }
    };
    show(&warnings);
    if arguments.check.is_some() {
        terminal::warn("the configuration is valid");
        return Ok(ExitCode::SUCCESS);
    }
    let options = RunOptions {
        // A relative path is meant from where the daemon was started.
        pid_file: match &arguments.pid_file {
            Some(path) => Some(std::path::absolute(path)?),
            None => None,
        },
        greeting: arguments.file.is_none().then(|| greeting(&config)),
    };
    if arguments.file.is_some() && !arguments.keep_directory {
        let start = std::env::current_dir().context("cannot find the working directory")?;
        config.resolve_paths(&start);
        std::env::set_current_dir("/").context("cannot change to the root directory")?;
    }
    daemon::run(config, options)
}

/// Prints diagnostics to standard error, in colour on a terminal.
fn show(diagnostics: &Diagnostics) {
    let text = diagnostics.render(std::io::stderr().is_terminal());
    // Nobody may be reading; the exit code tells all the same.
    let _ = std::io::stderr().write_all(text.as_bytes());
}

/// What a user who starts the default configuration needs to know.
fn greeting(config: &Config) -> String {
    // As it was started: it need not be in PATH.
    let program = std::env::args_os().next().unwrap_or("splashdam".into());
    let program = program.display();
    let mut lines = vec!["Splashdam runs with its embedded default configuration.".to_owned()];
    for listener in &config.listeners {
        let (address, port) = (listener.address, listener.port);
        lines.push(format!("  receives  syslog over TCP on {address}:{port}"));
    }
    for path in config.actions.iter().filter_map(|action| action.file()) {
        lines.push(format!("  writes    {}", path.display()));
    }
    if let Some(listener) = config.listeners.first() {
        lines.push(format!(
            "  try       logger --tcp --server {} --port {} --octet-count 'Hello, Splashdam'",
            listener.address, listener.port
        ));
    }
    if let Some(path) = config.actions.iter().find_map(|action| action.file()) {
        lines.push(format!("            tail {}", path.display()));
    }
    lines.push(format!("  watch     {program} ctl stats"));
    lines.push(format!(
        "  your own  {program} --print-default-config > splashdam.conf; {program} -f splashdam.conf"
    ));
    lines.push("  stop      Ctrl-C".to_owned());
    lines.join("\n")
}
