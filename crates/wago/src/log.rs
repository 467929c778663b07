use std::io;

use tracing_subscriber::EnvFilter;

use crate::config::Log;

/// Starts logging to standard error. Whoever started it before, such as a test, keeps theirs.
pub fn start(log: &Log) {
    let builder = tracing_subscriber::fmt().with_env_filter(EnvFilter::new(&log.filter)).with_writer(io::stderr);
    let started = if log.json {
        builder.json().try_init()
    } else {
        let colours = io::IsTerminal::is_terminal(&io::stderr());
        builder.with_ansi(colours).try_init()
    };
    if started.is_err() {
        tracing::debug!("logging was started before");
    }
}
