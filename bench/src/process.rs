//! A `wago` process, from its `ready` line to its end.

use std::{
    ffi::OsStr,
    io::{BufRead as _, BufReader},
    path::Path,
    process::{Child, ChildStdout, Command, Stdio},
    time::Instant,
};

use anyhow::{Context as _, Result, ensure};

pub struct Process {
    child: Child,
    /// Kept open: a process that cannot print would end.
    _stdout: BufReader<ChildStdout>,
    url: String,
    started: Instant,
}

impl Process {
    /// Returns when it says that it is ready. Its log goes where ours goes.
    pub fn start(program: &Path, args: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Result<Self> {
        let started = Instant::now();
        let mut child = Command::new(program)
            .args(args)
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("{} cannot be started", program.display()))?;
        let stdout = child.stdout.take().context("its output was asked for")?;
        let mut stdout = BufReader::new(stdout);
        let url = loop {
            let mut line = String::new();
            let read = stdout.read_line(&mut line)?;
            ensure!(read > 0, "{} ended before it was ready", program.display());
            let mut words = line.split_whitespace();
            if words.next() == Some("ready") {
                break words.next().context("ready, but where?")?.to_owned();
            }
        };
        Ok(Self { child, _stdout: stdout, url, started })
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    pub fn url(&self) -> &str {
        &self.url
    }

    pub fn started(&self) -> Instant {
        self.started
    }

    /// Asks it to end, and waits for that.
    pub fn stop(mut self) -> Result<()> {
        let asked = Command::new("kill").args(["-TERM", &self.id().to_string()]).status()?;
        ensure!(asked.success(), "the process could not be asked to end");
        let end = self.child.wait()?;
        ensure!(end.success(), "a process ended with {end}");
        Ok(())
    }
}

impl Drop for Process {
    /// Nothing is left behind when a measurement fails; after [`Process::stop`] there is nothing to end.
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
