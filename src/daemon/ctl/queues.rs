//! `splashdam ctl queues` and `splashdam ctl queue`.

use std::path::Path;

use anyhow::{Context, Result};
use clap::builder::NonEmptyStringValueParser;
use clap::{Args, Subcommand};
use hyper::Method;

use super::bar::Charset;
use super::queue_table::table;
use super::{ask_in_time, encoded, understood, watch};
use crate::daemon::terminal;

/// Arguments of `splashdam ctl queues`.
#[derive(Debug, Args)]
pub struct QueuesArgs {
    /// As JSON
    #[arg(long)]
    json: bool,
    /// Show it again every second, until interrupted
    #[arg(long, conflicts_with = "json")]
    watch: bool,
}

/// Arguments of `splashdam ctl queue`.
#[derive(Debug, Args)]
pub struct QueueArgs {
    /// Its name, as `ctl queues` shows it
    name: String,
    #[command(subcommand)]
    order: Order,
}

#[derive(Debug, Subcommand)]
enum Order {
    /// Hold its workers off: messages collect in it
    Pause,
    /// Let its workers go on
    Resume,
    /// Discard the messages that wait in it
    Purge {
        /// Only those of this severity or less important: 0 to 7, or emerg, alert,
        /// crit, err, warning, notice, info, debug
        #[arg(long, value_parser = NonEmptyStringValueParser::new())]
        severity: Option<String>,
    },
}

/// Shows the queues.
///
/// # Errors
/// No daemon answers; the terminal is closed.
pub async fn show(socket: &Path, arguments: &QueuesArgs) -> Result<()> {
    if arguments.json {
        let answer = ask_in_time(socket, Method::GET, "/queues").await?;
        terminal::print(format!("{}\n", String::from_utf8_lossy(&answer)))?;
        return Ok(());
    }
    let charset = Charset::of_locale();
    watch::show(arguments.watch, async || {
        let answer = ask_in_time(socket, Method::GET, "/queues").await?;
        let queues: Vec<_> = understood(&answer)?;
        Ok(table(&queues, terminal::width(), charset))
    })
    .await
}

/// Has the daemon do something to a queue, and says what it has done.
///
/// # Errors
/// No daemon answers; there is no such queue or severity.
pub async fn order(socket: &Path, arguments: &QueueArgs) -> Result<()> {
    let name = encoded(&arguments.name);
    let (word, path) = match &arguments.order {
        Order::Pause => ("pause", format!("/queues/{name}/pause")),
        Order::Resume => ("resume", format!("/queues/{name}/resume")),
        Order::Purge { severity: None } => ("purge", format!("/queues/{name}/purge")),
        Order::Purge {
            severity: Some(severity),
        } => (
            "purge",
            format!("/queues/{name}/purge/{}", encoded(severity)),
        ),
    };
    let answer = ask_in_time(socket, Method::POST, &path).await;
    let answer = answer.with_context(|| format!("cannot {word} the queue '{}'", arguments.name))?;
    terminal::print(format!("{}\n", String::from_utf8_lossy(&answer)))?;
    Ok(())
}
